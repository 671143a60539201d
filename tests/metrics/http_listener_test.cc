#include "metrics/http_listener.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "base/fd.h"

namespace metrics {
namespace {

base::Address address_of(const std::string& text) { return base::parse_address(text).value(); }

bool can_connect(const base::Address& address) {
  const base::RawAddress raw = base::to_raw(address);
  const base::UniqueFd fd(socket(raw.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return connect(fd.get(), raw.get(), raw.size) == 0;
}

// A folder of its own for each test, so that socket files meet nobody else's.
class HttpListenerFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "listener.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ / "metrics.sock"; }
  base::Address address() const { return address_of("unix:" + path()); }

 private:
  std::filesystem::path folder_;
};

TEST(HttpListener, TurnsPortZeroIntoAPort) {
  const auto listener = HttpListener::open(address_of("127.0.0.1:0"));
  ASSERT_TRUE(listener) << listener.error();
  EXPECT_NE(listener->address().ip.port, 0);
  EXPECT_TRUE(can_connect(listener->address()));
}

TEST(HttpListener, OnTheV6WildcardTakesV4Too) {
  const auto listener = HttpListener::open(address_of("[::]:0"));
  ASSERT_TRUE(listener) << listener.error();
  const std::string port = std::to_string(listener->address().ip.port);
  EXPECT_TRUE(can_connect(address_of("127.0.0.1:" + port)));
  EXPECT_TRUE(can_connect(address_of("[::1]:" + port)));
}

TEST(HttpListener, SaysWhichAddressIsInUse) {
  const auto first = HttpListener::open(address_of("127.0.0.1:0"));
  ASSERT_TRUE(first) << first.error();
  const auto second = HttpListener::open(first->address());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(), "cannot listen on " + base::to_string(first->address()) +
                                ": Address already in use (EADDRINUSE)");
}

TEST(HttpListener, SaysWhichAddressIsNotOurs) {
  const auto listener = HttpListener::open(address_of("192.0.2.1:0"));
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error(),
            "cannot listen on 192.0.2.1:0: Cannot assign requested address (EADDRNOTAVAIL)");
}

TEST(HttpListener, ListensOnTheAbstractNamespace) {
  const auto address = address_of("unix:@millrace-test-" + std::to_string(getpid()));
  const auto listener = HttpListener::open(address);
  ASSERT_TRUE(listener) << listener.error();
  EXPECT_TRUE(can_connect(address));
  EXPECT_EQ(listener->address(), address);
}

TEST_F(HttpListenerFile, IsRemovedWithItsListener) {
  {
    const auto listener = HttpListener::open(address());
    ASSERT_TRUE(listener) << listener.error();
    EXPECT_TRUE(can_connect(address()));
  }
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(HttpListenerFile, OfAnotherProcessStaysWithIt) {
  auto theirs = HttpListener::open(address());
  ASSERT_TRUE(theirs);
  { const auto ours = HttpListener::adopt(base::UniqueFd(::dup(theirs->fd())), address()); }
  EXPECT_TRUE(std::filesystem::exists(path()));
}

TEST_F(HttpListenerFile, LeftBehindByACrashIsReplaced) {
  {
    const base::UniqueFd dead(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const base::RawAddress raw = base::to_raw(address());
    ASSERT_EQ(bind(dead.get(), raw.get(), raw.size), 0);
    ASSERT_EQ(listen(dead.get(), 1), 0);
  }
  ASSERT_TRUE(std::filesystem::exists(path()));
  const auto listener = HttpListener::open(address());
  ASSERT_TRUE(listener) << listener.error();
  EXPECT_TRUE(can_connect(address()));
}

TEST_F(HttpListenerFile, OfALivingProcessIsNotTakenAway) {
  const auto first = HttpListener::open(address());
  ASSERT_TRUE(first) << first.error();
  const auto second = HttpListener::open(address());
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().find(path()), std::string::npos) << second.error();
  EXPECT_NE(second.error().find("EADDRINUSE"), std::string::npos) << second.error();
  EXPECT_TRUE(can_connect(address()));
}

TEST_F(HttpListenerFile, ThatIsNoSocketIsNotTouched) {
  std::ofstream(path()) << "precious";
  const auto listener = HttpListener::open(address());
  ASSERT_FALSE(listener);
  EXPECT_NE(listener.error().find("EADDRINUSE"), std::string::npos) << listener.error();
  EXPECT_EQ(std::filesystem::file_size(path()), 8U);
}

TEST_F(HttpListenerFile, InAFolderThatIsNotThereIsAnError) {
  const auto listener = HttpListener::open(address_of("unix:" + path() + ".d/x.sock"));
  ASSERT_FALSE(listener);
  EXPECT_NE(listener.error().find("ENOENT"), std::string::npos) << listener.error();
}

TEST_F(HttpListenerFile, OfASuccessorSurvivesItsPredecessor) {
  auto first = std::make_unique<HttpListener>(HttpListener::open(address()).value());
  ASSERT_EQ(unlink(path().c_str()), 0);
  const auto second = HttpListener::open(address());
  ASSERT_TRUE(second) << second.error();
  first.reset();
  EXPECT_TRUE(can_connect(address()));
}

TEST_F(HttpListenerFile, HasTheModeThatIsAskedForWhateverTheUmask) {
  for (const mode_t mask : {mode_t{0}, mode_t{077}}) {
    const mode_t before = umask(mask);
    const auto listener = HttpListener::open(address(), 0660);
    umask(before);
    ASSERT_TRUE(listener) << listener.error();
    struct stat file = {};
    ASSERT_EQ(stat(path().c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 07777U, 0660U);
  }
}

}  // namespace
}  // namespace metrics
