#include "tests/simulation/walk.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "tests/simulation/far_end_script.h"

namespace simulation {
namespace {

using backends::SimPeer;
using backends::SimReach;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Clients arrive, and the operator acts, within this time.
constexpr base::Nanos kBusyTime = seconds(2);
// Then every session ends by itself: its scripts are over, and idle is at most 3 s.
constexpr base::Nanos kQuietTime = seconds(60);
constexpr const char* kSpoiled = "10.0.0.9:9";  // Nobody can listen there.

WorldOptions draw_world(std::uint64_t seed, base::Prng& prng, std::FILE* trace) {
  WorldOptions options;
  options.network.seed = seed;
  options.network.trace_text = trace;
  const bool wan = prng.chance(300);
  options.network.path.latency_min = microseconds(prng.between(1, wan ? 30'000 : 100));
  options.network.path.latency_max =
      options.network.path.latency_min + microseconds(prng.below(wan ? 20'000 : 500));
  options.network.send_buffer_bytes = std::size_t{1} << prng.between(10, 17);
  options.network.receive_buffer_bytes = std::size_t{1} << prng.between(10, 17);
  options.network.small_segments_per_thousand = prng.below(300);
  options.workers = prng.between(1, 3);
  options.faults = backends::SimFaults::from_seed(prng);
  if (prng.chance(200)) {
    options.limits.clients_max = prng.between(2, 10);
    options.limits.connections_max = 2 * options.limits.clients_max;
  }
  if (prng.chance(100)) options.sessions_max = prng.between(2, 10);
  return options;
}

class Walk {
 public:
  Walk(std::uint64_t seed, std::FILE* trace)
      : prng_(seed), world_(draw_world(seed, prng_, trace)) {}

  WalkResult run() {
    draw_configuration();
    if (world_.configure(config_)) world_.failures().push_back("the first configuration failed");
    draw_clients();
    const std::size_t acts = prng_.below(5);
    const bool drains = prng_.chance(300);
    for (std::size_t i = 0; i < acts; ++i) {
      world_.run_for(draw_time(kBusyTime) / 4);
      operate();
    }
    lift_exhaustion();
    if (drains) drain();
    finish();
    WalkResult result;
    world_.stop();
    result.failures = check(world_, config_.listeners[0].timeouts, excuses_);
    check_weights(result.failures);
    result.trace_hash = world_.network().trace().hash();
    result.sessions = world_.ended();
    for (const EndedSession& session : world_.log()) {
      result.bytes += session.bytes_to_client + session.bytes_to_upstream;
    }
    return result;
  }

 private:
  base::Nanos draw_time(base::Nanos limit) {
    return base::Nanos(
        static_cast<std::int64_t>(prng_.below(static_cast<std::uint64_t>(limit.count()))));
  }

  // --- The configuration and its endpoints.

  void draw_configuration() {
    const std::size_t upstreams = prng_.between(1, 2);
    for (std::size_t i = 0; i < upstreams; ++i) draw_upstream(i);
    config::Timeouts timeouts;
    timeouts.idle = milliseconds(prng_.between(200, 3000));
    timeouts.half_close = prng_.chance(800) ? milliseconds(prng_.between(100, 2000)) : Nanos{0};
    timeouts.lifetime = prng_.chance(300) ? milliseconds(prng_.between(100, 3000)) : Nanos{0};
    const std::vector<std::string> binds = {"10.0.0.1:80", "[::]:81", "unix:@walk", "[fd00::1]:82"};
    const std::size_t listeners = prng_.between(1, binds.size());
    for (std::size_t i = 0; i < listeners; ++i) {
      config::Listener listener;
      listener.name = "l" + std::to_string(i);
      listener.bind = {{.address = address(binds[i]), .v6_only = false, .mark = {}}};
      listener.upstream.index = prng_.below(upstreams);
      listener.upstream.name = config_.upstreams[listener.upstream.index].name;
      listener.timeouts = timeouts;
      if (prng_.chance(300))
        listener.max_sessions = static_cast<std::uint32_t>(prng_.between(1, 8));
      if (prng_.chance(300)) listener.tcp.backlog = static_cast<std::uint32_t>(prng_.between(1, 4));
      config_.listeners.push_back(std::move(listener));
    }
  }

  void draw_upstream(std::size_t index) {
    config::Upstream upstream;
    upstream.name = "u" + std::to_string(index);
    upstream.balance = static_cast<config::Balance>(prng_.below(6));
    upstream.connect.timeout = milliseconds(prng_.between(120, 800));
    upstream.connect.attempts = static_cast<std::uint32_t>(prng_.between(1, 4));
    const std::size_t endpoints = prng_.between(1, 5);
    for (std::size_t i = 0; i < endpoints; ++i) {
      upstream.endpoints.push_back(draw_endpoint(index, i));
    }
    if (prng_.chance(400)) draw_limits(upstream);
    if (prng_.chance(300)) draw_pool(upstream);
    upstream.slow_start = prng_.chance(300) ? milliseconds(prng_.between(100, 2000)) : Nanos{0};
    upstream.on_remove = static_cast<config::OnRemove>(prng_.below(3));
    upstream.connect.retry_budget = static_cast<std::uint32_t>(prng_.below(100));
    if (prng_.chance(500)) upstream.all_down = config::AllDown::kTryAll;
    // Upstreams without any usable endpoint have a scenario of their own.
    upstream.endpoints[0].weight = 100;
    never_.erase(upstream.endpoints[0].address.ip.port);
    config_.upstreams.push_back(std::move(upstream));
  }

  void draw_limits(config::Upstream& upstream) {
    excuses_.limited = true;
    const auto draw = [this](std::uint64_t most) {
      return prng_.chance(500) ? static_cast<std::uint32_t>(prng_.between(1, most)) : 0;
    };
    upstream.limits = {.max_sessions = draw(6),
                       .max_connecting = draw(3),
                       .queue = draw(12),
                       .queue_timeout = milliseconds(prng_.between(50, 2000))};
    for (config::Endpoint& endpoint : upstream.endpoints) {
      endpoint.max_sessions = draw(4);
      endpoint.max_connecting = draw(2);
    }
  }

  void draw_pool(config::Upstream& upstream) {
    excuses_.pooled = true;
    upstream.pool.idle = static_cast<std::uint32_t>(prng_.between(1, 4));
    upstream.pool.idle_max = upstream.pool.idle + static_cast<std::uint32_t>(prng_.below(8));
    upstream.pool.max_age = milliseconds(prng_.between(50, 3000));
  }

  config::Endpoint draw_endpoint(std::size_t upstream, std::size_t index) {
    const auto port = static_cast<std::uint16_t>(1000 + 10 * upstream + index);
    config::Endpoint endpoint;
    const bool v6 = prng_.chance(300);
    endpoint.address = address((v6 ? "[fd00::2]:" : "10.0.1.1:") + std::to_string(port));
    endpoint.weight = prng_.chance(150) ? 0 : static_cast<std::uint32_t>(prng_.between(1, 300));
    if (endpoint.weight == 0) never_.insert(port);
    if (prng_.chance(200)) endpoint.priority = static_cast<std::uint32_t>(prng_.between(1, 3));
    world_.add_service(endpoint.address, [this](SimPeer& upstream_end) { greet(upstream_end); });
    if (prng_.chance(250)) set_reach(endpoint.address, draw_reach());
    return endpoint;
  }

  SimReach draw_reach() { return static_cast<SimReach>(prng_.between(1, 4)); }

  void set_reach(const base::Address& endpoint, SimReach reach) {
    backends::SimPath path;
    path.reach = reach;
    world_.network().set_path(endpoint, path);
    if (reach != SimReach::kNormal) excuses_.connects_fail = true;
  }

  // Endpoints of weight zero never see anybody.
  void check_weights(std::vector<std::string>& failures) {
    for (const auto& service : world_.services()) {
      if (!never_.contains(service->address().ip.port) || service->peers().empty()) continue;
      failures.push_back("an endpoint of weight 0 was picked");
    }
  }

  // --- Far ends.

  void greet(SimPeer& upstream_end) {
    if (prng_.chance(300))
      upstream_end.echo();
    else
      add_script(upstream_end);
  }

  void add_script(SimPeer& peer) {
    scripts_.push_back(std::make_unique<FarEndScript>(world_.network(), peer, prng_, excuses_.cut));
  }

  void draw_clients() {
    const std::size_t clients = prng_.between(1, 24);
    const bool burst = prng_.chance(300);
    for (std::size_t i = 0; i < clients; ++i) {
      const base::Nanos after = burst ? microseconds(prng_.below(500)) : draw_time(kBusyTime);
      world_.network().at(world_.now() + after, [this] { add_client(); });
    }
  }

  void add_client() {
    const std::vector<std::string> targets = {"10.0.0.1:80", "[fd00::9]:81", "unix:@walk",
                                              "[fd00::1]:82", "10.0.0.7:81"};
    const std::size_t buffer = prng_.chance(200) ? prng_.between(200, 4000) : 0;
    add_script(world_.add_client(address(targets[prng_.below(targets.size())]), buffer));
  }

  // --- The operator.

  void operate() {
    const std::uint64_t kind = prng_.below(100);
    if (kind < 25) {
      reload(config_);
    } else if (kind < 50) {
      reload(draw_change());
    } else if (kind < 65) {
      spoil();
    } else if (kind < 75) {
      exhaust();
    } else if (kind < 85) {
      judge();
    } else {
      flap();
    }
  }

  void reload(const config::Config& config) {
    world_.network().trace().note(world_.now(), "reload");
    if (world_.configure(config)) world_.failures().push_back("a good configuration failed");
    config_ = config;
  }

  // Endpoints go and come back with other weights, a listener is renamed, a backlog changes.
  config::Config draw_change() {
    config::Config changed = config_;
    config::Upstream& upstream = changed.upstreams[prng_.below(changed.upstreams.size())];
    upstream.balance = static_cast<config::Balance>(prng_.below(6));
    for (config::Endpoint& endpoint : upstream.endpoints) {
      if (endpoint.weight > 0) endpoint.weight = static_cast<std::uint32_t>(prng_.between(1, 300));
    }
    if (upstream.endpoints.size() > 1 && prng_.chance(500)) {
      upstream.endpoints.pop_back();
      excuses_.removed = true;
    }
    if (prng_.chance(300)) draw_limits(upstream);
    if (prng_.chance(200)) draw_pool(upstream);
    if (prng_.chance(200)) upstream.pool = {};
    changed.shutdown.drain = milliseconds(prng_.below(1000));
    config::Listener& listener = changed.listeners[prng_.below(changed.listeners.size())];
    if (prng_.chance(300)) listener.name += "'";
    if (prng_.chance(300)) listener.tcp.backlog += 1;
    return changed;
  }

  // A configuration that cannot listen everywhere changes nothing.
  void spoil() {
    world_.network().trace().note(world_.now(), "a bad reload");
    config::Config bad = draw_change();
    bad.listeners.push_back(bad.listeners[0]);
    bad.listeners.back().name = "spoiled";
    bad.listeners.back().bind[0].address = address(kSpoiled);
    // Perhaps on some workers only: the others have prepared, and wait for what main decides.
    world_.network().set_listen_error(address(kSpoiled), base::to_errno(EADDRINUSE),
                                      prng_.below(world_.workers()));
    if (!world_.configure(bad)) world_.failures().push_back("a bad configuration was taken");
  }

  void exhaust() {
    constexpr std::array kErrors = {EMFILE, ENFILE, ENOMEM, ENOBUFS};
    excuses_.exhausted = true;
    world_.network().set_exhausted(base::to_errno(kErrors[prng_.below(kErrors.size())]));
    world_.run_for(milliseconds(prng_.below(300)));
    if (prng_.chance(700)) lift_exhaustion();
  }

  void lift_exhaustion() {
    if (world_.network().exhausted() != base::Errno::kNone) {
      world_.network().set_exhausted(base::Errno::kNone);
    }
  }

  void flap() {
    const config::Upstream& upstream = config_.upstreams[prng_.below(config_.upstreams.size())];
    const auto& endpoint = upstream.endpoints[prng_.below(upstream.endpoints.size())];
    set_reach(endpoint.address, prng_.chance(500) ? draw_reach() : SimReach::kNormal);
  }

  // The monitor changes its mind about somebody.
  void judge() {
    const config::Upstream& upstream = config_.upstreams[prng_.below(config_.upstreams.size())];
    const auto& endpoint = upstream.endpoints[prng_.below(upstream.endpoints.size())];
    excuses_.no_endpoint = true;
    world_.judge(upstream.name, base::to_string(endpoint.address), prng_.chance(300));
  }

  void drain() {
    const base::Nanos grace = draw_time(seconds(2));
    excuses_.drained = true;
    world_.drain(grace);
    const base::Nanos deadline = world_.now() + grace;
    world_.run_until([this] { return world_.finished(); }, grace + milliseconds(100));
    if (!world_.finished()) world_.failures().push_back("the drain is late");
    if (world_.now() > deadline + milliseconds(100)) {
      world_.failures().push_back("the drain ends after its deadline");
    }
  }

  void finish() {
    world_.run_for(kBusyTime);  // The last clients arrive.
    if (!world_.run_until([this] { return world_.sessions() == 0; }, kQuietTime)) {
      world_.failures().push_back(std::to_string(world_.sessions()) +
                                  " sessions outlive their idle timeout");
    }
  }

  base::Prng prng_;
  World world_;
  config::Config config_;
  Excuses excuses_;
  std::set<std::uint16_t> never_;  // Ports of endpoints that no balancer may pick.
  std::vector<std::unique_ptr<FarEndScript>> scripts_;
};

}  // namespace

WalkResult walk(std::uint64_t seed, std::FILE* trace) { return Walk(seed, trace).run(); }

}  // namespace simulation
