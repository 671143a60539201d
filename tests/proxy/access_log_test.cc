#include "proxy/access_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "base/fd.h"
#include "tests/proxy/access_records.h"

namespace {

using namespace std::chrono_literals;
using proxy_test::served;
using proxy_test::turned_away;

// The defaults with one of them changed.
template <typename T>
config::Log with(T config::Log::*key, T value) {
  config::Log options;
  options.*key = value;
  return options;
}

// A pipe with an access log of two workers that writes into it.
class LogToPipe {
 public:
  explicit LogToPipe(const config::Log& options = {}) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) ADD_FAILURE() << "pipe2";
    reader_ = base::UniqueFd(ends[0]);
    writer_ = base::UniqueFd(ends[1]);
    output_ = std::make_unique<proxy::LogOutput>(writer_.get());
    log_ = std::make_unique<proxy::AccessLog>(*output_, 2, options);
  }

  proxy::AccessLog& log() { return *log_; }
  void end_log() { log_.reset(); }

  // Everything up to the end of the pipe, or until there are that many lines.
  std::string read_lines(std::size_t lines_max) {
    std::string text;
    std::array<char, 65536> buffer{};
    while (count(text) < lines_max) {
      const ssize_t got = read(reader_.get(), buffer.data(), buffer.size());
      if (got <= 0) break;
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
  }
  // What is there within a few milliseconds; perhaps nothing.
  std::string read_available() {
    pollfd readable{.fd = reader_.get(), .events = POLLIN, .revents = 0};
    if (poll(&readable, 1, 10) <= 0) return {};
    std::array<char, 65536> buffer{};
    const ssize_t got = read(reader_.get(), buffer.data(), buffer.size());
    return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
  }
  std::string read_to_end() {
    output_.reset();
    writer_.close();
    return read_lines(std::string::npos);
  }

  static std::size_t count(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }

 private:
  base::UniqueFd reader_;
  base::UniqueFd writer_;
  std::unique_ptr<proxy::LogOutput> output_;
  std::unique_ptr<proxy::AccessLog> log_;
};

TEST(AccessLog, WritesTheRecordsOfAllWorkersWithoutBeingAsked) {
  LogToPipe pipe;
  pipe.log().append(0, served());
  pipe.log().append(1, turned_away());
  const std::string text = pipe.read_lines(2);  // The log is alive all the while.
  EXPECT_EQ(LogToPipe::count(text), 2U);
  EXPECT_NE(text.find("cause=eof"), std::string::npos);
  EXPECT_NE(text.find("cause=no_endpoint"), std::string::npos);
}

TEST(AccessLog, WritesWhatIsLeftWhenItEnds) {
  LogToPipe pipe;
  for (int i = 0; i < 100; ++i) pipe.log().append(0, served());
  pipe.end_log();
  EXPECT_EQ(LogToPipe::count(pipe.read_to_end()), 100U);
}

TEST(AccessLog, IsSilentWhileItIsSwitchedOff) {
  LogToPipe pipe(with(&config::Log::access, false));
  pipe.log().append(0, served());
  pipe.log().configure(with(&config::Log::format, config::LogFormat::kJson), nullptr);
  pipe.log().append(0, turned_away());
  pipe.end_log();
  const std::string text = pipe.read_to_end();
  EXPECT_EQ(LogToPipe::count(text), 1U);
  EXPECT_EQ(nlohmann::json::parse(text).at("cause"), "no_endpoint");
}

TEST(AccessLog, NeverMakesAWorkerWaitForAReaderThatStoppedAndCountsWhatItDrops) {
  // Many times what the ring, the piece in the making and the pipe hold together: if append()
  // waited for the reader, it would wait for ever, because there is none.
  constexpr std::uint64_t kRecords = 16 * proxy::AccessLog::kRingRecords;
  LogToPipe pipe;
  base::Nanos longest{0};
  for (std::uint64_t i = 0; i < kRecords; ++i) {
    const base::Nanos before = base::monotonic_now();
    pipe.log().append(0, served());
    longest = std::max(longest, base::monotonic_now() - before);
  }
  EXPECT_GT(pipe.log().dropped(), kRecords / 2);
  // The scheduler may take the processor away, but a write to the full pipe would take for ever.
  EXPECT_LT(longest, 1s);

  // Someone reads again: the log goes on by itself, and every record is accounted for.
  std::uint64_t lines = LogToPipe::count(pipe.read_lines(100));
  EXPECT_GE(lines, 100U);
  const base::Nanos before = base::monotonic_now();
  while (pipe.log().written() + pipe.log().dropped() < kRecords) {
    lines += LogToPipe::count(pipe.read_available());
    ASSERT_LT(base::monotonic_now() - before, 30s);
  }
  EXPECT_EQ(pipe.log().written() + pipe.log().dropped(), kRecords);
  const std::uint64_t written = pipe.log().written();
  while (lines < written) {
    lines += LogToPipe::count(pipe.read_available());
    ASSERT_LT(base::monotonic_now() - before, 30s) << "the last lines wait for another record";
  }
  pipe.end_log();
  lines += LogToPipe::count(pipe.read_to_end());
  EXPECT_EQ(lines, written);
}

