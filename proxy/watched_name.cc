#include "proxy/watched_name.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>

namespace proxy {
namespace {

using base::Nanos;

// A line names so many addresses that came or went; the set itself has up to 256.
constexpr std::size_t kNamedMax = 8;

std::int64_t wall_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

// Appends " +address" for each of `of` that `others` does not have.
void name_missing(const std::vector<DnsAddress>& of, const std::vector<DnsAddress>& others,
                  char sign, std::size_t& named, std::string& text) {
  for (const DnsAddress& it : of) {
    const bool known = std::any_of(others.begin(), others.end(), [&](const DnsAddress& other) {
      return other.address == it.address;
    });
    if (known || ++named > kNamedMax) continue;
    text += ' ';
    text += sign;
    text += base::to_string(it.address);
  }
}

}  // namespace

std::string DnsOrder::key() const {
  // None of the parts can hold a line end.
  std::string text = upstream + '\n' + dns.name + '\n' + std::to_string(dns.port);
  text += dns.type == config::DnsType::kSrv ? "\nsrv" : "\na";
  for (const base::IpPort& from : dns.servers) text += '\n' + base::to_string(from);
  return text;
}

WatchedName::WatchedName(DnsOrder order, Log& log)
    : order_(std::move(order)), log_(log), set_(order_.dns) {}

void WatchedName::configure(DnsOrder order, const DnsFilter& filter, bool filter_changed,
                            Nanos now) {
  order_ = std::move(order);
  set_.configure(order_.dns);
  if (!filter_changed) return;
  next_lookup_ = std::min(next_lookup_, now);
  const std::vector<DnsAddress> before = set_.addresses();
  if (set_.drop_own(filter)) log_change(before);
}

void WatchedName::look_up(Nanos now) { lookup_ = std::make_unique<DnsLookup>(order_.dns, now); }

void WatchedName::add_waits(std::vector<pollfd>& waits) const {
  if (lookup_ != nullptr) lookup_->add_waits(waits);
}

Nanos WatchedName::deadline(Nanos now) const {
  Nanos deadline = set_.next_expiry();
  if (lookup_ != nullptr) return std::min(deadline, lookup_->deadline());
  if (next_lookup_ > now) deadline = std::min(deadline, next_lookup_);
  return deadline;
}

bool WatchedName::step(const std::vector<pollfd>& ready, Nanos now, const DnsFilter& filter,
                       std::uint64_t random) {
  const std::vector<DnsAddress> before = set_.addresses();
  bool publish = false;
  if (lookup_ != nullptr) {
    lookup_->process(ready, now);
    if (lookup_->answer()) {
      finish(now, filter, random);
      publish = true;
    }
  }
  if (set_.expire(now)) publish = true;
  if (set_.addresses() != before) log_change(before);
  return publish;
}

void WatchedName::finish(Nanos now, const DnsFilter& filter, std::uint64_t random) {
  DnsAnswer answer = *lookup_->answer();
  DnsIgnoredCounts ignored = filter.apply(answer.addresses);
  ignored[static_cast<std::size_t>(DnsIgnored::kTooMany)] +=
      static_cast<std::uint32_t>(lookup_->targets_ignored());
  if (answer.result == DnsResult::kOk && answer.addresses.empty()) {
    answer.result = DnsResult::kEmpty;
  }
  lookup_.reset();
  set_.take(answer, now, random);
  next_lookup_ = set_.next_lookup();
  count(answer, ignored);
  log_ignored(ignored);
  log_result(answer);
  last_ = answer.result;
  answered_ = true;
}

void WatchedName::count(const DnsAnswer& answer, const DnsIgnoredCounts& ignored) {
  order_.cells->looked_up(answer.result);
  if (answer.result == DnsResult::kOk) order_.cells->last_success_seconds.set(wall_seconds());
  for (std::size_t i = 0; i < ignored.size(); ++i) order_.cells->ignored[i].add(ignored[i]);
}

// Only what is new: a name server that is down for a day must not fill the log.
void WatchedName::log_result(const DnsAnswer& answer) {
  const bool news = answered_ ? answer.result != last_ : answer.result != DnsResult::kOk;
  const bool incomplete = answer.result == DnsResult::kOk && !answer.complete;
  if (incomplete && !reported_incomplete_) {
    log_.warning("upstream {}: a part of the lookup of {} failed; what it does not say is kept",
                 order_.upstream, order_.dns.name);
  }
  reported_incomplete_ = incomplete;
  if (!news) return;
  if (answer.result == DnsResult::kOk) {
    log_.info("upstream {}: {} is answered again", order_.upstream, order_.dns.name);
    return;
  }
  const std::size_t kept = set_.addresses().size();
  if (kept == 0) {
    log_.warning("upstream {}: the lookup of {} failed: {}; the upstream has no endpoint",
                 order_.upstream, order_.dns.name, reason_of(answer.result));
    return;
  }
  log_.warning("upstream {}: the lookup of {} failed: {}; {} addresses from before are kept",
               order_.upstream, order_.dns.name, reason_of(answer.result), kept);
}

void WatchedName::log_ignored(const DnsIgnoredCounts& ignored) {
  if (ignored == last_ignored_) return;
  last_ignored_ = ignored;
  for (std::size_t i = 0; i < ignored.size(); ++i) {
    if (ignored[i] == 0) continue;
    log_.warning("upstream {}: {} addresses of {} are ignored: {}", order_.upstream, ignored[i],
                 order_.dns.name, name(static_cast<DnsIgnored>(i)));
  }
}

void WatchedName::log_change(const std::vector<DnsAddress>& before) {
  const std::vector<DnsAddress>& after = set_.addresses();
  std::size_t named = 0;
  std::string changes;
  name_missing(after, before, '+', named, changes);
  name_missing(before, after, '-', named, changes);
  if (named == 0) changes = " other weights or priorities";
  if (named > kNamedMax) changes += " and " + std::to_string(named - kNamedMax) + " more";
  log_.info("upstream {}: {} has {} addresses now:{}", order_.upstream, order_.dns.name,
            after.size(), changes);
}

}  // namespace proxy
