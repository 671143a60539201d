#include "tests/simulation/world.h"

#include <algorithm>
#include <future>
#include <map>
#include <utility>

#include "base/assert.h"
#include "proxy/snapshot.h"

namespace simulation {
namespace {

// A turn in which no virtual time passes is work; so many in a row is a spin. A worker that moves
// the largest stream of a test byte by byte stays well below.
constexpr std::uint64_t kTurnsWithoutTimeMax = 200'000;

}  // namespace

World::World(const WorldOptions& options)
    : network_(options.network), catalog_(options.workers), recorded_(options.workers) {
  backends::SimTransportOptions transport;
  transport.limits = options.limits;
  transport.clock = backends::SimClock::kDriven;
  transport.faults = options.faults;
  if (options.monitor) make_monitor(options, transport);
  for (std::size_t i = 0; i < options.workers; ++i) {
    proxy::WorkerOptions worker;
    if (monitor_ != nullptr) worker.evidence = evidence_[i].get();
    worker.index = i;
    worker.sessions_max = options.sessions_max;
    worker.seed = options.network.seed * 1000 + i;
    worker.access_log = recorded_.log();
    // Pools have places of their own, as the descriptor budget gives them.
    backends::SimTransportOptions with_pools = transport;
    with_pools.limits.connections_max += worker.pooled_max;
    auto engine = std::make_unique<backends::SimTransport>(network_, with_pools);
    auto runner = std::make_unique<proxy::Worker>(worker, *engine, catalog_.worker(i));
    workers_.push_back({std::move(engine), std::move(runner)});
  }
}

World::~World() { stop(); }

void World::make_monitor(const WorldOptions& options,
                         const backends::SimTransportOptions& transport) {
  proxy::MonitorLinks links;
  for (std::size_t i = 0; i < options.workers; ++i) {
    links.evidence.push_back(evidence_.emplace_back(std::make_unique<proxy::EvidenceLog>()).get());
  }
  links.announcer = this;
  links.totals = &catalog_.monitor();
  monitor_transport_ = std::make_unique<backends::SimTransport>(network_, transport);
  monitor_ = std::make_unique<proxy::Monitor>(
      proxy::MonitorOptions{.checks_max = 64, .seed = options.network.seed}, links,
      *monitor_transport_);
}

bool World::announce_verdicts() {
  bool all = true;
  for (SimWorker& told : workers_) all = told.worker->announce_verdicts() && all;
  return all;
}

void World::watch(const proxy::SnapshotPtr& snapshot) {
  if (monitor_ == nullptr) return;
  proxy::MonitorCommand command;
  command.kind = proxy::MonitorCommand::Kind::kApply;
  command.snapshot = snapshot;
  const auto done = command.done.get_future();
  CHECK(monitor_->post(std::move(command)));
  CHECK(run_until(
      [&] { return done.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }));
}

// --- Time.

bool World::run_one_worker() {
  std::vector<SimWorker*> runnable;
  for (SimWorker& candidate : workers_) {
    if (!candidate.worker->finished() && candidate.transport->runnable()) {
      runnable.push_back(&candidate);
    }
  }
  const bool monitor = monitor_ != nullptr && monitor_transport_->runnable();
  const std::size_t count = runnable.size() + (monitor ? 1U : 0U);
  if (count == 0) return false;
  const std::size_t turn = prng().below(count);
  if (turn < runnable.size()) {
    runnable[turn]->worker->step(base::kForever);
  } else {
    monitor_->step(base::kForever);
  }
  check_limits();
  return true;
}

bool World::turn(Nanos limit) {
  if (run_one_worker()) return true;
  Nanos next = network_.next_event().value_or(base::kForever);
  bool deadline_first = false;
  const auto consider = [&](const std::optional<Nanos>& deadline) {
    if (!deadline || *deadline >= next) return;
    next = *deadline;
    deadline_first = true;
  };
  for (const SimWorker& candidate : workers_) {
    if (!candidate.worker->finished()) consider(candidate.transport->deadline());
  }
  if (monitor_ != nullptr) consider(monitor_transport_->deadline());
  if (next > limit || next == base::kForever) {
    if (limit != base::kForever) network_.advance_to(limit);
    return false;
  }
  if (deadline_first) {
    network_.advance_to(next);
  } else {
    network_.step();
  }
  return true;
}

void World::run_for(Nanos time) {
  run_until([] { return false; }, time);
}

bool World::run_until(const std::function<bool()>& done, Nanos limit) {
  const Nanos end = now() + limit;
  Nanos moved = now();
  std::uint64_t without_time = 0;
  while (!done()) {
    if (!turn(end)) return done();
    without_time = now() > moved ? 0 : without_time + 1;
    moved = now();
    if (without_time > kTurnsWithoutTimeMax) {
      failures_.push_back("the workers spin: no time passes");
      return done();
    }
  }
  return true;
}

// --- The operator.

std::vector<std::optional<proxy::BindFailure>> World::tell_all(proxy::Command::Kind kind,
                                                               const proxy::SnapshotPtr& snapshot,
                                                               Nanos drain_for) {
  std::vector<std::future<std::optional<proxy::BindFailure>>> answers;
  for (SimWorker& told : workers_) {
    proxy::Command command;
    command.kind = kind;
    command.snapshot = snapshot;
    command.drain_for = drain_for;
    answers.push_back(command.done.get_future());
    CHECK(told.worker->post(std::move(command)));
  }
  const auto ready = [](const auto& answer) {
    return answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  };
  // A worker that has drained turns no more and answers nobody.
  CHECK(run_until([&] {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      if (!ready(answers[i]) && !workers_[i].worker->finished()) return false;
    }
    return true;
  }));
  std::vector<std::optional<proxy::BindFailure>> failures;
  for (auto& answer : answers) {
    if (ready(answer)) failures.push_back(answer.get());
  }
  return failures;
}

