#include "proxy/supervisor.h"

#include <fmt/format.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <future>
#include <map>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/cpu.h"
#include "base/prng.h"
#include "proxy/descriptor_budget.h"
#include "proxy/refusals.h"

namespace proxy {
namespace {

// Marks what the catalog shows as being in the configuration in force.
void mark_in_force(const Snapshot& snapshot, MetricsCatalog& catalog) {
  catalog.forget_configuration();
  for (const ListenerPlan& listener : snapshot.listeners) {
    catalog.listener(listener.series->names.listener);
    catalog.route(listener.route->names.listener, listener.route->names.upstream);
  }
  for (const UpstreamPlan& upstream : snapshot.upstreams) {
    if (upstream.config->dns) catalog.dns(upstream.series->names.upstream);
    catalog.upstream(upstream.series->names.upstream);
    for (const EndpointPlan& endpoint : upstream.endpoints) {
      catalog.endpoint(endpoint.series->names.upstream, endpoint.series->names.endpoint);
    }
  }
}

// Whether an endpoint of that name is or may come to be in the upstream.
bool may_have_endpoint(const config::Upstream& upstream, const std::string& endpoint) {
  if (upstream.dns) return true;
  if (upstream.original_dst) return endpoint == kOriginalDestination;
  return std::any_of(upstream.endpoints.begin(), upstream.endpoints.end(),
                     [&](const auto& each) { return base::to_string(each.address) == endpoint; });
}

// For an error that says what there is, without filling a screen.
std::string some_of(const std::vector<std::string_view>& all) {
  constexpr std::size_t kNamed = 10;
  if (all.empty()) return "none";
  std::string text;
  for (std::size_t i = 0; i < std::min(all.size(), kNamed); ++i) {
    if (i > 0) text += ", ";
    text += all[i];
  }
  if (all.size() > kNamed) text += " and " + std::to_string(all.size() - kNamed) + " more";
  return text;
}

}  // namespace

std::vector<int> Supervisor::worker_cpus(const config::Workers& workers) {
  const std::vector<int> cpus = workers.cpus ? *workers.cpus : base::usable_cpus();
  const std::size_t count = workers.count ? *workers.count : cpus.size();
  std::vector<int> assigned;
  for (std::size_t i = 0; i < count; ++i) assigned.push_back(cpus[i % cpus.size()]);
  return assigned;
}

Supervisor::Supervisor(backends::TransportFactory& factory, MetricsCatalog& catalog,
                       AccessLog& access_log, Log& log)
    : factory_(factory),
      catalog_(catalog),
      access_log_(access_log),
      log_(log),
      claims_(factory),
      dns_(catalog, log),
      finished_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  CHECK(finished_fd_);
}

Supervisor::~Supervisor() {
  drain(base::Nanos{0});
  if (monitor_ != nullptr) monitor_->stop();
  workers_.clear();
}

// The monitor's thread. It has nothing to tell before its first configuration, and by then all
// workers run.
bool Supervisor::announce_verdicts() {
  bool all = true;
  for (const auto& worker : workers_) all = worker->announce_verdicts() && all;
  return all;
}

base::Parsed<void> Supervisor::start_monitor(std::size_t workers, std::size_t checks_max) {
  MonitorLinks links;
  for (std::size_t i = 0; i < workers; ++i) {
    links.evidence.push_back(evidence_.emplace_back(std::make_unique<EvidenceLog>()).get());
  }
  links.announcer = this;
  links.log = &log_;
  links.totals = &catalog_.monitor();
  // Of its own on every start, so that the instances of a fleet do not check in step.
  const auto seed = static_cast<std::uint64_t>(base::monotonic_now().count());
  const MonitorOptions options{.checks_max = checks_max, .seed = base::splitmix64(seed)};
  monitor_ = std::make_unique<MonitorThread>(options, links, factory_);
  return monitor_->started();
}

base::Parsed<void> Supervisor::start(const std::vector<int>& cpus,
                                     std::size_t receive_buffers_bytes) {
  CHECK(workers_.empty() && cpus.size() == catalog_.workers());
  const std::size_t descriptors = raise_descriptor_limit();
  if (auto started = start_monitor(cpus.size(), share_of_checks(descriptors)); !started) {
    return started;
  }
  WorkerThreadOptions options;
  options.transport = share_of_descriptors(descriptors, cpus.size());
  if (const std::size_t most = factory_.connections_max(); most != 0) {
    options.transport.connections_max = most;
    share_connections(options.transport);
  }
  options.transport.receive_buffers_bytes = receive_buffers_bytes;
  options.worker.sessions_max = options.transport.clients_max;
  options.worker.pooled_max = pooled_max(options.transport);
  options.worker.access_log = &access_log_;
  options.finished_fd = finished_fd_.get();
  for (std::size_t i = 0; i < cpus.size(); ++i) {
    options.worker.index = i;
    options.worker.seed = base::splitmix64(i + 1);
    options.worker.evidence = evidence_[i].get();
    options.cpu = cpus[i];
    workers_.push_back(std::make_unique<WorkerThread>(options, factory_, catalog_.worker(i)));
  }
  if (auto running = keep_running_workers(); !running) {
    drain(base::Nanos{0});
    workers_.clear();
    return running;
  }
  log_engines(options.worker.sessions_max);
  return {};
}

