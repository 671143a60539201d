#include "proxy/reload_impact.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/assert.h"
#include "config/changed_keys.h"
#include "proxy/worker_metrics.h"

namespace proxy {
namespace {

using config::ChangeKind;

std::uint64_t count(std::int64_t sum) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(sum, 0));
}

std::uint64_t sessions_of(const UpstreamSeries& series) {
  return count(sum_over_workers(series, &UpstreamCells::sessions) +
               sum_over_workers(series, &UpstreamCells::queued));
}

SessionEffect removal(config::OnRemove on_remove) {
  switch (on_remove) {
    case config::OnRemove::kKeep:
      return SessionEffect::kKept;
    case config::OnRemove::kDrain:
      return SessionEffect::kDrained;
    case config::OnRemove::kClose:
      return SessionEffect::kClosed;
  }
  base::check_failed(__FILE__, __LINE__, "an on_remove of the enum");
}

class Impact {
 public:
  Impact(const Snapshot& now, const config::Config& next) : now_(now), next_(next) {}

  ReloadImpact find() {
    config::Diff diff = config::diff(now_.config, next_);
    impact_.needs_restart = std::move(diff.needs_restart);
    for (const config::Change& change : diff.upstreams) {
      if (change.kind == ChangeKind::kRemoved) removed_upstreams_.insert(change.old_index);
    }
    for (const config::Change& change : diff.listeners) add_listener(change);
    for (const config::Change& change : diff.upstreams) add_upstream(change);
    if (diff.settings) add_settings();
    return std::move(impact_);
  }

 private:
  using Counted = std::unordered_map<std::string, const EndpointSeries*>;

  // Nothing happens to sessions that are not there.
  void add(ImpactRow row) {
    if (row.sessions == 0) row.effect = SessionEffect::kNone;
    impact_.changes.push_back(std::move(row));
  }

  void add_listener(const config::Change& change) {
    if (change.kind == ChangeKind::kUnchanged) return;
    ImpactRow row{.what = ChangedThing::kListener,
                  .name = change.name,
                  .endpoint = {},
                  .change = change.kind,
                  .fields = {},
                  .effect = SessionEffect::kNewSessionsOnly};
    if (change.kind != ChangeKind::kAdded) {
      const ListenerPlan& plan = now_.listeners[change.old_index];
      row.sessions = count(sum_over_workers(*plan.series, &ListenerCells::sessions));
      // The sessions of a listener that goes stay, unless their upstream goes as well.
      if (removed_upstreams_.contains(plan.upstream)) {
        row.effect = removal(now_.upstreams[plan.upstream].config->on_remove);
      } else if (change.kind == ChangeKind::kRemoved) {
        row.effect = SessionEffect::kKept;
      }
    }
    if (change.kind == ChangeKind::kChanged) {
      row.fields = config::changed_keys(now_.config.listeners[change.old_index],
                                        next_.listeners[change.new_index]);
    }
    add(std::move(row));
  }

  void add_upstream(const config::Change& change) {
    if (change.kind == ChangeKind::kUnchanged) return;
    ImpactRow row{.what = ChangedThing::kUpstream,
                  .name = change.name,
                  .endpoint = {},
                  .change = change.kind,
                  .fields = {},
                  .effect = SessionEffect::kNewSessionsOnly};
    if (change.kind == ChangeKind::kAdded) {
      add(std::move(row));
      return;
    }
    const UpstreamPlan& plan = now_.upstreams[change.old_index];
    row.sessions = sessions_of(*plan.series);
    if (change.kind == ChangeKind::kRemoved) {
      row.effect = removal(plan.config->on_remove);  // No other one is known any more.
      add(std::move(row));
      return;
    }
    const config::Upstream& next = next_.upstreams[change.new_index];
    row.fields = config::changed_keys(*plan.config, next);
    std::erase(row.fields, "endpoints");  // They have rows of their own.
    if (!row.fields.empty()) add(std::move(row));
    if (!(plan.config->dns && next.dns)) add_endpoints(plan, next);
  }

