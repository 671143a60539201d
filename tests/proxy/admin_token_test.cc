#include "proxy/admin_token.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace proxy {
namespace {

constexpr const char* kSecret = "0123456789abcdef";

class AdminTokenTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  base::Parsed<AdminToken> read(const std::string& text, mode_t mode = 0600) const {
    std::ofstream(path_, std::ios::binary) << text;
    EXPECT_EQ(chmod(path_.c_str(), mode), 0);
    return AdminToken::read(path_);
  }

  const std::string path_ = testing::TempDir() + "token." + std::to_string(getpid());
};

TEST_F(AdminTokenTest, IsOneLineOfAFile) {
  for (const char* end : {"", "\n", "\r\n"}) {
    const auto token = read(kSecret + std::string(end));
    ASSERT_TRUE(token) << token.error();
    EXPECT_EQ(token->secret, kSecret);
  }
  EXPECT_TRUE(read(std::string(AdminToken::kBytesMax, 'x') + "\r\n"));
}

TEST_F(AdminTokenTest, RefusesWhatIsNoneWithoutShowingIt) {
  const std::string wrong = "sesame-open-";
  for (const std::string& text :
       {std::string(), std::string("\n"), wrong, wrong + "two words of it", wrong + "\n" + kSecret,
        wrong + "0123\n\n", wrong + std::string("\0abcdef", 7), wrong + "\xc3\xa4umlaut",
        std::string(AdminToken::kBytesMax + 1, 'x')}) {
    const auto token = read(text);
    ASSERT_FALSE(token) << text;
    EXPECT_EQ(token.error().find("sesame"), std::string::npos);
    EXPECT_NE(token.error().find(path_), std::string::npos);
  }
}

TEST_F(AdminTokenTest, NeedsARegularFileThatIsThere) {
  EXPECT_NE(AdminToken::read(path_ + ".none").error().find("ENOENT"), std::string::npos);
  EXPECT_FALSE(AdminToken::read("/dev/zero"));
  EXPECT_FALSE(AdminToken::read(testing::TempDir()));
}

TEST_F(AdminTokenTest, NoticesAFileThatIsOpenToOthers) {
  for (const mode_t mode : {0400U, 0600U, 0640U}) EXPECT_FALSE(read(kSecret, mode)->mode_wide);
  for (const mode_t mode : {0644U, 0660U, 0604U, 0666U}) {
    EXPECT_TRUE(read(kSecret, mode)->mode_wide);
  }
}

TEST(AdminToken, MatchesOnlyTheWholeSecretOfABearer) {
  const AdminToken token{.secret = kSecret};
  EXPECT_TRUE(token.matches("Bearer 0123456789abcdef"));
  EXPECT_TRUE(token.matches("bearer 0123456789abcdef"));
  for (const char* wrong : {"", "Bearer", "Bearer ", "Basic 0123456789abcdef", "0123456789abcdef",
                            "Bearer 0123456789abcde", "Bearer 0123456789abcdeF",
                            "Bearer 0123456789abcdef0", "Bearer 0123456789abcdef0123456789abcdef",
                            "Bearer  0123456789abcdef", "Bearer 0123456789abcdef "}) {
    EXPECT_FALSE(token.matches(wrong)) << wrong;
  }
  EXPECT_FALSE(AdminToken{}.matches("Bearer "));
}

TEST(AdminToken, IsSharedOnceItIsSet) {
  SharedToken shared;
  EXPECT_FALSE(shared.matches("Bearer "));
  shared.set({.secret = kSecret});
  EXPECT_TRUE(shared.matches("Bearer 0123456789abcdef"));
}

}  // namespace
}  // namespace proxy