// What really runs, which need not be what was asked for.
void Supervisor::log_engines(std::size_t sessions_max) {
  std::vector<std::string_view> used;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    used.push_back(catalog_.worker(i).transport.engine());
  }
  log_.info("{} workers on {}, {} sessions each at most", workers_.size(), engines_text(used),
            sessions_max);
  used.push_back(monitor_->engine());
  for (const std::string& note : factory_.notes()) log_.info("{}", note);
  for (const backends::Refusal& refusal : factory_.refusals()) {
    log_.warning("{}", refusal_text(refusal, used));
  }
}

// The reason when one of them does not.
base::Parsed<void> Supervisor::keep_running_workers() {
  base::Parsed<void> result;
  std::vector<std::unique_ptr<WorkerThread>> running;
  for (auto& worker : workers_) {
    if (auto started = worker->started(); !started) {
      result = std::move(started);
      continue;  // Its thread has ended; the others are stopped below.
    }
    if (worker->pin_error() != base::Errno::kNone) {
      log_.warning("a worker could not be pinned to its processor and runs unpinned: {}",
                   base::errno_text(worker->pin_error()));
    }
    running.push_back(std::move(worker));
  }
  workers_ = std::move(running);
  return result;
}

Supervisor::Problems Supervisor::apply(config::Config config, KeepOverrides keep) {
  CHECK(!draining_);
  if (auto problems = claims_.add(config); !problems.empty()) return problems;
  const std::uint64_t generation = snapshot_ != nullptr ? snapshot_->generation + 1 : 1;
  const auto addresses = claims_.addresses(config);
  Problems problems = dns_.prepare(config, addresses);
  std::unique_ptr<AccessSink> sink = open_access_log(config.log, problems);
  Overrides overrides;
  DnsEndpoints resolved;
  if (problems.empty()) {
    resolved = dns_.endpoints(config);
    overrides = overrides_for(config, keep);
    problems = put_in_force(
        make_snapshot(generation, std::move(config), addresses, catalog_, resolved, overrides));
  }
  if (!problems.empty()) {
    dns_.abandon();
    claims_.keep_only(snapshot_ != nullptr ? snapshot_->config : config::Config{});
    if (snapshot_ != nullptr) mark_in_force(*snapshot_, catalog_);
    return problems;
  }
  dns_.commit();
  dns_.show(resolved);
  log_dropped_overrides(overrides);
  overrides_ = std::move(overrides);
  access_log_.configure(snapshot_->config.log, std::move(sink));
  claims_.keep_only(snapshot_->config);
  log_listeners(*snapshot_);
  return {};
}

// Null when nobody wants one, or when it cannot be had.
std::unique_ptr<AccessSink> Supervisor::open_access_log(const config::Log& options,
                                                        Problems& problems) {
  if (!options.access) return nullptr;
  auto sink = access_log_.open_sink(options);
  if (sink) return *std::move(sink);
  problems.push_back({options.access_output_mark, "the access log: " + sink.error()});
  return nullptr;
}

void Supervisor::reopen_access_log() {
  Problems problems;
  auto sink = open_access_log(snapshot_->config.log, problems);
  for (const config::Problem& problem : problems) {
    log_.error("{}; what is open stays open", problem.text);
  }
  if (sink == nullptr) return;
  access_log_.configure(snapshot_->config.log, std::move(sink));
  log_.info("access log opened again");
}

bool Supervisor::follow_dns() {
  eventfd_t changes = 0;
  static_cast<void>(eventfd_read(dns_.changed_fd(), &changes));
  if (draining_ || snapshot_ == nullptr || !dns_.changed()) return false;
  put_in_force_again(overrides_);
  return true;
}

// The same configuration with the endpoints that the DNS has now, and these overrides.
void Supervisor::put_in_force_again(const Overrides& overrides) {
  const config::Config& config = snapshot_->config;
  const DnsEndpoints resolved = dns_.endpoints(config);
  // Every address it listens at is held already, so there is nothing that could fail.
  const Problems problems = put_in_force(make_snapshot(
      snapshot_->generation, config, claims_.addresses(config), catalog_, resolved, overrides));
  CHECK(problems.empty());
  dns_.show(resolved);
}

// Those of ours that stay when the configuration comes into force. An address that the DNS does not
// name at the moment may be back with its next answer, and shall not come back in service then.
Overrides Supervisor::overrides_for(const config::Config& config, KeepOverrides keep) const {
  Overrides kept;
  if (keep == KeepOverrides::kDrop || overrides_.size() == 0) return kept;
  std::map<std::string_view, const config::Upstream*> upstreams;
  for (const config::Upstream& each : config.upstreams) upstreams.emplace(each.name, &each);
  kept = overrides_;
  kept.keep_if([&](const Overrides::Key& key) {
    const auto found = upstreams.find(key.first);
    return found != upstreams.end() && may_have_endpoint(*found->second, key.second);
  });
  return kept;
}

