#include "proxy/overrides.h"

#include <gtest/gtest.h>

#include <string>

namespace proxy {
namespace {

TEST(Overrides, GiveNewSessionsToNobodyWhoIsDrained) {
  EXPECT_EQ((EndpointOverride{AdminState::kDrain, 50}.effective_weight(100)), 0U);
  EXPECT_EQ((EndpointOverride{AdminState::kMaintenance, {}}.effective_weight(100)), 0U);
  EXPECT_EQ((EndpointOverride{AdminState::kReady, 50}.effective_weight(100)), 50U);
  EXPECT_EQ((EndpointOverride{AdminState::kReady, {}}.effective_weight(100)), 100U);
}

TEST(Overrides, AreFoundUntilAnEmptyOneTakesThemAway) {
  Overrides overrides;
  ASSERT_TRUE(overrides.set("app", "10.0.0.2:80", {AdminState::kDrain, {}}));
  ASSERT_NE(overrides.find("app", "10.0.0.2:80"), nullptr);
  EXPECT_EQ(overrides.find("app", "10.0.0.2:80")->state, AdminState::kDrain);
  EXPECT_EQ(overrides.find("web", "10.0.0.2:80"), nullptr);
  ASSERT_TRUE(overrides.set("app", "10.0.0.2:80", {}));
  EXPECT_EQ(overrides.size(), 0U);
}

TEST(Overrides, RefuseAWeightThatIsTooLarge) {
  Overrides overrides;
  EXPECT_TRUE(overrides.set("app", "a", {AdminState::kReady, Overrides::kWeightMax}));
  const auto refused = overrides.set("app", "b", {AdminState::kReady, Overrides::kWeightMax + 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), "weight 1001 is too large: 0 to 1000");
  EXPECT_EQ(overrides.size(), 1U);
}

TEST(Overrides, AreBoundedAndThoseThereAreCanStillBeChanged) {
  Overrides overrides;
  for (std::size_t i = 0; i < Overrides::kMax; ++i) {
    ASSERT_TRUE(overrides.set("app", std::to_string(i), {AdminState::kDrain, {}}));
  }
  EXPECT_FALSE(overrides.set("app", "one more", {AdminState::kDrain, {}}));
  EXPECT_TRUE(overrides.set("app", "0", {AdminState::kMaintenance, {}}));
}

TEST(Overrides, SayWhichWereTakenAway) {
  Overrides overrides;
  ASSERT_TRUE(overrides.set("app", "a", {AdminState::kDrain, {}}));
  ASSERT_TRUE(overrides.set("web", "b", {AdminState::kReady, 7}));
  const auto gone = overrides.keep_if([](const auto& key) { return key.first == "web"; });
  ASSERT_EQ(gone.size(), 1U);
  EXPECT_EQ(gone.begin()->first.second, "a");
  EXPECT_EQ(to_text(*overrides.find("web", "b")), "ready, weight 7");
}

}  // namespace
}  // namespace proxy
