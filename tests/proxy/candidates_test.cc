#include "proxy/candidates.h"

#include "tests/proxy/balancing.h"

namespace proxy {
namespace {

using testing::endpoints_of;

TEST(Candidates, AreThoseWithAWeightLessTheTriedOnes) {
  Candidates candidates(endpoints_of({1, 0, 1, 1}));
  EXPECT_TRUE(candidates.begin(std::vector<std::uint16_t>{3, 3, 1, 60000}));
  EXPECT_TRUE(candidates.has(0));
  EXPECT_FALSE(candidates.has(1));
  EXPECT_TRUE(candidates.has(2));
  EXPECT_FALSE(candidates.has(3));
  EXPECT_FALSE(candidates.exclude(2) && candidates.exclude(0));
  const auto excluded = candidates.excluded();
  EXPECT_EQ(std::vector<std::uint16_t>(excluded.begin(), excluded.end()),
            (std::vector<std::uint16_t>{0, 2, 3}));
}

TEST(Candidates, EachPickStartsOver) {
  Candidates candidates(endpoints_of({1, 1}));
  EXPECT_FALSE(candidates.begin(std::vector<std::uint16_t>{0, 1}));
  EXPECT_TRUE(candidates.begin({}));
  EXPECT_TRUE(candidates.has(0));
  EXPECT_TRUE(candidates.has(1));
  EXPECT_TRUE(candidates.excluded().empty());
}

}  // namespace
}  // namespace proxy
