#include "proxy/check.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "config/loader.h"
#include "proxy/exit_code.h"

namespace {

constexpr const char* kGood =
    "listeners:\n"
    "  - {name: in, bind: 127.0.0.1:7000, upstream: out}\n"
    "upstreams:\n"
    "  - {name: out, endpoints: [{address: 127.0.0.1:7001}]}\n";

struct Checked {
  int exit_code = -1;
  std::string out;
  std::string err;
};

Checked check(const proxy::CheckOptions& options) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Checked checked;
  checked.exit_code = proxy::check_config(options);
  checked.out = testing::internal::GetCapturedStdout();
  checked.err = testing::internal::GetCapturedStderr();
  return checked;
}

std::string file_with(const std::string& text) {
  std::string path = testing::TempDir() + "check_test_" +
                     testing::UnitTest::GetInstance()->current_test_info()->name() + ".yaml";
  std::ofstream(path) << text;
  return path;
}

TEST(Check, SaysThatAGoodFileIsGood) {
  const std::string path = file_with(kGood);
  const Checked checked = check({.config_path = path});
  EXPECT_EQ(checked.exit_code, proxy::kExitDone);
  EXPECT_EQ(checked.out, path + ": ok (1 listeners, 1 upstreams)\n");
  EXPECT_EQ(checked.err, "");
}

TEST(Check, PrintsEveryProblemAtItsPlace) {
  const std::string path = file_with(std::string(kGood) + "logg: {}\nworkers: {count: none}\n");
  const Checked checked = check({.config_path = path});
  EXPECT_EQ(checked.exit_code, proxy::kExitUsage);
  EXPECT_EQ(checked.out, "");
  EXPECT_NE(checked.err.find(path + ":5:1: error: "), std::string::npos) << checked.err;
  EXPECT_NE(checked.err.find(path + ":6:18: error: "), std::string::npos) << checked.err;
}

TEST(Check, PrintsTheEffectiveConfigurationSoThatItLoadsAgain) {
  const Checked checked = check({.config_path = file_with(kGood), .effective = true});
  EXPECT_EQ(checked.exit_code, proxy::kExitDone);
  const auto effective = config::load_text(checked.out);
  const auto original = config::load_text(kGood);
  ASSERT_TRUE(effective && original);
  EXPECT_EQ(*effective, *original);
  EXPECT_NE(checked.out.find("half_close"), std::string::npos);
}

TEST(Check, SaysThatAFileIsNotThere) {
  const Checked checked = check({.config_path = "/nonexistent/millrace.yaml"});
  EXPECT_EQ(checked.exit_code, proxy::kExitUsage);
  EXPECT_NE(checked.err.find("/nonexistent/millrace.yaml:1:1: error: "), std::string::npos)
      << checked.err;
}

}  // namespace
