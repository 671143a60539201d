#include "proxy/demo.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "proxy/exit_code.h"

namespace {

// The whole of it, over real sockets: one second of measurements.
TEST(Demo, WorksAndSaysWhatItMeasured) {
  proxy::DemoOptions options;
  options.duration = std::chrono::seconds(1);
  options.main_entered = std::chrono::steady_clock::now();
  testing::internal::CaptureStdout();
  const int exit_code = proxy::run_demo(options);
  const std::string text = testing::internal::GetCapturedStdout();
  EXPECT_EQ(exit_code, proxy::kExitDone) << text;
  for (const char* part : {"metrics  http://127.0.0.1:", "latency p99.9", " 0 failed", " Gbit/s",
                           "memory per idle session", "start to first session", "Every byte"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in\n" << text;
  }
}

}  // namespace
