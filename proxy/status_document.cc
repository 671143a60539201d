#include "proxy/status_document.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/time.h"
#include "config/keys.h"
#include "metrics/process_metrics.h"
#include "proxy/page_sums.h"

namespace proxy {
namespace {

using nlohmann::json;
using Contents = MetricsCatalog::Contents;
using Clock = std::chrono::system_clock;

double seconds_since_1970(Clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

std::string_view name_of(config::Balance balance) {
  for (const auto& choice : config::keys::kBalances) {
    if (choice.value == balance) return choice.name;
  }
  base::check_failed(__FILE__, __LINE__, "a balance of the table");
}

// A counter that a cell has one of for each cause.
template <typename Cells, typename Array>
std::uint64_t total_of_all(const Series<Cells>& series, const Array Cells::*counters) {
  std::uint64_t sum = 0;
  for (const auto& cells : series.cells) {
    for (const metrics::Counter& counter : (*cells).*counters) sum += counter.value();
  }
  return sum;
}

// What the routes of a listener, of an upstream or of everybody have moved and ended.
struct Traffic {
  std::array<std::uint64_t, backends::kDirections> bytes{};
  std::uint64_t ended = 0;

  void add(const Traffic& other) {
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] += other.bytes[i];
    ended += other.ended;
  }
  void write_bytes(json& to) const {
    to["bytes_to_upstream"] = bytes[0];
    to["bytes_to_client"] = bytes[1];
  }
};
static_assert(static_cast<std::size_t>(backends::Direction::kToUpstream) == 0);

using Ends = std::array<std::array<std::uint64_t, kCauses>, kActors>;

// Where an endpoint stands, in one word: what keeps new sessions away, the operator's wish first.
std::string_view endpoint_state(const Verdict& verdict, std::uint32_t weight, AdminState ordered) {
  switch (ordered) {
    case AdminState::kMaintenance:
      return "maintenance";
    case AdminState::kDrain:
      return "draining";
    case AdminState::kReady:
      break;
  }
  if (!verdict.healthy) return "down";
  if (verdict.ejected) return "ejected";
  return weight == 0 ? "weightless" : "up";
}

json endpoint_numbers(const EndpointSeries& series) {
  return {{"address", series.names.endpoint},
          {"healthy", series.verdict.healthy.load()},
          {"ejected", series.verdict.ejected.load()},
          {"sessions_active", sum_over_workers(series, &EndpointCells::sessions)},
          {"connect_failures_total", total_of_all(series, &EndpointCells::connect_failures)},
          {"override", nullptr}};
}

json upstream_numbers(const UpstreamSeries& series) {
  return {{"name", series.names.upstream},
          {"sessions_active", sum_over_workers(series, &UpstreamCells::sessions)},
          {"queue", sum_over_workers(series, &UpstreamCells::queued)},
          {"endpoints", json::array()}};
}

json pool_numbers(const UpstreamSeries& series) {
  const auto checkouts = [&](Checkout result) {
    const auto read = [result](const UpstreamCells& cells) -> auto& {
      return cells.checkouts[static_cast<std::size_t>(result)];
    };
    return total(series, read);
  };
  return {{"wanted", sum_over_workers(series, &UpstreamCells::pool_target)},
          {"idle", sum_over_workers(series, &UpstreamCells::pool_idle)},
          {"connecting", sum_over_workers(series, &UpstreamCells::pool_connecting)},
          {"hits_total", checkouts(Checkout::kHit)},
          {"misses_total", checkouts(Checkout::kMiss)},
          {"stale_total", checkouts(Checkout::kStale)}};
}

// Cumulative, as Prometheus has them; what is longer than the last bound is in the count only.
json histogram(const metrics::LatencySnapshot& snapshot) {
  const metrics::HistogramView view = snapshot.view();
  json buckets = json::array();
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < view.bounds.size(); ++i) {
    below += view.counts[i];
    buckets.push_back({base::to_seconds(view.bounds[i]), below});
  }
  return {{"count", snapshot.count()}, {"sum", view.sum_seconds}, {"buckets", std::move(buckets)}};
}

json override_of(const EndpointPlan& endpoint) {
  if (!endpoint.overridden) return nullptr;
  const EndpointOverride& ordered = *endpoint.overridden;
  return {{"state", name(ordered.state)},
          {"weight", ordered.weight ? json(*ordered.weight) : json(nullptr)}};
}

std::size_t count_overrides(const SnapshotPtr& snapshot) {
  std::size_t count = 0;
  if (snapshot == nullptr) return count;
  for (const UpstreamPlan& upstream : snapshot->upstreams) {
    for (const EndpointPlan& endpoint : upstream.endpoints) {
      if (endpoint.overridden) ++count;
    }
  }
  return count;
}

json or_null(std::optional<double> value) { return value ? json(*value) : json(nullptr); }

// One document in the making.
class Document {
 public:
  Document(const StatusSources& sources, const Contents& contents)
      : sources_(sources), contents_(contents), snapshot_(sources.status.snapshot()) {}

  json build();

 private:
  void add_program();
  void add_up_routes();
  void add_totals();
  void add_listeners();
  void add_upstreams();
  void add_removed_endpoints();
  void add_workers();
  void add_ends();
  void add_process();