  void add_endpoints(const UpstreamPlan& plan, const config::Upstream& next) {
    std::unordered_map<std::string, const config::Endpoint*> before;  // As the file has them.
    for (const config::Endpoint& each : plan.config->endpoints) {
      before.emplace(base::to_string(each.address), &each);
    }
    Counted there;  // Those of the DNS are among them.
    for (const EndpointPlan& each : plan.endpoints) {
      there.emplace(each.series->names.endpoint, each.series);
    }
    std::unordered_set<std::string> stays;
    if (next.original_dst) stays.insert(kOriginalDestination);
    for (const config::Endpoint& each : next.endpoints) {
      const std::string address = base::to_string(each.address);
      if (!stays.insert(address).second) continue;
      const auto found = before.find(address);
      if (found != before.end()) {
        auto fields = config::changed_keys(*found->second, each);
        if (fields.empty()) continue;
        add_endpoint(plan, address, there.at(address), ChangeKind::kChanged,
                     SessionEffect::kNewSessionsOnly, std::move(fields));
      } else if (!there.contains(address)) {
        add_endpoint(plan, address, nullptr, ChangeKind::kAdded, SessionEffect::kNone, {});
      }
    }
    for (const EndpointPlan& each : plan.endpoints) {
      const std::string& address = each.series->names.endpoint;
      if (!stays.insert(address).second) continue;
      // The upstream takes over its new settings before it parts with an endpoint.
      add_endpoint(plan, address, each.series, ChangeKind::kRemoved, removal(next.on_remove), {});
    }
  }

  // series: null where there are no sessions yet.
  void add_endpoint(const UpstreamPlan& plan, const std::string& address,
                    const EndpointSeries* series, ChangeKind change, SessionEffect effect,
                    std::vector<std::string> fields) {
    ImpactRow row{.what = ChangedThing::kEndpoint,
                  .name = plan.config->name,
                  .endpoint = address,
                  .change = change,
                  .fields = std::move(fields),
                  .effect = effect};
    if (series != nullptr)
      row.sessions = count(sum_over_workers(*series, &EndpointCells::sessions));
    add(std::move(row));
  }

  void add_settings() {
    ImpactRow row;
    const auto take = [&row](std::string_view section, const std::vector<std::string>& keys) {
      for (const std::string& key : keys) row.fields.push_back(std::string(section) + "." + key);
    };
    take("admin", config::changed_keys(now_.config.admin, next_.admin));
    take("log", config::changed_keys(now_.config.log, next_.log));
    take("shutdown", config::changed_keys(now_.config.shutdown, next_.shutdown));
    add(std::move(row));
  }

  const Snapshot& now_;
  const config::Config& next_;
  std::unordered_set<std::size_t> removed_upstreams_;
  ReloadImpact impact_;
};

}  // namespace

std::string_view name(ChangedThing what) {
  switch (what) {
    case ChangedThing::kListener:
      return "listener";
    case ChangedThing::kUpstream:
      return "upstream";
    case ChangedThing::kEndpoint:
      return "endpoint";
    case ChangedThing::kSettings:
      return "settings";
  }
  base::check_failed(__FILE__, __LINE__, "a thing of the enum");
}

std::string_view name(SessionEffect effect) {
  switch (effect) {
    case SessionEffect::kNone:
      return "none";
    case SessionEffect::kKept:
      return "kept";
    case SessionEffect::kDrained:
      return "drained";
    case SessionEffect::kClosed:
      return "closed";
    case SessionEffect::kNewSessionsOnly:
      return "new_sessions_only";
  }
  base::check_failed(__FILE__, __LINE__, "an effect of the enum");
}

ReloadImpact reload_impact(const Snapshot& now, const config::Config& next) {
  return Impact(now, next).find();
}

}  // namespace proxy