TEST(AccessLog, EndsInTimeAlthoughNobodyReads) {
  LogToPipe pipe;
  constexpr std::uint64_t kRecords = 2 * proxy::AccessLog::kRingRecords;
  for (std::uint64_t i = 0; i < kRecords; ++i) pipe.log().append(i % 2, served());
  const base::Nanos before = base::monotonic_now();
  pipe.end_log();
  EXPECT_LT(base::monotonic_now() - before, proxy::AccessLog::kFlushMax + 10s);
}

TEST(AccessLog, CountsTheLinesThatAFullDiskRefuses) {
  const base::UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full);
  proxy::LogOutput output(full.get());
  proxy::AccessLog log(output, 1, {});
  for (int i = 0; i < 10; ++i) log.append(0, served());
  const base::Nanos before = base::monotonic_now();
  while (log.dropped() < 10) {
    ASSERT_LT(base::monotonic_now() - before, 30s);
    std::this_thread::yield();
  }
  EXPECT_EQ(log.written(), 0U);
}

void wait_for(const std::function<bool()>& done) {
  const base::Nanos before = base::monotonic_now();
  while (!done()) {
    ASSERT_LT(base::monotonic_now() - before, 30s);
    std::this_thread::yield();
  }
}

TEST(AccessLog, WritesASampleOfTheSessionsThatEndedWellAndAllOthers) {
  LogToPipe pipe(with(&config::Log::access_sample, 10U));
  for (int i = 0; i < 100; ++i) {
    pipe.log().append(0, served());
    if (i < 5) pipe.log().append(0, turned_away());
  }
  EXPECT_EQ(pipe.log().left_out_by_sample(), 90U);
  pipe.end_log();
  EXPECT_EQ(LogToPipe::count(pipe.read_to_end()), 10U + 5U);
}

TEST(AccessLog, ASmallerSampleBeginsAtOnce) {
  LogToPipe pipe(with(&config::Log::access_sample, 1000U));
  pipe.log().append(0, served());
  pipe.log().configure(with(&config::Log::access_sample, 2U), nullptr);
  for (int i = 0; i < 4; ++i) pipe.log().append(0, served());
  EXPECT_EQ(pipe.log().left_out_by_sample(), 2U);
}

TEST(AccessLog, CountsTheLinesAboveItsRate) {
  constexpr std::uint32_t kRate = 20;
  constexpr std::uint64_t kRecords = 1000;
  LogToPipe pipe(with(&config::Log::access_rate, kRate));
  for (std::uint64_t i = 0; i < kRecords; ++i) pipe.log().append(0, served());
  wait_for([&] { return pipe.log().written() + pipe.log().left_out_by_rate() == kRecords; });
  EXPECT_GE(pipe.log().written(), kRate);
  EXPECT_GT(pipe.log().left_out_by_rate(), kRecords / 2);
  EXPECT_EQ(pipe.log().dropped(), 0U) << "what is left out on purpose is no loss";
}

TEST(AccessLog, GoesOnWithTheSinkItIsGiven) {
  const std::string path = testing::TempDir() + "access_log_test.log";
  static_cast<void>(std::remove(path.c_str()));
  LogToPipe pipe;
  const config::Log options =
      with(&config::Log::access_output, config::AccessOutput{config::AccessTarget::kFile, path});
  pipe.log().append(0, served());
  wait_for([&] { return pipe.log().written() == 1; });
  auto sink = pipe.log().open_sink(options);
  ASSERT_TRUE(sink);
  pipe.log().configure(options, *std::move(sink));
  pipe.log().append(0, turned_away());
  pipe.end_log();
  EXPECT_EQ(LogToPipe::count(pipe.read_to_end()), 1U);
  std::ifstream file(path);
  std::string line;
  ASSERT_TRUE(std::getline(file, line));
  EXPECT_NE(line.find("cause=no_endpoint"), std::string::npos);
}

}  // namespace
