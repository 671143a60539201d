// Random walks of the splice core. A failure names the command that plays its seed again:
// MILLRACE_WALK_SEED=N. MILLRACE_WALK_SEEDS=N: so many in each chunk, for long runs by hand.
#include "tests/backends/dpdk/splice_walk.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace dpdk_test {
namespace {

constexpr std::uint64_t kChunks = 4;
constexpr std::uint64_t kSeedsOfAChunk = 3;

std::uint64_t number_in(const char* variable, std::uint64_t otherwise) {
  const char* const wanted = std::getenv(variable);
  return wanted == nullptr ? otherwise : std::strtoull(wanted, nullptr, 10);
}

class SpliceWalk : public testing::TestWithParam<std::uint64_t> {};

TEST_P(SpliceWalk, EveryByteArrivesOrTheSessionIsReset) {
  const std::uint64_t only = number_in("MILLRACE_WALK_SEED", 0);
  const std::uint64_t seeds = only != 0 ? 1 : number_in("MILLRACE_WALK_SEEDS", kSeedsOfAChunk);
  const std::uint64_t first = only != 0 ? only : GetParam() * seeds + 1;
  WalkReport all;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    const WalkReport report = splice_walk(seed);
    for (const std::string& broken : report.failures) {
      ADD_FAILURE() << broken << "\nMILLRACE_WALK_SEED=" << seed
                    << " build/release/tests/backends/dpdk_test --gtest_filter='*SpliceWalk*/0'";
    }
    all.sessions += report.sessions;
    all.complete += report.complete;
    all.bytes += report.bytes;
  }
  // A walk in which nothing happens proves nothing.
  EXPECT_GT(all.sessions, 20 * seeds);
  EXPECT_GT(all.complete, 5 * seeds);
  EXPECT_GT(all.bytes, 100'000 * seeds);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SpliceWalk, testing::Range(std::uint64_t{0}, kChunks));

}  // namespace
}  // namespace dpdk_test
