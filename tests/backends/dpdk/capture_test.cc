#include "backends/dpdk/capture.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "backends/dpdk/splice_core/wire.h"

namespace backends::dpdk {
namespace {

using splice_core::load_raw;
using splice_core::store16;
using Bytes = std::vector<std::byte>;

constexpr std::size_t kFileHeader = 24;
constexpr std::size_t kPacketHeader = 16;
constexpr base::Nanos kTime{1'700'000'000'123'456'789};

// An Ethernet frame with a TCP segment; the last byte of each address, and the port, tell the ends.
Bytes tcp4_frame(std::uint16_t source, std::uint16_t destination, std::size_t size = 64) {
  std::array<std::byte, 1500> frame{};
  store16(&frame[12], 0x0800);
  frame[14] = std::byte{0x45};
  frame[14 + 9] = std::byte{6};
  store16(&frame[14 + 14], source);
  store16(&frame[14 + 18], destination);
  store16(&frame[34], source);
  store16(&frame[36], destination);
  const auto bytes = std::span(frame).first(size);
  return {bytes.begin(), bytes.end()};
}

Bytes tcp6_frame(std::uint16_t source, std::uint16_t destination) {
  Bytes frame(80);
  store16(&frame[12], 0x86dd);
  frame[14] = std::byte{0x60};
  frame[14 + 6] = std::byte{6};
  store16(&frame[14 + 8 + 14], source);
  store16(&frame[14 + 24 + 14], destination);
  store16(&frame[54], source);
  store16(&frame[56], destination);
  return frame;
}

Bytes arp_frame() {
  Bytes frame(42);
  store16(&frame[12], 0x0806);
  return frame;
}

class CaptureTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "captureXXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    options_.path = (folder_ / "flows.pcap").string();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Capture> open() {
    auto capture = Capture::open(options_);
    EXPECT_TRUE(capture) << base::errno_text(capture.error());
    return std::move(*capture);
  }
  Bytes file() const {
    Bytes bytes(std::filesystem::file_size(options_.path));
    const base::UniqueFd fd(::open(options_.path.c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(::read(fd.get(), bytes.data(), bytes.size()), std::ssize(bytes));
    return bytes;
  }

  std::filesystem::path folder_;
  CaptureOptions options_;
};

TEST_F(CaptureTest, TheFileBeginsAsLibpcapWantsIt) {
  options_.snap_bytes = 96;
  open();
  const Bytes bytes = file();
  ASSERT_EQ(bytes.size(), kFileHeader);
  EXPECT_EQ(load_raw<std::uint32_t>(bytes.data()), 0xa1b23c4d);
  EXPECT_EQ(load_raw<std::uint16_t>(&bytes[4]), 2);
  EXPECT_EQ(load_raw<std::uint16_t>(&bytes[6]), 4);
  EXPECT_EQ(load_raw<std::uint32_t>(&bytes[16]), 96U);
  EXPECT_EQ(load_raw<std::uint32_t>(&bytes[20]), 1U);
}

TEST_F(CaptureTest, AFrameIsCutAtTheSnapLengthAndItsTimeAndSizeAreKept) {
  options_.snap_bytes = 40;
  const Bytes frame = tcp4_frame(1, 2, 100);
  open()->offer(frame, kTime);
  const Bytes bytes = file();
  ASSERT_EQ(bytes.size(), kFileHeader + kPacketHeader + 40);
  const std::byte* const header = &bytes[kFileHeader];
  EXPECT_EQ(load_raw<std::uint32_t>(header), 1'700'000'000U);
  EXPECT_EQ(load_raw<std::uint32_t>(header + 4), 123'456'789U);
  EXPECT_EQ(load_raw<std::uint32_t>(header + 8), 40U);
  EXPECT_EQ(load_raw<std::uint32_t>(header + 12), 100U);
  EXPECT_EQ(std::memcmp(header + kPacketHeader, frame.data(), 40), 0);
}

TEST_F(CaptureTest, MoreThanTheBufferHoldsComesToTheFileInOrder) {
  options_.snap_bytes = 2000;
  constexpr std::uint16_t kFrames = 100;
  const auto capture = open();
  for (std::uint16_t i = 0; i < kFrames; ++i) {
    capture->offer(tcp4_frame(i, 80, 1500), kTime);
  }
  EXPECT_GT(file().size(), kFileHeader);  // Without a flush: the buffer was full in between.
  capture->flush();
  const Bytes bytes = file();
  ASSERT_EQ(bytes.size(), kFileHeader + kFrames * (kPacketHeader + 1500U));
  EXPECT_EQ(capture->file_bytes(), bytes.size());
  EXPECT_EQ(capture->packets(), kFrames);
  for (std::uint16_t i = 0; i < kFrames; ++i) {
    const std::size_t at = kFileHeader + i * (kPacketHeader + 1500U) + kPacketHeader;
    EXPECT_EQ(splice_core::load16(&bytes[at + 34]), i);
  }
}

TEST_F(CaptureTest, AFlowIsChosenWholeAndInBothDirections) {
  options_.one_flow_in = 8;
  options_.file_bytes_max = std::uint64_t{1} << 30U;
  const auto capture = open();
  constexpr std::uint16_t kFlows = 4096;
  int chosen = 0;
  for (std::uint16_t i = 1; i <= kFlows; ++i) {
    const std::uint64_t before = capture->packets();
    capture->offer(tcp4_frame(i, 80), kTime);
    capture->offer(tcp4_frame(80, i), kTime);
    const std::uint64_t added = capture->packets() - before;
    EXPECT_TRUE(added == 0 || added == 2) << i;
    if (added == 2) ++chosen;
  }
  EXPECT_NEAR(chosen, 512, 100);
}

TEST_F(CaptureTest, WhatBelongsToNoFlowIsKeptOnlyWhenAllIs) {
  auto capture = open();
  capture->offer(arp_frame(), kTime);
  EXPECT_EQ(capture->packets(), 1U);
  options_.one_flow_in = 2;
  capture = open();
  capture->offer(arp_frame(), kTime);
  EXPECT_EQ(capture->packets(), 0U);
}

TEST_F(CaptureTest, AtItsLimitItStopsAndSaysSo) {
  options_.file_bytes_max = kFileHeader + 2 * (kPacketHeader + 64);
  const auto capture = open();
  capture->offer(tcp4_frame(1, 2), kTime);
  capture->offer(tcp4_frame(1, 2), kTime);
  EXPECT_EQ(capture->state(), CaptureState::kRunning);
  capture->offer(tcp4_frame(1, 2), kTime);
  EXPECT_EQ(capture->state(), CaptureState::kFull);
  EXPECT_EQ(file().size(), options_.file_bytes_max);  // Stopping brings it to the file.
  capture->offer(Bytes(14), kTime);
  EXPECT_EQ(capture->packets(), 2U);
  EXPECT_EQ(capture->sentence(), "packet capture to " + options_.path +
                                     ": 2 packets, 184 bytes; stopped because the file has "
                                     "reached its limit of 184 bytes");
}

TEST_F(CaptureTest, AFileThatCannotBeWrittenStopsItWithTheReason) {
  const auto capture = open();
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  rlimit small = old;
  small.rlim_cur = 32;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  capture->offer(tcp4_frame(1, 2), kTime);
  capture->flush();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  static_cast<void>(std::signal(SIGXFSZ, handler));
  EXPECT_EQ(capture->state(), CaptureState::kFailed);
  EXPECT_EQ(base::code_of(capture->error()), EFBIG);
  EXPECT_NE(capture->sentence().find("EFBIG"), std::string::npos);
  capture->offer(tcp4_frame(1, 2), kTime);
  EXPECT_EQ(capture->packets(), 1U);
}

TEST_F(CaptureTest, OnlyItsOwnerMayReadTheFile) {
  open();
  struct stat status {};
  ASSERT_EQ(::stat(options_.path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(CaptureTest, ASymbolicLinkIsNotFollowed) {
  const std::filesystem::path target = folder_ / "somebody";
  std::ofstream(target) << "precious";
  std::filesystem::create_symlink(target, options_.path);
  const auto capture = Capture::open(options_);
  ASSERT_FALSE(capture);
  EXPECT_EQ(base::code_of(capture.error()), ELOOP);
  EXPECT_EQ(std::filesystem::file_size(target), 8U);
}

TEST_F(CaptureTest, ALimitWithoutRoomForTheHeaderIsRefused) {
  options_.file_bytes_max = kFileHeader - 1;
  const auto capture = Capture::open(options_);
  ASSERT_FALSE(capture);
  EXPECT_EQ(base::code_of(capture.error()), EINVAL);
}

TEST(CaptureHash, BothDirectionsAreOneFlow) {
  EXPECT_EQ(capture_hash(tcp4_frame(5, 80)), capture_hash(tcp4_frame(80, 5)));
  EXPECT_EQ(capture_hash(tcp6_frame(5, 80)), capture_hash(tcp6_frame(80, 5)));
  EXPECT_NE(capture_hash(tcp4_frame(5, 80)), capture_hash(tcp4_frame(6, 80)));
  EXPECT_NE(capture_hash(tcp6_frame(5, 80)), capture_hash(tcp6_frame(6, 80)));
}

TEST(CaptureHash, PortsTellFlowsApartButNotInAFragment) {
  Bytes frame = tcp4_frame(5, 80);
  Bytes other = frame;
  store16(&other[34], 7);
  EXPECT_NE(capture_hash(frame), capture_hash(other));
  store16(&frame[14 + 6], 0x2000);
  store16(&other[14 + 6], 0x2000);
  EXPECT_EQ(capture_hash(frame), capture_hash(other));
}

TEST(CaptureHash, AVlanTagIsReadOver) {
  const Bytes plain = tcp4_frame(5, 80);
  const std::array<std::byte, 4> tag = {std::byte{0x81}, std::byte{0}, std::byte{0}, std::byte{7}};
  Bytes tagged = plain;
  tagged.insert(tagged.begin() + 12, tag.begin(), tag.end());
  EXPECT_EQ(capture_hash(tagged), capture_hash(plain));
}

// Each prefix has its own allocation, so that the address sanitizer sees a read behind it.
TEST(CaptureHash, AFrameMayEndAnywhere) {
  for (const Bytes& frame : {tcp4_frame(5, 80), tcp6_frame(5, 80)}) {
    for (std::size_t size = 0; size <= frame.size(); ++size) {
      const Bytes prefix(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
      const std::size_t addresses_end = 14 + (frame[14] == std::byte{0x45} ? 20U : 40U);
      EXPECT_EQ(capture_hash(prefix).has_value(), size >= addresses_end) << size;
    }
  }
}

}  // namespace
}  // namespace backends::dpdk
