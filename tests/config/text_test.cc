// The check of bytes before the parser sees them.
#include "config/text.h"

#include <gtest/gtest.h>

#include <string>

namespace config {
namespace {

std::string fault_of(std::string_view text) {
  const auto problem = check_text(text);
  return problem ? to_string("", *problem) : "";
}

TEST(Text, TakesUtf8WithTabsAndBothKindsOfLineEnd) {
  EXPECT_EQ(fault_of(""), "");
  EXPECT_EQ(fault_of("a:\t1\nb: 2\r\n# \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xc2\x85\n"), "");
}

TEST(Text, TakesAByteOrderMarkInFrontOnly) {
  EXPECT_EQ(fault_of("\xef\xbb\xbf"
                     "a: 1"),
            "");
  EXPECT_EQ(without_bom("\xef\xbb\xbf"
                        "a: 1"),
            "a: 1");
  EXPECT_EQ(without_bom("a: 1"), "a: 1");
  EXPECT_EQ(fault_of("a: \xef\xbb\xbf"), ":1:4: error: a byte order mark inside the text (U+feff)");
}

TEST(Text, RefusesUtf16AndUtf32ByName) {
  constexpr std::string_view kText = ":1:1: error: the file is UTF-16 or UTF-32; save it as UTF-8";
  EXPECT_EQ(fault_of("\xff\xfe"
                     "a"),
            kText);
  EXPECT_EQ(fault_of("\xfe\xff"), kText);
  EXPECT_EQ(fault_of(std::string_view("\0\0\xfe\xff", 4)), kText);
}

TEST(Text, RefusesWhatIsNotUtf8AtItsPlace) {
  EXPECT_EQ(fault_of("a: 1\nb: \xff"), ":2:4: error: not UTF-8: byte 0xff");
  EXPECT_EQ(fault_of("\x80"), ":1:1: error: not UTF-8: byte 0x80");
  EXPECT_EQ(fault_of("\xc3"), ":1:1: error: not UTF-8: byte 0xc3");
  EXPECT_EQ(fault_of("\xe2\x82("), ":1:1: error: not UTF-8: byte 0xe2");
}

TEST(Text, RefusesOverlongFormsSurrogatesAndTooLargeCodes) {
  EXPECT_EQ(fault_of("\xc0\xaf"), ":1:1: error: not UTF-8: byte 0xc0");          // '/' in two bytes
  EXPECT_EQ(fault_of("\xe0\x80\xaf"), ":1:1: error: not UTF-8: byte 0xe0");      // and in three
  EXPECT_EQ(fault_of("\xf0\x80\x80\xaf"), ":1:1: error: not UTF-8: byte 0xf0");  // and in four
  EXPECT_EQ(fault_of("\xed\xa0\x80"), ":1:1: error: not UTF-8: byte 0xed");      // U+D800
  EXPECT_EQ(fault_of("\xf4\x90\x80\x80"), ":1:1: error: not UTF-8: byte 0xf4");  // U+110000
}

TEST(Text, RefusesControlCharacters) {
  EXPECT_EQ(fault_of(std::string_view("a\0b", 3)), ":1:2: error: a control character (U+0000)");
  EXPECT_EQ(fault_of("\x1b[2J"), ":1:1: error: a control character (U+001b)");
  EXPECT_EQ(fault_of("\x7f"), ":1:1: error: a control character (U+007f)");
  EXPECT_EQ(fault_of("\xc2\x9b"), ":1:1: error: a control character (U+009b)");
  EXPECT_EQ(fault_of("a\rb"), ":1:2: error: a carriage return without a line feed");
}

TEST(Text, RefusesEndlessLines) {
  EXPECT_EQ(fault_of(std::string(kLineBytesMax - 1, 'x') + "\ny"), "");
  EXPECT_NE(fault_of(std::string(kLineBytesMax, 'x')), "");
}

}  // namespace
}  // namespace config
