#include "config/payload.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace config {
namespace {

using namespace std::string_literals;  // NOLINT(google-build-using-namespace)

constexpr std::size_t kMax = 64;

TEST(Payload, TextStandsForItselfAndEscapesForOneByte) {
  EXPECT_EQ(parse_payload("", kMax), "");
  EXPECT_EQ(parse_payload("+PONG", kMax), "+PONG");
  EXPECT_EQ(parse_payload(R"(PING\r\n)", kMax), "PING\r\n");
  EXPECT_EQ(parse_payload(R"(\t\0\\\x00\xfF)", kMax), "\t\0\\\0\xff"s);
  // YAML has made these of its own escapes.
  EXPECT_EQ(parse_payload("PING\r\n", kMax), "PING\r\n");
}

TEST(Payload, HexIsPairsOfDigits) {
  EXPECT_EQ(parse_payload("hex:", kMax), "");
  EXPECT_EQ(parse_payload("hex:0a0BfF", kMax), "\x0a\x0b\xff");
}

TEST(Payload, AnErrorNamesTheCharacter) {
  EXPECT_EQ(parse_payload(R"(ab\q)", kMax).error(),
            R"(takes \r, \n, \t, \0, \\ or \xHH after a backslash; look at character 3)");
  EXPECT_EQ(parse_payload("ab\\", kMax).error(),
            R"(takes \r, \n, \t, \0, \\ or \xHH after a backslash; look at character 3)");
  EXPECT_EQ(parse_payload(R"(\x4)", kMax).error(),
            R"(takes two hexadecimal digits after '\x'; look at character 1)");
  EXPECT_EQ(parse_payload("hex:0g", kMax).error(),
            "takes pairs of hexadecimal digits after 'hex:'; look at character 5");
  EXPECT_EQ(parse_payload("hex:012", kMax).error(),
            "takes pairs of hexadecimal digits after 'hex:'; look at character 7");
}

TEST(Payload, IsBoundedInBytesAndNotInCharacters) {
  EXPECT_EQ(parse_payload(R"(\x41\x42)", 2), "AB");
  EXPECT_EQ(parse_payload("ABC", 2).error(), "takes at most 2 bytes, not 3");
}

TEST(Payload, EveryByteIsWrittenAsTextThatIsReadBack) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(parse_payload(payload_text(all), all.size()), all);
  EXPECT_EQ(payload_text("PING\r\n"), R"(PING\r\n)");
  EXPECT_EQ(parse_payload(payload_text("hex:zz"), kMax), "hex:zz");
  EXPECT_EQ(parse_payload(payload_text(std::string("\0"
                                                   "1",
                                                   2)),
                          kMax),
            std::string("\0"
                        "1",
                        2));
}

}  // namespace
}  // namespace config
