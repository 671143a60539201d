// Random walks, in chunks so that ctest can run them side by side. A failure names its seed and the
// command that plays it again with a text trace.
#include "tests/simulation/walk.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "tests/simulation/scenario.h"

namespace simulation {
namespace {

constexpr std::uint64_t kChunks = 20;
constexpr std::uint64_t kSeedsOfAChunk = 60;

// MILLRACE_WALKS: seeds of each chunk, for long runs by hand.
std::uint64_t seeds_of_a_chunk() {
  const char* wanted = std::getenv("MILLRACE_WALKS");
  return wanted == nullptr ? kSeedsOfAChunk : std::strtoull(wanted, nullptr, 10);
}

class RandomWalk : public testing::TestWithParam<std::uint64_t> {};

TEST_P(RandomWalk, KeepsEveryPromise) {
  const std::optional<std::uint64_t> only = seed_to_replay();
  const std::uint64_t seeds = seeds_of_a_chunk();
  const std::uint64_t first = only.value_or(GetParam() * seeds + 1);
  const std::uint64_t count = only ? 1 : seeds;
  std::uint64_t sessions = 0;
  std::uint64_t bytes = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const WalkResult result = walk(seed, only ? stderr : nullptr);
    for (const std::string& broken : result.failures) {
      ADD_FAILURE() << broken << "\n" << replay_command(seed);
    }
    sessions += result.sessions;
    bytes += result.bytes;
  }
  // A walk in which nothing happens proves nothing.
  if (!only) {
    EXPECT_GT(sessions, 3 * seeds);
    EXPECT_GT(bytes, 1000 * seeds);
  }
}

INSTANTIATE_TEST_SUITE_P(Walks, RandomWalk, testing::Range(std::uint64_t{0}, kChunks));

TEST(RandomWalkSeed, TheSameSeedGivesTheSameTraceAndAnotherSeedAnotherOne) {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::uint64_t hash = walk(seed, nullptr).trace_hash;
    EXPECT_EQ(walk(seed, nullptr).trace_hash, hash) << "seed " << seed;
    EXPECT_TRUE(hashes.insert(hash).second) << "seed " << seed;
  }
}

// Seeds that once found something, with what it was.
TEST(RandomWalkRegression, SeedsThatFoundABugStayFixed) {
  constexpr std::uint64_t kSeeds[] = {
      187, 474, 898,  // timeouts.lifetime was not looked at while a session was connecting.
  };
  for (const std::uint64_t seed : kSeeds) {
    for (const std::string& broken : walk(seed, nullptr).failures) {
      ADD_FAILURE() << broken << "\n" << replay_command(seed);
    }
  }
}

}  // namespace
}  // namespace simulation
