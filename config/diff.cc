// The comparison of two configurations; see diff.h.
#include "config/diff.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "config/keys.h"
#include "config/value_text.h"

namespace config {
namespace {

template <typename Named>
std::vector<Change> changes(const std::vector<Named>& old, const std::vector<Named>& next) {
  std::unordered_map<std::string_view, std::size_t> left;  // Of old: those not met in next yet.
  left.reserve(old.size());
  for (std::size_t i = 0; i < old.size(); ++i) left.emplace(old[i].name, i);
  std::vector<Change> all;
  for (std::size_t i = 0; i < next.size(); ++i) {
    Change change{.name = next[i].name, .kind = ChangeKind::kAdded, .old_index = 0, .new_index = i};
    if (const auto found = left.find(next[i].name); found != left.end()) {
      change.old_index = found->second;
      const bool same = old[found->second] == next[i];
      change.kind = same ? ChangeKind::kUnchanged : ChangeKind::kChanged;
      left.erase(found);
    }
    all.push_back(std::move(change));
  }
  for (std::size_t i = 0; i < old.size(); ++i) {
    if (!left.contains(old[i].name)) continue;
    all.push_back(
        {.name = old[i].name, .kind = ChangeKind::kRemoved, .old_index = i, .new_index = 0});
  }
  return all;
}

// What a running process cannot change, value by value.
class RestartFinder {
 public:
  template <typename T, typename Rule>
  void compare(std::string_view key, const T& old, const T& next, const Rule& rule, Mark mark) {
    if (old == next) return;
    found_.push_back({mark, quote(key) + " changes from " + value_text(old, rule) + " to " +
                                value_text(next, rule) + ", which needs a restart"});
  }

  // Of lists and many values, which no line could show.
  template <typename Section>
  void compare_sections(std::string_view key, const Section& old, const Section& next, Mark mark) {
    if (old == next) return;
    found_.push_back({mark, quote(key) + " changes, which needs a restart"});
  }

  std::vector<Problem> take() { return std::move(found_); }

 private:
  std::vector<Problem> found_;
};

// " 2 listeners added" and so on, for each kind that occurs.
void count_kinds(const std::vector<Change>& all, std::string_view what, std::string& out) {
  struct Verb {
    ChangeKind kind;
    std::string_view text;
  };
  constexpr std::array kVerbs = {Verb{ChangeKind::kAdded, "added"},
                                 Verb{ChangeKind::kRemoved, "removed"},
                                 Verb{ChangeKind::kChanged, "changed"}};
  for (const Verb& verb : kVerbs) {
    const auto count = std::count_if(
        all.begin(), all.end(), [&verb](const Change& change) { return change.kind == verb.kind; });
    if (count == 0) continue;
    if (!out.empty()) out += ", ";
    out.append(std::to_string(count)).append(" ").append(what).append(count > 1 ? "s " : " ");
    out += verb.text;
  }
}

}  // namespace

Diff diff(const Config& old, const Config& next) {
  RestartFinder restart;
  restart.compare("workers.count", old.workers.count, next.workers.count,
                  AutoIntegerRule{keys::kWorkers}, next.workers.count_mark);
  restart.compare("workers.cpus", old.workers.cpus, next.workers.cpus, CpusRule{},
                  next.workers.cpus_mark);
  restart.compare("transport", old.transport, next.transport,
                  ChoiceRule<TransportKind>{keys::kTransports}, next.transport_mark);
  restart.compare("io_uring.buffers", old.io_uring.buffers_bytes, next.io_uring.buffers_bytes,
                  keys::kReceiveBuffers, next.io_uring.buffers_mark);
  restart.compare_sections("dpdk", old.dpdk, next.dpdk, next.dpdk.mark);
  restart.compare("metrics.bind", old.metrics.bind.address, next.metrics.bind.address,
                  AddressUse::kMetrics, next.metrics.bind.mark);
  restart.compare("admin.enable", old.admin.enable, next.admin.enable,
                  ChoiceRule<AdminEnable>{keys::kAdminEnables}, next.admin.bind.mark);
  restart.compare("admin.bind", old.admin.bind.address, next.admin.bind.address, AddressUse::kAdmin,
                  next.admin.bind.mark);
  restart.compare("security.user", old.security.user, next.security.user, UserRule{},
                  next.security.user_mark);
  restart.compare("security.seccomp", old.security.seccomp, next.security.seccomp,
                  ChoiceRule<Seccomp>{keys::kSeccomps}, next.security.seccomp_mark);
  return {.listeners = changes(old.listeners, next.listeners),
          .upstreams = changes(old.upstreams, next.upstreams),
          .settings = !(old.log == next.log && old.shutdown == next.shutdown &&
                        old.admin.token_file == next.admin.token_file),
          .needs_restart = restart.take()};
}

std::string summary(const Diff& diff) {
  std::string out;
  count_kinds(diff.listeners, "listener", out);
  count_kinds(diff.upstreams, "upstream", out);
  if (diff.settings) out += out.empty() ? "settings changed" : ", settings changed";
  return out.empty() ? "no changes" : out;
}

}  // namespace config