std::optional<proxy::BindFailure> World::configure(const config::Config& config) {
  std::vector<std::vector<base::Address>> addresses;
  for (const config::Listener& listener : config.listeners) {
    addresses.emplace_back();
    for (const config::Bind& bind : listener.bind) addresses.back().push_back(bind.address);
  }
  auto snapshot = proxy::make_snapshot(++generation_, config, addresses, catalog_);
  std::optional<proxy::BindFailure> failure;
  for (const auto& answer : tell_all(proxy::Command::Kind::kPrepare, snapshot, {})) {
    if (answer) failure = answer;
  }
  // Threads do not answer at the same moment; clients arrive meanwhile.
  run_for(std::chrono::microseconds(prng().below(2000)));
  if (failure) {
    // A worker whose own prepare failed has abandoned already; abandoning again changes nothing.
    tell_all(proxy::Command::Kind::kAbandon, nullptr, {});
    return failure;
  }
  watch(snapshot);
  // The first worker that commits may go up to the new limits already.
  limits_lowered_ = limits_lowered_ || lowers_a_limit(config);
  snapshot_ = std::move(snapshot);
  tell_all(proxy::Command::Kind::kCommit, nullptr, {});
  return std::nullopt;
}

namespace {

// Limits by name, so that two configurations can be compared; 0 is no limit.
std::map<std::string, std::uint32_t> limits_of(const config::Config& config) {
  std::map<std::string, std::uint32_t> limits;
  for (const config::Listener& listener : config.listeners) {
    limits["listener " + listener.name] = listener.max_sessions;
  }
  for (const config::Upstream& upstream : config.upstreams) {
    const std::string name = "upstream " + upstream.name;
    limits[name + " sessions"] = upstream.limits.max_sessions;
    limits[name + " connecting"] = upstream.limits.max_connecting;
    limits[name + " queue"] = upstream.limits.queue;
    limits[name + " pool"] = upstream.pool.idle > 0 ? upstream.pool.idle_max : 0;
    for (const config::Endpoint& endpoint : upstream.endpoints) {
      const std::string at = name + " " + base::to_string(endpoint.address);
      limits[at + " sessions"] = endpoint.max_sessions;
      limits[at + " connecting"] = endpoint.max_connecting;
    }
  }
  return limits;
}

}  // namespace

