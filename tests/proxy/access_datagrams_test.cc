#include "proxy/access_datagrams.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <regex>
#include <string>
#include <string_view>

namespace proxy {
namespace {

using Outcome = LogOutput::Outcome;

// A daemon's socket, with what came to it.
class Daemon {
 public:
  explicit Daemon(const std::string& path) : path_(path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(path, std::begin(address.sun_path));
    const auto* name = reinterpret_cast<const sockaddr*>(&address);  // NOLINT
    socket_ = base::UniqueFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(socket_.get(), name, sizeof(address)), 0) << path;
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon() { static_cast<void>(unlink(path_.c_str())); }

  // The next message; empty when there is none.
  std::string next() {
    std::array<char, 4096> buffer{};
    const ssize_t got = recv(socket_.get(), buffer.data(), buffer.size(), 0);
    return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
  }

 private:
  std::string path_;
  base::UniqueFd socket_;
};

class AccessDatagramsTest : public testing::Test {
 protected:
  const std::string& path() const { return path_; }

 private:
  std::string path_ = testing::TempDir() + "access_datagrams." + std::to_string(getpid());
};

TEST_F(AccessDatagramsTest, SyslogGetsAMessageForEachLine) {
  Daemon daemon(path());
  AccessDatagrams sink(path(), DatagramForm::kSyslog);
  const std::string_view text = "first line\nsecond\n";
  const SinkResult result = sink.write(text);
  EXPECT_EQ(result.outcome, Outcome::kTaken);
  EXPECT_EQ(result.bytes, 11U);
  EXPECT_EQ(sink.write(text.substr(result.bytes)).bytes, 7U);
  const std::regex form(R"(<30>[A-Z][a-z]{2} [ 123][0-9] [0-9:]{8} millrace\[[0-9]+\]: (.*))");
  std::smatch parts;
  const std::string first = daemon.next();
  ASSERT_TRUE(std::regex_match(first, parts, form)) << first;
  EXPECT_EQ(parts[1], "first line");
  const std::string second = daemon.next();
  ASSERT_TRUE(std::regex_match(second, parts, form)) << second;
  EXPECT_EQ(parts[1], "second");
  EXPECT_EQ(daemon.next(), "");
}

TEST_F(AccessDatagramsTest, TheJournalGetsFields) {
  Daemon daemon(path());
  AccessDatagrams sink(path(), DatagramForm::kJournal);
  EXPECT_EQ(sink.write("a=1 b=2\n").outcome, Outcome::kTaken);
  EXPECT_EQ(daemon.next(), "PRIORITY=6\nSYSLOG_IDENTIFIER=millrace\nMESSAGE=a=1 b=2\n");
}

TEST_F(AccessDatagramsTest, ADaemonThatDoesNotReadBlocksAndIsNotWaitedFor) {
  Daemon daemon(path());
  AccessDatagrams sink(path(), DatagramForm::kJournal);
  constexpr int kMessagesMax = 100'000;
  int taken = 0;
  SinkResult result;
  for (; taken < kMessagesMax; ++taken) {
    result = sink.write("line\n");
    if (result.outcome != Outcome::kTaken) break;
  }
  EXPECT_EQ(result.outcome, Outcome::kBlocked);
  EXPECT_EQ(result.bytes, 0U);
  EXPECT_GT(taken, 0);
  EXPECT_NE(daemon.next(), "");
  sink.wait_writable(std::chrono::seconds(10));
  EXPECT_EQ(sink.write("line\n").outcome, Outcome::kTaken);
}

TEST_F(AccessDatagramsTest, LinesAreLostWhileThereIsNoDaemonAndNotAfterwards) {
  AccessDatagrams sink(path(), DatagramForm::kSyslog);
  const SinkResult result = sink.write("one\ntwo\n");
  EXPECT_EQ(result.outcome, Outcome::kLost);
  EXPECT_EQ(result.bytes, 4U);
  Daemon daemon(path());
  const base::Nanos before = base::monotonic_now();
  while (sink.write("three\n").outcome != Outcome::kTaken) {
    ASSERT_LT(base::monotonic_now() - before, AccessDatagrams::kRetry + std::chrono::seconds(30));
  }
  EXPECT_NE(daemon.next().find("three"), std::string::npos);
}

TEST_F(AccessDatagramsTest, ADaemonThatWasStartedAnewIsFound) {
  AccessDatagrams sink(path(), DatagramForm::kJournal);
  {
    Daemon daemon(path());
    EXPECT_EQ(sink.write("one\n").outcome, Outcome::kTaken);
  }
  Daemon daemon(path());
  const base::Nanos before = base::monotonic_now();
  while (sink.write("two\n").outcome != Outcome::kTaken) {
    ASSERT_LT(base::monotonic_now() - before, AccessDatagrams::kRetry + std::chrono::seconds(30));
  }
  EXPECT_NE(daemon.next().find("two"), std::string::npos);
}

}  // namespace
}  // namespace proxy
