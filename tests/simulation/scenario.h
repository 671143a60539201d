// A named scenario: a script that is played in many seeded worlds (different workers, faults,
// latencies, buffers), each checked by checker.h in the end. A failure names its seed and the
// command that plays that world again with a text trace.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "tests/simulation/checker.h"
#include "tests/simulation/world.h"

namespace simulation {

using backends::SimPeer;
using backends::SimService;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

inline constexpr const char* kListener = "10.0.0.1:80";
inline constexpr const char* kEndpoint = "10.0.1.1:8080";

// MILLRACE_SEED, when it is set: that seed alone, with a text trace on stderr.
std::optional<std::uint64_t> seed_to_replay();
// What a failing seed of the running test tells the reader.
std::string replay_command(std::uint64_t seed);

// What a script has in its hands.
struct Play {
  World& world;
  config::Config config;  // simple_config(kListener, {kEndpoint}); configure() takes it.
  Excuses excuses;

  config::Listener& listener() { return config.listeners.at(0); }
  config::Upstream& upstream() { return config.upstreams.at(0); }
  void configure() { ASSERT_FALSE(world.configure(config).has_value()); }
  // A service that does nothing by itself, at an endpoint.
  SimService& serve(const std::string& where = kEndpoint, std::size_t buffer_bytes = 0);
  SimPeer& client(std::size_t buffer_bytes = 0) {
    return world.add_client(address(kListener), buffer_bytes);
  }
};

// Both far ends of a session that is being relayed.
struct Joined {
  SimPeer& client;
  SimPeer& upstream;
};

struct Stage {
  std::uint64_t worlds = 25;
  bool faults = true;            // From the seed; else none.
  bool exact_latency = false;    // 10 us each way, so that times can be compared.
  std::size_t workers = 0;       // 0: one to three, from the seed.
  std::size_t buffer_bytes = 0;  // Of both buffers of every socket of the proxy; 0: from the seed.
  backends::TransportOptions limits;
  std::size_t sessions_max = 4096;
  bool monitor = false;
};

class Scenario : public testing::Test {
 protected:
  // Plays the script in every world of the stage, then stops the world and checks it.
  void play(const Stage& stage, const std::function<void(Play&)>& script);
  void play(const std::function<void(Play&)>& script) { play(Stage{}, script); }

  // Configures, serves the endpoint, connects one client and waits until both ends are joined.
  static Joined join(Play& play, std::size_t buffer_bytes = 0);
  // Until the world has so many ended sessions.
  static void expect_ended(Play& play, std::uint64_t count, proxy::Actor actor, proxy::Cause cause);
};

}  // namespace simulation
