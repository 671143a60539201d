#include "proxy/access_sink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

namespace proxy {
namespace {

using Outcome = LogOutput::Outcome;

std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class AccessSinkTest : public testing::Test {
 public:
  ~AccessSinkTest() override { static_cast<void>(std::remove(path_.c_str())); }

 protected:
  AccessSinkTest() { static_cast<void>(std::remove(path_.c_str())); }

  base::Parsed<std::unique_ptr<AccessSink>> open(const std::string& path) {
    return open_access_sink({config::AccessTarget::kFile, path}, standard_error_);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = testing::TempDir() + "access_sink_test." + std::to_string(getpid());
  LogOutput standard_error_{STDERR_FILENO};
};

TEST_F(AccessSinkTest, AFileIsCreatedForItsOwnerAndGroupAndAppendedTo) {
  for (const char* line : {"one\n", "two\n"}) {
    auto sink = open(path());
    ASSERT_TRUE(sink) << sink.error();
    const SinkResult result = (*sink)->write(line);
    EXPECT_EQ(result.outcome, Outcome::kTaken);
    EXPECT_EQ(result.bytes, 4U);
  }
  EXPECT_EQ(contents(path()), "one\ntwo\n");
  struct stat about {};
  ASSERT_EQ(stat(path().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0137U, 0U) << "nobody else may read it";
}

TEST_F(AccessSinkTest, AFileThatCannotBeWrittenToIsNamedWithTheReason) {
  const auto nowhere = open("/no/such/folder/access.log");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error(),
            "cannot write to /no/such/folder/access.log: No such file or directory (ENOENT)");
  EXPECT_FALSE(open("/"));
  // A FIFO without a reader would wait for one.
  ASSERT_EQ(mkfifo(path().c_str(), 0600), 0);
  EXPECT_FALSE(open(path()));
}

TEST_F(AccessSinkTest, AFullDiskLosesTheText) {
  auto sink = open("/dev/full");
  ASSERT_TRUE(sink) << sink.error();
  const SinkResult result = (*sink)->write("one\ntwo\n");
  EXPECT_EQ(result.outcome, Outcome::kLost);
  EXPECT_EQ(result.bytes, 8U);
}

TEST_F(AccessSinkTest, SyslogAndTheJournalNeedNotBeThere) {
  LogOutput standard_error(STDERR_FILENO);
  for (const auto target : {config::AccessTarget::kSyslog, config::AccessTarget::kJournald}) {
    EXPECT_TRUE(open_access_sink({target, {}}, standard_error));
  }
}

}  // namespace
}  // namespace proxy