bool World::lowers_a_limit(const config::Config& config) const {
  if (snapshot_ == nullptr) return false;
  const auto before = limits_of(snapshot_->config);
  for (const auto& [name, limit] : limits_of(config)) {
    const auto then = before.find(name);
    // An endpoint that comes back may have sessions of its former life.
    const std::uint32_t was = then != before.end() ? then->second : 0;
    if (limit > 0 && (was == 0 || limit < was)) return true;
  }
  return false;
}

void World::judge(const std::string& upstream, const std::string& endpoint, bool healthy) {
  catalog_.endpoint(upstream, endpoint).verdict.healthy = healthy;
  tell_all(proxy::Command::Kind::kVerdicts, nullptr, {});
}

void World::drain(Nanos drain_for) { tell_all(proxy::Command::Kind::kDrain, nullptr, drain_for); }

bool World::finished() const {
  return std::all_of(workers_.begin(), workers_.end(),
                     [](const SimWorker& each) { return each.worker->finished(); });
}

void World::stop() {
  if (std::exchange(stopped_, true)) return;
  if (!finished()) {
    drain(Nanos{0});
    if (!run_until([this] { return finished(); }, std::chrono::seconds(10))) {
      failures_.push_back("a drain without a grace takes more than 10 s");
    }
  }
  for (const auto& log : evidence_) log->attach(nullptr);
  monitor_.reset();
  for (SimWorker& each : workers_) {
    const backends::TransportStats& stats = each.transport->stats();
    if (stats.relays + stats.connections + stats.held_bytes + stats.resets_pending > 0) {
      failures_.push_back("a drained worker's transport still has " +
                          std::to_string(stats.connections) + " connections, " +
                          std::to_string(stats.relays) + " relays, " +
                          std::to_string(stats.held_bytes) + " held bytes");
    }
    const auto& pairs = each.transport->pairs();
    pairs_.insert(pairs_.end(), pairs.begin(), pairs.end());
    each.worker.reset();
    each.transport.reset();
  }
  workers_.clear();
  if (monitor_transport_ != nullptr && monitor_transport_->stats().connections > 0) {
    failures_.push_back("the monitor has left connections behind");
  }
  monitor_transport_.reset();
  log_ = recorded_.finish();
  // What is still on the wire arrives, and handshakes that nobody answers are given up.
  run_for(backends::SimNetwork::kHandshakeTimeout);
}

// --- Far ends.

backends::SimPeer& World::add_client(const base::Address& listener, std::size_t buffer_bytes) {
  backends::SimConnect connect;
  connect.remote = listener;
  connect.buffer_bytes = buffer_bytes;
  return add_client(connect);
}

backends::SimPeer& World::add_client(const backends::SimConnect& connect) {
  clients_.push_back(
      std::make_unique<backends::SimPeer>(network_, connect, backends::SimPeer::Mode::kAuto));
  return *clients_.back();
}

backends::SimService& World::add_service(const base::Address& address,
                                         backends::SimService::Greet greet,
                                         std::size_t buffer_bytes) {
  backends::SimListen listen;
  listen.address = address;
  listen.buffer_bytes = buffer_bytes;
  services_.push_back(backends::SimService::make(network_, listen, std::move(greet)).value());
  return *services_.back();
}

// --- What the workers say.

std::size_t World::sessions() const {
  std::size_t sum = 0;
  for (const SimWorker& each : workers_) sum += each.worker->sessions();
  return sum;
}

std::uint64_t World::ended(proxy::Actor actor, proxy::Cause cause) const {
  std::uint64_t sum = 0;
  catalog_.read([&](const proxy::MetricsCatalog::Contents& contents) {
    for (const auto& [names, series] : contents.routes) {
      for (const auto& cells : series->cells) {
        sum +=
            cells->ended[static_cast<std::size_t>(actor)][static_cast<std::size_t>(cause)].value();
      }
    }
  });
  return sum;
}

std::uint64_t World::ended() const {
  std::uint64_t sum = 0;
  for (std::size_t actor = 0; actor < proxy::kActors; ++actor) {
    for (std::size_t cause = 0; cause < proxy::kCauses; ++cause) {
      sum += ended(static_cast<proxy::Actor>(actor), static_cast<proxy::Cause>(cause));
    }
  }
  return sum;
}

