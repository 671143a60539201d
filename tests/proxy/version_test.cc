#include "proxy/version.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "backends/transport_factory.h"
#include "proxy/exit_code.h"

namespace {

std::string printed(bool json) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(proxy::print_version(json), proxy::kExitDone);
  return testing::internal::GetCapturedStdout();
}

TEST(Version, SaysWhatTheBinaryIsAndWhichEnginesItHas) {
  const std::string text = printed(false);
  EXPECT_TRUE(text.starts_with("millrace " + std::string(proxy::version()) + "\n")) << text;
  EXPECT_NE(text.find(proxy::compiler()), std::string::npos);
  ASSERT_FALSE(backends::engines().empty());
  for (const auto& engine : backends::engines()) {
    EXPECT_NE(text.find("engine " + std::string(engine.name) + ": "), std::string::npos) << text;
  }
}

TEST(Version, SaysTheSameAsJson) {
  const auto json = nlohmann::json::parse(printed(true));
  EXPECT_EQ(json.at("version"), proxy::version());
  EXPECT_EQ(json.at("compiler"), proxy::compiler());
  const auto engines = backends::engines();
  ASSERT_EQ(json.at("engines").size(), engines.size());
  for (std::size_t i = 0; i < engines.size(); ++i) {
    EXPECT_EQ(json.at("engines")[i].at("name"), engines[i].name);
    EXPECT_EQ(json.at("engines")[i].at("usable"), engines[i].usable);
    EXPECT_EQ(json.at("engines")[i].contains("reason"), !engines[i].usable);
  }
}

}  // namespace
