#include "proxy/log_output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <string>

#include "base/fd.h"

namespace {

using namespace std::chrono_literals;
using Outcome = proxy::LogOutput::Outcome;

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) ADD_FAILURE() << "pipe2";
    reader = base::UniqueFd(ends[0]);
    writer = base::UniqueFd(ends[1]);
  }
  base::UniqueFd reader;
  base::UniqueFd writer;
};

// What is in the descriptor now.
std::string read_all(int fd) {
  EXPECT_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = read(fd, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text;
}

// Writes lines until the output says that it is blocked; the text that was taken.
std::string fill(proxy::LogOutput& output) {
  std::string taken;
  constexpr int kLinesMax = 100'000;
  for (int i = 0; i < kLinesMax; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    const Outcome outcome = output.write(line);
    if (outcome == Outcome::kBlocked) return taken;
    EXPECT_EQ(outcome, Outcome::kTaken);
    taken += line;
  }
  ADD_FAILURE() << "the output never blocked";
  return taken;
}

TEST(LogOutput, WritesToAPipeAndLeavesItsFlagsAlone) {
  const Pipe pipe;
  proxy::LogOutput output(pipe.writer.get());
  EXPECT_EQ(output.write("one\n"), Outcome::kTaken);
  EXPECT_EQ(output.write("two\n"), Outcome::kTaken);
  EXPECT_EQ(read_all(pipe.reader.get()), "one\ntwo\n");
  EXPECT_EQ(fcntl(pipe.writer.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(LogOutput, SaysThatAPipeIsFullInsteadOfWaiting) {
  const Pipe pipe;
  proxy::LogOutput output(pipe.writer.get());
  const std::string taken = fill(output);
  EXPECT_GT(taken.size(), 4096U);
  // Longer than any line before: a few bytes may still fit into the pipe's last page.
  EXPECT_EQ(output.write(std::string(64, 'm')), Outcome::kBlocked);
  output.wait_writable(1ms);  // Comes back although nobody reads.
  std::string read = read_all(pipe.reader.get());
  EXPECT_EQ(output.write("after\n"), Outcome::kTaken);
  EXPECT_EQ(read + read_all(pipe.reader.get()), taken + "after\n");
}

TEST(LogOutput, SaysThatASocketIsFullInsteadOfWaiting) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const base::UniqueFd reader(ends[0]);
  const base::UniqueFd writer(ends[1]);
  proxy::LogOutput output(writer.get());
  const std::string taken = fill(output);
  std::string read = read_all(reader.get());
  EXPECT_EQ(output.write("after\n"), Outcome::kTaken);
  EXPECT_EQ(read + read_all(reader.get()), taken + "after\n");
}

TEST(LogOutput, FinishesATornTextBeforeTheNextOne) {
  const Pipe pipe;
  proxy::LogOutput output(pipe.writer.get());
  const std::string large = std::string(200'000, 'x') + "\n";  // More than a pipe holds.
  EXPECT_EQ(output.write(large), Outcome::kTaken);
  EXPECT_EQ(output.write("next\n"), Outcome::kBlocked);
  std::string read;
  constexpr int kRoundsMax = 100;
  Outcome outcome = Outcome::kBlocked;
  for (int i = 0; i < kRoundsMax && outcome == Outcome::kBlocked; ++i) {
    read += read_all(pipe.reader.get());
    outcome = output.write("next\n");
  }
  EXPECT_EQ(outcome, Outcome::kTaken);
  read += read_all(pipe.reader.get());
  EXPECT_EQ(read, large + "next\n");
}

TEST(LogOutput, LosesLinesWhenTheReaderHasGone) {
  ASSERT_NE(std::signal(SIGPIPE, SIG_IGN), SIG_ERR);  // As the program does.
  Pipe pipe;
  proxy::LogOutput output(pipe.writer.get());
  pipe.reader.close();
  EXPECT_EQ(output.write("nobody hears this\n"), Outcome::kLost);
}

TEST(LogOutput, LosesLinesOnAFullDisk) {
  const base::UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full);
  proxy::LogOutput output(full.get());
  EXPECT_EQ(output.write("no room\n"), Outcome::kLost);
}

TEST(LogOutput, LosesLinesOnAClosedDescriptor) {
  int number = -1;
  {
    const Pipe pipe;
    number = pipe.writer.get();
  }
  proxy::LogOutput output(number);
  EXPECT_EQ(output.write("nowhere\n"), Outcome::kLost);
}

TEST(LogOutput, AppendsToAFileWhereTheShellLeftOff) {
  std::string path = testing::TempDir() + "log_output_test_XXXXXX";
  const base::UniqueFd file(mkstemp(path.data()));
  ASSERT_TRUE(file);
  ASSERT_EQ(write(file.get(), "before\n", 7), 7);
  proxy::LogOutput output(file.get());
  EXPECT_EQ(output.write("line\n"), Outcome::kTaken);
  ASSERT_EQ(lseek(file.get(), 0, SEEK_SET), 0);
  EXPECT_EQ(read_all(file.get()), "before\nline\n");
  EXPECT_EQ(unlink(path.c_str()), 0);
}

}  // namespace