std::uint64_t World::accepted() const {
  std::uint64_t sum = 0;
  catalog_.read([&](const proxy::MetricsCatalog::Contents& contents) {
    for (const auto& [names, series] : contents.listeners) {
      for (const auto& cells : series->cells) sum += cells->accepted.value();
    }
  });
  return sum;
}

std::uint64_t World::rejected() const {
  std::uint64_t sum = 0;
  catalog_.read([&](const proxy::MetricsCatalog::Contents& contents) {
    for (const auto& [names, series] : contents.listeners) {
      for (const auto& cells : series->cells) {
        for (const auto& counter : cells->rejected) sum += counter.value();
      }
    }
  });
  return sum;
}

// Limits hold at every moment, over all workers.
void World::check_limits() {
  // After a reload that lowers it, sessions of the old limit go on.
  if (snapshot_ == nullptr || limits_lowered_) return;
  for (const proxy::ListenerPlan& plan : snapshot_->listeners) {
    check_limit("sessions", *plan.series, &proxy::ListenerCells::sessions,
                plan.config->max_sessions);
  }
  for (const proxy::UpstreamPlan& plan : snapshot_->upstreams) check_upstream_limits(plan);
}

void World::check_upstream_limits(const proxy::UpstreamPlan& plan) {
  using proxy::EndpointCells;
  using proxy::UpstreamCells;
  const config::Limits& limits = plan.config->limits;
  check_limit("sessions", *plan.series, &UpstreamCells::sessions, limits.max_sessions);
  check_limit("connects", *plan.series, &UpstreamCells::connecting, limits.max_connecting);
  check_limit("waiting", *plan.series, &UpstreamCells::queued, limits.queue);
  const config::Pool& pool = plan.config->pool;
  for (const proxy::EndpointPlan& endpoint : plan.endpoints) {
    check_limit("pooled", *endpoint.series, &EndpointCells::pooled,
                pool.idle > 0 ? pool.idle_max : 0);
    check_room(endpoint);
    check_limit("sessions", *endpoint.series, &EndpointCells::sessions, endpoint.max_sessions);
    check_limit("connects", *endpoint.series, &EndpointCells::connecting, endpoint.max_connecting);
  }
}

// A session that waits for other workers' pools to give way is counted, but has no connection yet.
void World::check_room(const proxy::EndpointPlan& endpoint) {
  if (endpoint.max_sessions == 0 || workers() > 1) return;
  const auto sessions = proxy::sum_over_workers(*endpoint.series, &proxy::EndpointCells::sessions);
  const auto pooled = proxy::sum_over_workers(*endpoint.series, &proxy::EndpointCells::pooled);
  if (sessions + pooled <= std::int64_t{endpoint.max_sessions}) return;
  failures_.push_back(endpoint.series->names.endpoint + ": " + std::to_string(sessions) +
                      " sessions and " + std::to_string(pooled) + " pooled connections");
}

template <typename Cells>
void World::check_limit(const std::string& what, const proxy::Series<Cells>& series,
                        metrics::Gauge Cells::*gauge, std::uint32_t limit) {
  if (limit == 0) return;
  const std::int64_t sum = proxy::sum_over_workers(series, gauge);
  if (sum <= std::int64_t{limit}) return;
  const proxy::SeriesNames& names = series.names;
  failures_.push_back(names.listener + names.upstream + names.endpoint + ": " +
                      std::to_string(sum) + " " + what + " of " + std::to_string(limit));
}

// --- Words for tests.

std::vector<std::byte> keyed_stream(std::uint64_t key, std::size_t size) {
  base::Prng prng(key);
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(prng.next());
  return bytes;
}

config::Config simple_config(const std::string& bind, const std::vector<std::string>& endpoints) {
  config::Config config;
  config::Upstream upstream;
  upstream.name = "u0";
  for (const std::string& endpoint : endpoints) {
    upstream.endpoints.push_back({.address = address(endpoint), .weight = 100, .mark = {}});
  }
  config::Listener listener;
  listener.name = "l0";
  listener.bind.push_back({.address = address(bind), .v6_only = false, .mark = {}});
  listener.upstream = {.name = "u0", .index = 0, .mark = {}};
  config.upstreams.push_back(std::move(upstream));
  config.listeners.push_back(std::move(listener));
  return config;
}

}  // namespace simulation
