#include "tests/simulation/scenario.h"

#include <cstdlib>
#include <string>

namespace simulation {

std::optional<std::uint64_t> seed_to_replay() {
  const char* seed = std::getenv("MILLRACE_SEED");
  if (seed == nullptr) return std::nullopt;
  return std::strtoull(seed, nullptr, 10);
}

std::string replay_command(std::uint64_t seed) {
  const testing::TestInfo* test = testing::UnitTest::GetInstance()->current_test_info();
  return "replay: MILLRACE_SEED=" + std::to_string(seed) +
         " build/dev/tests/simulation/simulation_test --gtest_filter=" + test->test_suite_name() +
         "." + test->name();
}

SimService& Play::serve(const std::string& where, std::size_t buffer_bytes) {
  return world.add_service(
      address(where), [](SimPeer&) {}, buffer_bytes);
}

namespace {

WorldOptions world_options(const Stage& stage, std::uint64_t seed, bool trace) {
  base::Prng prng(seed);
  WorldOptions options;
  options.network.seed = seed;
  options.network.trace_text = trace ? stderr : nullptr;
  options.network.path.latency_min = microseconds(1 + prng.below(100));
  options.network.path.latency_max =
      options.network.path.latency_min + microseconds(prng.below(1000));
  if (stage.exact_latency) {
    options.network.path.latency_min = options.network.path.latency_max = microseconds(10);
  }
  const std::size_t buffer =
      stage.buffer_bytes > 0 ? stage.buffer_bytes : std::size_t{1} << prng.between(11, 17);
  options.network.send_buffer_bytes = buffer;
  options.network.receive_buffer_bytes = buffer;
  options.network.small_segments_per_thousand = prng.below(300);
  options.workers = stage.workers > 0 ? stage.workers : prng.between(1, 3);
  if (stage.faults) options.faults = backends::SimFaults::from_seed(prng);
  options.limits = stage.limits;
  options.sessions_max = stage.sessions_max;
  options.monitor = stage.monitor;
  return options;
}

}  // namespace

void Scenario::play(const Stage& stage, const std::function<void(Play&)>& script) {
  const std::optional<std::uint64_t> only = seed_to_replay();
  const std::uint64_t first = only.value_or(1);
  const std::uint64_t last = only.value_or(stage.worlds);
  for (std::uint64_t seed = first; seed <= last && !HasFailure(); ++seed) {
    SCOPED_TRACE(replay_command(seed));
    World world(world_options(stage, seed, only.has_value()));
    Play play{world, simple_config(kListener, {kEndpoint}), {}};
    script(play);
    if (world.sessions() > 0) play.excuses.drained = true;
    world.stop();
    for (const std::string& broken : check(world, play.listener().timeouts, play.excuses)) {
      ADD_FAILURE() << broken;
    }
  }
}

Joined Scenario::join(Play& play, std::size_t buffer_bytes) {
  SimService& service = play.serve(kEndpoint, buffer_bytes);
  play.configure();
  SimPeer& client = play.client(buffer_bytes);
  EXPECT_TRUE(play.world.run_until([&] { return service.peers().size() == 1; }, seconds(5)));
  // The relay starts when the worker hears of the connect, a moment after the upstream has.
  play.world.run_for(milliseconds(20));
  return {client, *service.peers().at(0)};
}

void Scenario::expect_ended(Play& play, std::uint64_t count, proxy::Actor actor,
                            proxy::Cause cause) {
  EXPECT_TRUE(play.world.run_until([&] { return play.world.ended() >= count; }, minutes(5)));
  EXPECT_EQ(play.world.ended(), count);
  EXPECT_EQ(play.world.ended(actor, cause), count)
      << name(actor) << "/" << name(cause) << " was expected";
  EXPECT_EQ(play.world.sessions(), 0U);
  play.world.run_for(milliseconds(20));  // The far ends hear of it.
}

}  // namespace simulation
