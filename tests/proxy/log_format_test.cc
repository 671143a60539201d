#include "proxy/log_format.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

namespace {

using namespace std::chrono_literals;

std::string json_of(std::string_view text) {
  std::string out;
  proxy::append_json_string(out, text);
  return out;
}

std::string value_of(std::string_view text) {
  std::string out;
  proxy::append_value(out, text);
  return out;
}

TEST(LogFormat, WritesTheTimeInUtcWithMilliseconds) {
  std::string out;
  proxy::append_timestamp(
      out, std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} + 14h + 31min + 7s + 5ms);
  EXPECT_EQ(out, "2026-11-23T14:31:07.005Z");
}

TEST(LogFormat, EscapesWhatWouldBreakAJsonString) {
  EXPECT_EQ(json_of("plain"), R"("plain")");
  EXPECT_EQ(json_of("a\"b\\c\nd\te\x01"), R"("a\"b\\c\nd\te\u0001")");
}

TEST(LogFormat, MakesValidJsonOfAnyByteAlone) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text(1, static_cast<char>(byte));
    const auto parsed = nlohmann::json::parse(json_of(text));
    if (byte < 0x80) {
      EXPECT_EQ(parsed, text) << byte;
    } else {
      EXPECT_EQ(parsed, "\xEF\xBF\xBD") << byte;
    }
  }
}

TEST(LogFormat, KeepsUtf8AndReplacesWhatIsNot) {
  const std::string good = "\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80";
  EXPECT_EQ(json_of(good), "\"" + good + "\"");
  // An overlong slash, a surrogate, a value past the last one, a character cut short.
  for (const std::string bad : {"\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"}) {
    const std::string out = nlohmann::json::parse(json_of(bad + "x")).get<std::string>();
    EXPECT_EQ(out.substr(0, 3), "\xEF\xBF\xBD");
    EXPECT_EQ(out.back(), 'x');
  }
}

TEST(LogFormat, KeepsATextOnOneLine) {
  std::string out;
  proxy::append_one_line(out, "no such file \"a\nb\": \x1b[31m");
  EXPECT_EQ(out, "no such file \"a\\nb\": \\u001b[31m");
}

TEST(LogFormat, QuotesAValueOnlyWhereAReaderCouldSplitIt) {
  EXPECT_EQ(value_of("redis-1"), "redis-1");
  EXPECT_EQ(value_of("[::1]:6379"), "[::1]:6379");
  EXPECT_EQ(value_of("unix:/run/a.sock"), "unix:/run/a.sock");
  EXPECT_EQ(value_of("two words"), R"("two words")");
  EXPECT_EQ(value_of("a=b"), R"("a=b")");
  EXPECT_EQ(value_of("say \"hi\""), R"("say \"hi\"")");
  EXPECT_EQ(value_of(""), R"("")");
}

TEST(LogFormat, WritesSecondsWithMicroseconds) {
  std::string out;
  proxy::append_seconds(out, 213us);
  out += ' ';
  proxy::append_seconds(out, 3725s + 4us + 999ns);
  EXPECT_EQ(out, "0.000213 3725.000004");
}

}  // namespace