void Supervisor::log_dropped_overrides(const Overrides& kept) {
  for (const auto& [key, value] : overrides_.all()) {
    if (kept.find(key.first, key.second) != nullptr) continue;
    log_.info("upstream {}: the override of endpoint {} ({}) went with the reload", key.first,
              key.second, to_text(value));
  }
}

// The error names what there is.
base::Parsed<void> Supervisor::knows(const std::string& upstream,
                                     const std::string& endpoint) const {
  std::vector<std::string_view> upstreams;
  for (const UpstreamPlan& plan : snapshot_->upstreams) {
    upstreams.push_back(plan.config->name);
    if (plan.config->name != upstream) continue;
    std::vector<std::string_view> endpoints;
    for (const EndpointPlan& each : plan.endpoints) {
      if (each.series->names.endpoint == endpoint) return {};
      endpoints.push_back(each.series->names.endpoint);
    }
    return base::failure(fmt::format("upstream {} has no endpoint {}; it has {}", upstream,
                                     endpoint, some_of(endpoints)));
  }
  return base::failure(
      fmt::format("there is no upstream {}; there are {}", upstream, some_of(upstreams)));
}

base::Parsed<void> Supervisor::override_endpoint(const std::string& upstream,
                                                 const std::string& endpoint,
                                                 EndpointOverride value) {
  if (draining_ || snapshot_ == nullptr) return base::failure("the proxy is not serving");
  const EndpointOverride* before = overrides_.find(upstream, endpoint);
  // Of an address that the DNS does not name at the moment: what there is can be changed.
  if (before == nullptr) {
    if (auto known = knows(upstream, endpoint); !known) return known;
  }
  if (value == (before != nullptr ? *before : EndpointOverride{})) return {};
  Overrides next = overrides_;
  if (auto set = next.set(upstream, endpoint, value); !set) return set;
  put_in_force_again(next);
  overrides_ = std::move(next);
  log_.info("upstream {}: endpoint {} is set to {} by the admin API", upstream, endpoint,
            to_text(value));
  return {};
}

Supervisor::Problems Supervisor::put_in_force(const SnapshotPtr& next) {
  if (auto problems = prepare_everywhere(next); !problems.empty()) {
    tell_all(Command::Kind::kAbandon);
    return problems;
  }
  // First, so that an endpoint that is down until it was checked is down for the workers, too.
  monitor_->apply(next);
  tell_all(Command::Kind::kCommit);
  snapshot_ = next;
  mark_in_force(*snapshot_, catalog_);
  return {};
}

Supervisor::Problems Supervisor::prepare_everywhere(const SnapshotPtr& snapshot) {
  std::vector<std::future<std::optional<BindFailure>>> answers;
  for (auto& worker : workers_) {
    answers.push_back(worker->post(Command::Kind::kPrepare, snapshot, {}));
  }
  Problems problems;
  for (auto& answer : answers) {
    const auto failure = answer.get();
    if (!failure || !problems.empty()) continue;
    const ListenerPlan& plan = snapshot->listeners[failure->listener];
    problems.push_back({.mark = plan.config->bind[failure->bind].mark,
                        .text = bind_problem(plan.binds[failure->bind].address, failure->error)});
  }
  return problems;
}

void Supervisor::tell_all(Command::Kind kind) {
  std::vector<std::future<std::optional<BindFailure>>> answers;
  for (auto& worker : workers_) answers.push_back(worker->post(kind, nullptr, {}));
  for (auto& answer : answers) answer.wait();
}

void Supervisor::drain(base::Nanos drain_for) {
  draining_ = true;
  for (auto& worker : workers_) {
    if (!worker->finished()) worker->post(Command::Kind::kDrain, nullptr, drain_for);
  }
}

bool Supervisor::finished() const {
  for (const auto& worker : workers_) {
    if (!worker->finished()) return false;
  }
  return true;
}

void Supervisor::ask_workers() {
  CHECK(workers_answered());
  pings_.clear();
  for (auto& worker : workers_) {
    pings_.emplace_back();
    if (!worker->finished()) pings_.back() = worker->post(Command::Kind::kPing, nullptr, {});
  }
}

bool Supervisor::workers_answered() const {
  for (std::size_t i = 0; i < pings_.size(); ++i) {
    const auto& ping = pings_[i];
    if (!ping.valid() || workers_[i]->finished()) continue;
    if (ping.wait_for(base::Nanos{0}) != std::future_status::ready) return false;
  }
  return true;
}

void Supervisor::log_listeners(const Snapshot& snapshot) {
  for (const ListenerPlan& plan : snapshot.listeners) {
    for (const backends::ListenSpec& bind : plan.binds) {
      log_.info("listener {}: {} to upstream {}", plan.config->name, base::to_string(bind.address),
                plan.config->upstream.name);
    }
  }
}

}  // namespace proxy
