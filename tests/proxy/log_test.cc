#include "proxy/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/time.h"

namespace {

using namespace std::chrono_literals;

// A pipe with a log that writes into it. ended() ends the log and gives back all its lines.
class LogToPipe {
 public:
  explicit LogToPipe(const config::Log& options) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) ADD_FAILURE() << "pipe2";
    reader_ = base::UniqueFd(ends[0]);
    writer_ = base::UniqueFd(ends[1]);
    output_ = std::make_unique<proxy::LogOutput>(writer_.get());
    log_ = std::make_unique<proxy::Log>(*output_, options);
  }

  proxy::Log& log() { return *log_; }

  std::vector<std::string> ended() {
    log_.reset();
    output_.reset();
    writer_.close();
    std::string text;
    std::array<char, 4096> buffer{};
    for (ssize_t got = 0; (got = read(reader_.get(), buffer.data(), buffer.size())) > 0;) {
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }

 private:
  base::UniqueFd reader_;
  base::UniqueFd writer_;
  std::unique_ptr<proxy::LogOutput> output_;
  std::unique_ptr<proxy::Log> log_;
};

TEST(Log, WritesTextWithTimeLevelAndMessage) {
  LogToPipe pipe({});
  pipe.log().info("listener {}: listening on port {}", "redis", 6379);
  pipe.log().error("two\nlines");
  const auto lines = pipe.ended();
  ASSERT_EQ(lines.size(), 2U);
  const std::string time = R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)";
  EXPECT_TRUE(std::regex_match(
      lines[0], std::regex(time + " info    listener redis: listening on port 6379")))
      << lines[0];
  EXPECT_TRUE(std::regex_match(lines[1], std::regex(time + R"( error   two\\nlines)"))) << lines[1];
}

TEST(Log, WritesOneJsonObjectALine) {
  LogToPipe pipe({.level = config::LogLevel::kInfo, .format = config::LogFormat::kJson});
  pipe.log().warning("say \"{}\"\n\xFF", "hi");
  const auto lines = pipe.ended();
  ASSERT_EQ(lines.size(), 1U);
  const auto line = nlohmann::json::parse(lines[0]);
  EXPECT_EQ(line.at("level"), "warning");
  EXPECT_EQ(line.at("msg"), "say \"hi\"\n\xEF\xBF\xBD");
  EXPECT_EQ(line.at("ts").get<std::string>().size(), 24U);
}

TEST(Log, LeavesOutWhatIsBelowItsLevelAndFollowsAReload) {
  LogToPipe pipe({.level = config::LogLevel::kWarning});
  pipe.log().info("not this");
  pipe.log().warning("first");
  pipe.log().configure({.level = config::LogLevel::kDebug});
  pipe.log().debug("second");
  pipe.log().configure({.level = config::LogLevel::kError});
  pipe.log().warning("nor this");
  const auto lines = pipe.ended();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_NE(lines[0].find("first"), std::string::npos);
  EXPECT_NE(lines[1].find("second"), std::string::npos);
}

// Four times what the queue and the pipe hold together: a caller that waited would never come back.
constexpr int kFlood = 16'384;

TEST(Log, NeverMakesItsCallerWaitForAReaderThatStopped) {
  LogToPipe pipe({});
  for (int i = 0; i < kFlood; ++i) pipe.log().info("line {} of a flood that nobody reads", i);
  EXPECT_GT(pipe.log().dropped(), 0U);
  const auto begin = std::chrono::steady_clock::now();
  const auto lines = pipe.ended();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, proxy::Log::kFlushMax + 10s);
  EXPECT_LT(lines.size(), static_cast<std::size_t>(kFlood));
}

TEST(Log, SaysHowManyLinesWereLostOnceItIsReadAgain) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const base::UniqueFd reader(ends[0]);
  base::UniqueFd writer(ends[1]);
  std::string text;
  {
    proxy::LogOutput output(writer.get());
    proxy::Log log(output, {});
    for (int i = 0; i < kFlood; ++i) log.info("line {} of a flood that nobody reads", i);
    // Reads until the report has come; it can only come once there is room.
    std::array<char, 4096> buffer{};
    while (text.find("log lines were lost") == std::string::npos) {
      const ssize_t got = read(reader.get(), buffer.data(), buffer.size());
      ASSERT_GT(got, 0);
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  EXPECT_TRUE(std::regex_search(text, std::regex(R"(warning \d+ log lines were lost)")));
}

TEST(Log, LivesOnWithAFullDisk) {
  const base::UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full);
  proxy::LogOutput output(full.get());
  auto log = std::make_unique<proxy::Log>(output, config::Log{});
  log->error("no room for this");
  const base::Nanos before = base::monotonic_now();
  while (log->dropped() == 0) {
    ASSERT_LT(base::monotonic_now() - before, std::chrono::seconds(30));
    std::this_thread::yield();
  }
  EXPECT_EQ(log->dropped(), 1U);
  log.reset();
}

}  // namespace
