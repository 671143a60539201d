#include "tests/simulation/world.h"

#include <algorithm>
#include <future>
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
  for (std::size_t i = 0; i < options.workers; ++i) {
    backends::SimTransportOptions transport;
    transport.limits = options.limits;
    transport.clock = backends::SimClock::kDriven;
    transport.faults = options.faults;
    proxy::WorkerOptions worker;
    worker.index = i;
    worker.sessions_max = options.sessions_max;
    worker.seed = options.network.seed * 1000 + i;
    worker.access_log = recorded_.log();
    auto engine = std::make_unique<backends::SimTransport>(network_, transport);
    auto runner = std::make_unique<proxy::Worker>(worker, *engine, catalog_.worker(i));
    workers_.push_back({std::move(engine), std::move(runner)});
  }
}

World::~World() { stop(); }

// --- Time.

bool World::run_one_worker() {
  std::vector<SimWorker*> runnable;
  for (SimWorker& candidate : workers_) {
    if (!candidate.worker->finished() && candidate.transport->runnable()) {
      runnable.push_back(&candidate);
    }
  }
  if (runnable.empty()) return false;
  runnable[prng().below(runnable.size())]->worker->step(base::kForever);
  check_limits();
  return true;
}

bool World::turn(Nanos limit) {
  if (run_one_worker()) return true;
  Nanos next = network_.next_event().value_or(base::kForever);
  bool deadline_first = false;
  for (const SimWorker& candidate : workers_) {
    const auto deadline = candidate.transport->deadline();
    if (candidate.worker->finished() || !deadline || *deadline >= next) continue;
    next = *deadline;
    deadline_first = true;
  }
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
  tell_all(proxy::Command::Kind::kCommit, nullptr, {});
  limits_lowered_ = limits_lowered_ || lowers_a_limit(config);
  snapshot_ = std::move(snapshot);
  return std::nullopt;
}

bool World::lowers_a_limit(const config::Config& config) const {
  if (snapshot_ == nullptr) return false;
  const auto limit_of = [](const config::Listener& listener) {
    return listener.max_sessions > 0 ? listener.max_sessions : UINT32_MAX;
  };
  for (const config::Listener& then : snapshot_->config.listeners) {
    for (const config::Listener& now : config.listeners) {
      if (then.name == now.name && limit_of(now) < limit_of(then)) return true;
    }
  }
  return false;
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

// A listener's limit holds at every moment, over all workers.
void World::check_limits() {
  // After a reload that lowers it, sessions of the old limit go on.
  if (snapshot_ == nullptr || limits_lowered_) return;
  for (const proxy::ListenerPlan& plan : snapshot_->listeners) {
    const std::uint32_t limit = plan.config->max_sessions;
    if (limit == 0) continue;
    const auto active = proxy::sum_over_workers(*plan.series, &proxy::ListenerCells::sessions);
    if (active <= static_cast<std::int64_t>(limit)) continue;
    failures_.push_back(plan.config->name + " has " + std::to_string(active) + " sessions of " +
                        std::to_string(limit));
  }
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
