#include "proxy/number_text.h"

#include <gtest/gtest.h>

#include <limits>

namespace proxy {
namespace {

TEST(NumberText, GroupTheDigitsOfCounts) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1000), "1,000");
  EXPECT_EQ(count_text(1234567), "1,234,567");
  EXPECT_EQ(count_text(12.6), "13");
  EXPECT_EQ(count_text(-1234), "-1,234");
  EXPECT_EQ(count_text(-0.2), "0");
  EXPECT_EQ(count_text(std::nullopt), "-");
  EXPECT_EQ(count_text(std::numeric_limits<double>::quiet_NaN()), "-");
  EXPECT_EQ(count_text(1e300), "9,000,000,000,000,000");
}

TEST(NumberText, HaveThreeDigitsAndAUnit) {
  EXPECT_EQ(rate_text(0.0), "0/s");
  EXPECT_EQ(rate_text(1.25), "1.25/s");
  EXPECT_EQ(rate_text(12.34), "12.3/s");
  EXPECT_EQ(rate_text(99.96), "100/s");
  EXPECT_EQ(rate_text(12345.0), "12,345/s");
  EXPECT_EQ(rate_text(std::nullopt), "-");
  EXPECT_EQ(bytes_text(0.0), "0 B");
  EXPECT_EQ(bytes_text(1023.0), "1023 B");
  EXPECT_EQ(bytes_text(1023.7), "1.00 KiB");
  EXPECT_EQ(bytes_text(1536.0), "1.50 KiB");
  EXPECT_EQ(bytes_text(5e20), "444089 PiB");
  EXPECT_EQ(byte_rate_text(1048576.0 * 12.5), "12.5 MiB/s");
  EXPECT_EQ(byte_rate_text(std::nullopt), "-");
}

TEST(NumberText, ChooseTheUnitOfALatency) {
  EXPECT_EQ(latency_text(0.0000854, "u"), "85 us");
  EXPECT_EQ(latency_text(0.0009994, "u"), "999 us");
  EXPECT_EQ(latency_text(0.0009996, "u"), "1.00 ms");
  EXPECT_EQ(latency_text(0.9996, "u"), "1.00 s");
  EXPECT_EQ(latency_text(std::nullopt, "u"), "-");
}

TEST(NumberText, SayHowMuchOfAHundred) {
  EXPECT_EQ(percent_text(0.0), "0 %");
  EXPECT_EQ(percent_text(0.0512), "5.1 %");
  EXPECT_EQ(percent_text(0.0996), "10 %");
  EXPECT_EQ(percent_text(1.0), "100 %");
  EXPECT_EQ(percent_text(std::nullopt), "-");
}

TEST(NumberText, SayHowLongInTwoUnits) {
  EXPECT_EQ(age_text(-3), "0 s");
  EXPECT_EQ(age_text(59.9), "59 s");
  EXPECT_EQ(age_text(185), "3 min 5 s");
  EXPECT_EQ(age_text(3600), "1 h 0 min");
  EXPECT_EQ(age_text(2 * 86400 + 4 * 3600 + 59), "2 d 4 h");
}

TEST(NumberText, KnowOneFromMany) {
  EXPECT_EQ(things_text(1, "session", "sessions"), "1 session");
  EXPECT_EQ(things_text(0, "session", "sessions"), "0 sessions");
  EXPECT_EQ(things_text(1234, "session", "sessions"), "1,234 sessions");
}

}  // namespace
}  // namespace proxy