  json listener_numbers(const ListenerSeries& series) const;
  json& upstream(const UpstreamSeries& series);
  json endpoint(const UpstreamPlan& plan, const EndpointPlan& endpoint);
  static const Traffic& traffic_of(const std::map<std::string, Traffic>& all,
                                   const std::string& name);

  // A snapshot may be older than the marks of the catalog by a moment: nothing is listed twice.
  template <typename Cells>
  bool removed(const Series<Cells>& series, const metrics::Gauge Cells::*sessions) const {
    return !listed_.contains(&series) && !series.configured &&
           sum_over_workers(series, sessions) > 0;
  }

  const StatusSources& sources_;
  const Contents& contents_;
  SnapshotPtr snapshot_;
  json document_;
  std::set<const void*> listed_;                 // Series.
  std::map<std::string, std::size_t> upstream_;  // Name to index in document_["upstreams"].

  Traffic all_;
  std::map<std::string, Traffic> of_listener_;
  std::map<std::string, Traffic> of_upstream_;
  Ends ends_{};
};

json Document::build() {
  add_program();
  add_up_routes();
  add_totals();
  add_listeners();
  add_upstreams();
  add_removed_endpoints();
  add_workers();
  add_ends();
  add_process();
  return std::move(document_);
}

void Document::add_program() {
  const ProgramStatus& status = sources_.status;
  document_["version"] = MILLRACE_VERSION;
  document_["transport"] = status.engine;
  document_["pid"] = getpid();
  document_["now"] = seconds_since_1970(Clock::now());
  document_["started"] = seconds_since_1970(status.started);
  document_["state"] = status.draining ? "draining" : status.ready ? "ready" : "starting";
  document_["config"] = {{"generation", snapshot_ != nullptr ? snapshot_->generation : 0},
                         {"reloads_accepted", status.reloads_accepted.load()},
                         {"reloads_refused", status.reloads_refused.load()},
                         {"last_reload_accepted", status.last_reload_accepted.load()},
                         {"overrides", count_overrides(snapshot_)}};
}

void Document::add_up_routes() {
  for (const auto& [names, series] : contents_.routes) {
    Traffic traffic;
    for (std::size_t i = 0; i < traffic.bytes.size(); ++i) {
      const auto read = [i](const RouteCells& cells) -> auto& { return cells.bytes[i]; };
      traffic.bytes[i] = total(*series, read);
    }
    for (std::size_t actor = 0; actor < kActors; ++actor) {
      for (std::size_t cause = 0; cause < kCauses; ++cause) {
        const auto read = [&](const RouteCells& cells) -> auto& {
          return cells.ended[actor][cause];
        };
        const std::uint64_t ended = total(*series, read);
        ends_[actor][cause] += ended;
        traffic.ended += ended;
      }
    }
    all_.add(traffic);
    of_listener_[names.listener].add(traffic);
    of_upstream_[names.upstream].add(traffic);
  }
}

void Document::add_totals() {
  std::int64_t active = 0;
  std::uint64_t accepted = 0;
  std::uint64_t rejected = 0;
  metrics::LatencySnapshot setup;
  for (const auto& [names, series] : contents_.listeners) {
    active += sum_over_workers(*series, &ListenerCells::sessions);
    accepted += total(*series, &ListenerCells::accepted);
    rejected += total_of_all(*series, &ListenerCells::rejected);
    setup.merge(merged(*series, &ListenerCells::setup));
    setup.merge(merged(*series, &ListenerCells::setup_pooled));
  }
  json& totals = document_["totals"];
  totals = {{"sessions_active", active},
            {"sessions_total", all_.ended},
            {"accepted_total", accepted},
            {"rejected_total", rejected},
            {"setup_seconds", histogram(setup)}};
  all_.write_bytes(totals);
}

const Traffic& Document::traffic_of(const std::map<std::string, Traffic>& all,
                                    const std::string& name) {
  static const Traffic kNone;
  const auto found = all.find(name);
  return found == all.end() ? kNone : found->second;
}

json Document::listener_numbers(const ListenerSeries& series) const {
  const Traffic& traffic = traffic_of(of_listener_, series.names.listener);
  json listener = {{"name", series.names.listener},
                   {"sessions_active", sum_over_workers(series, &ListenerCells::sessions)},
                   {"sessions_total", traffic.ended},
                   {"accepted_total", total(series, &ListenerCells::accepted)},
                   {"rejected_total", total_of_all(series, &ListenerCells::rejected)},
                   {"paused", sum_over_workers(series, &ListenerCells::paused) > 0}};
  traffic.write_bytes(listener);
  return listener;
}

void Document::add_listeners() {
  json& listeners = document_["listeners"] = json::array();
  if (snapshot_ != nullptr) {
    for (const ListenerPlan& plan : snapshot_->listeners) {
      listed_.insert(plan.series);
      json listener = listener_numbers(*plan.series);
      json& binds = listener["binds"] = json::array();
      for (const backends::ListenSpec& bind : plan.binds) {
        binds.push_back(base::to_string(bind.address));
      }
      listener["upstream"] = plan.config->upstream.name;
      listener["max_sessions"] = plan.config->max_sessions;
      listener["removed"] = false;
      listeners.push_back(std::move(listener));
    }
  }
  for (const auto& [names, series] : contents_.listeners) {
    if (!removed(*series, &ListenerCells::sessions)) continue;
    json listener = listener_numbers(*series);
    listener["binds"] = json::array();
    listener["upstream"] = nullptr;
    listener["max_sessions"] = 0;
    listener["removed"] = true;
    listeners.push_back(std::move(listener));
  }
}

// Valid until the next call.
json& Document::upstream(const UpstreamSeries& series) {
  json& upstreams = document_["upstreams"];
  upstream_[series.names.upstream] = upstreams.size();
  listed_.insert(&series);
  json upstream = upstream_numbers(series);
  traffic_of(of_upstream_, series.names.upstream).write_bytes(upstream);
  upstream["connect_failures_total"] = 0;
  upstreams.push_back(std::move(upstream));
  return upstreams.back();
}

void Document::add_upstreams() {
  document_["upstreams"] = json::array();
  if (snapshot_ != nullptr) {
    for (const UpstreamPlan& plan : snapshot_->upstreams) {
      json& now = upstream(*plan.series);
      now["balance"] = name_of(plan.config->balance);
      now["pool"] = plan.config->pool.idle > 0 ? pool_numbers(*plan.series) : json(nullptr);
      now["removed"] = false;
      for (const EndpointPlan& each : plan.endpoints) {
        now["endpoints"].push_back(endpoint(plan, each));
      }
    }
  }
  for (const auto& [names, series] : contents_.upstreams) {
    if (!removed(*series, &UpstreamCells::sessions)) continue;
    json& gone = upstream(*series);
    gone["balance"] = nullptr;
    gone["pool"] = nullptr;
    gone["removed"] = true;
  }
}

json Document::endpoint(const UpstreamPlan& plan, const EndpointPlan& endpoint) {
  listed_.insert(endpoint.series);
  json numbers = endpoint_numbers(*endpoint.series);
  numbers["weight"] = endpoint.weight;
  numbers["priority"] = endpoint.priority;
  numbers["max_sessions"] = endpoint.max_sessions;
  numbers["checked"] = plan.config->health.has_value();
  numbers["state"] =
      endpoint_state(endpoint.series->verdict, endpoint.weight, endpoint.admin_state());
  numbers["override"] = override_of(endpoint);
  numbers["removed"] = false;
  return numbers;
}

// And the failures of all endpoints, those that are gone included, because a counter never falls.
void Document::add_removed_endpoints() {
  for (const auto& [names, series] : contents_.endpoints) {
    const auto found = upstream_.find(names.upstream);
    if (found == upstream_.end()) continue;
    json& upstream = document_["upstreams"][found->second];
    json& failures = upstream["connect_failures_total"];
    failures =
        failures.get<std::uint64_t>() + total_of_all(*series, &EndpointCells::connect_failures);
    if (!removed(*series, &EndpointCells::sessions)) continue;
    json numbers = endpoint_numbers(*series);
    numbers["weight"] = 0;
    numbers["priority"] = 0;
    numbers["max_sessions"] = 0;
    numbers["checked"] = false;
    numbers["state"] = "draining";
    numbers["removed"] = true;
    upstream["endpoints"].push_back(std::move(numbers));
  }
}

void Document::add_workers() {
  json& workers = document_["workers"] = json::array();
  for (std::size_t i = 0; i < sources_.catalog.workers(); ++i) {
    const WorkerCells& cells = sources_.catalog.worker(i);
    workers.push_back({{"index", i},
                       {"engine", cells.transport.engine()},
                       {"sessions_active", cells.sessions.value()},
                       {"busy_seconds_total", number(cells.busy_nanoseconds.value()) * 1e-9}});
  }
}

void Document::add_ends() {
  json& ends = document_["ends"] = json::array();
  for (std::size_t actor = 0; actor < kActors; ++actor) {
    for (std::size_t cause = 0; cause < kCauses; ++cause) {
      if (ends_[actor][cause] == 0) continue;  // Most of the 80 pairs never happen.
      ends.push_back({{"actor", name(static_cast<Actor>(actor))},
                      {"cause", name(static_cast<Cause>(cause))},
                      {"count", ends_[actor][cause]}});
    }
  }
}

void Document::add_process() {
  document_["access_log"] = {{"written", sources_.access_log.written()},
                             {"dropped", sources_.access_log.dropped()}};
  const metrics::ProcessNumbers process = metrics::read_process_numbers();
  document_["process"] = {{"resident_bytes", or_null(process.resident_bytes)},
                          {"open_fds", or_null(process.open_fds)},
                          {"max_fds", or_null(process.max_fds)},
                          {"cpu_seconds_total", or_null(process.cpu_seconds)}};
}

}  // namespace

json status_document(const StatusSources& sources) {
  json document;
  sources.catalog.read(
      [&](const Contents& contents) { document = Document(sources, contents).build(); });
  return document;
}

std::string to_text(const json& document) {
  return document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace proxy
