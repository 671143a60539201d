#include "proxy/dns_directory.h"

#include <chrono>
#include <utility>

namespace proxy {

void DnsDirectory::expect(const std::vector<std::string>& keys) {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::optional<DnsFinding>> next;
  for (const std::string& key : keys) {
    const auto known = findings_.find(key);
    next.emplace(key, known != findings_.end() ? known->second : std::nullopt);
  }
  findings_ = std::move(next);
}

std::optional<DnsFinding> DnsDirectory::wait_for(const std::string& key, base::Nanos until) const {
  std::unique_lock lock(mutex_);
  const auto found = findings_.find(key);
  if (found == findings_.end()) return std::nullopt;
  // Main waits and main changes the keys, so the entry stays where it is.
  published_.wait_until(lock, std::chrono::steady_clock::time_point(until),
                        [&] { return found->second.has_value(); });
  return found->second;
}

void DnsDirectory::publish(const std::string& key, DnsFinding finding) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = findings_.find(key);
    if (found == findings_.end()) return;
    const bool same =
        found->second ? found->second->addresses == finding.addresses : finding.addresses.empty();
    if (!same) ++version_;
    found->second = std::move(finding);
  }
  published_.notify_all();
}

std::uint64_t DnsDirectory::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

}  // namespace proxy
