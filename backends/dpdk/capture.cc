#include "backends/dpdk/capture.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "backends/dpdk/splice_core/wire.h"
#include "base/assert.h"
#include "base/prng.h"

namespace backends::dpdk {
namespace {

using splice_core::load16;
using splice_core::load_raw;

// Some hundreds of packets for one system call.
constexpr std::size_t kBufferBytes = std::size_t{64} << 10U;
// A write may be cut short by a signal or a limit; more often than this it is no accident.
constexpr int kWriteTriesMax = 16;

constexpr std::size_t kEthernetBytes = 14;
constexpr std::size_t kVlanTagBytes = 4;
constexpr std::uint16_t kEtherVlan = 0x8100;
constexpr std::uint16_t kEtherIp4 = 0x0800;
constexpr std::uint16_t kEtherIp6 = 0x86dd;
constexpr std::size_t kIp4Bytes = 20;
constexpr std::size_t kIp6Bytes = 40;
constexpr std::size_t kPortsBytes = 4;
constexpr std::uint16_t kFragmentBits = 0x3fff;  // Offset, and "more fragments".
constexpr std::byte kTcp{6};

// libpcap's file format (pcap-savefile(5)), in the byte order of this machine: readers find that
// out by the magic number, which also says that the second half of a time counts nanoseconds.
struct FileHeader {
  std::uint32_t magic = 0xa1b23c4d;
  std::uint16_t version_major = 2;
  std::uint16_t version_minor = 4;
  std::uint32_t reserved1 = 0;
  std::uint32_t reserved2 = 0;
  std::uint32_t snap_bytes = 0;
  std::uint32_t link_type = 1;  // Ethernet.
};
static_assert(sizeof(FileHeader) == 24);

struct PacketHeader {
  std::uint32_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  std::uint32_t captured_bytes = 0;
  std::uint32_t size = 0;
};
static_assert(sizeof(PacketHeader) == 16);

// One end of a flow. Adding both makes a number that does not know their order.
std::uint64_t end_hash(std::span<const std::byte> address, std::uint16_t port) {
  std::uint64_t hash = port;
  for (std::size_t at = 0; at < address.size(); at += sizeof(std::uint32_t)) {
    hash = base::splitmix64(hash ^ load_raw<std::uint32_t>(&address[at]));
  }
  return hash;
}

std::uint32_t flow_hash(std::span<const std::byte> addresses, std::span<const std::byte> tcp) {
  const std::size_t half = addresses.size() / 2;
  const bool has_ports = tcp.size() >= kPortsBytes;
  const std::uint16_t source = has_ports ? load16(tcp.data()) : std::uint16_t{0};
  const std::uint16_t destination = has_ports ? load16(&tcp[2]) : std::uint16_t{0};
  const std::uint64_t sum =
      end_hash(addresses.first(half), source) + end_hash(addresses.subspan(half), destination);
  return static_cast<std::uint32_t>(base::splitmix64(sum));
}

std::span<const std::byte> bytes_from(std::span<const std::byte> bytes, std::size_t at) {
  return bytes.subspan(std::min(at, bytes.size()));
}

std::optional<std::uint32_t> ip4_hash(std::span<const std::byte> packet) {
  if (packet.size() < kIp4Bytes) return std::nullopt;
  const std::size_t header = std::to_integer<std::size_t>(packet[0] & std::byte{0x0f}) * 4;
  const bool tcp = packet[9] == kTcp && (load16(&packet[6]) & kFragmentBits) == 0;
  return flow_hash(packet.subspan(12, 8), bytes_from(packet, tcp ? header : packet.size()));
}

std::optional<std::uint32_t> ip6_hash(std::span<const std::byte> packet) {
  if (packet.size() < kIp6Bytes) return std::nullopt;
  const bool tcp = packet[6] == kTcp;
  return flow_hash(packet.subspan(8, 32), bytes_from(packet, tcp ? kIp6Bytes : packet.size()));
}

template <typename Header>
std::span<const std::byte> bytes_of(const Header& header) {
  return std::as_bytes(std::span(&header, 1));
}

}  // namespace

std::optional<std::uint32_t> capture_hash(std::span<const std::byte> frame) {
  if (frame.size() < kEthernetBytes) return std::nullopt;
  std::size_t at = kEthernetBytes;
  if (load16(&frame[at - 2]) == kEtherVlan) at += kVlanTagBytes;
  if (frame.size() < at) return std::nullopt;
  const std::uint16_t type = load16(&frame[at - 2]);
  if (type == kEtherIp4) return ip4_hash(frame.subspan(at));
  if (type == kEtherIp6) return ip6_hash(frame.subspan(at));
  return std::nullopt;
}

base::Result<std::unique_ptr<Capture>> Capture::open(const CaptureOptions& options) {
  CHECK(options.one_flow_in >= 1 && options.snap_bytes >= 1);
  if (options.file_bytes_max < sizeof(FileHeader)) return base::failure(base::to_errno(EINVAL));
  // Not through a symbolic link: the folder may be one that others can write to.
  base::UniqueFd file(
      ::open(options.path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return base::failure_of_errno();
  std::unique_ptr<Capture> capture(new Capture(options, std::move(file)));
  FileHeader header;
  header.snap_bytes = options.snap_bytes;
  capture->append(bytes_of(header));
  capture->flush();
  if (capture->state_ == CaptureState::kFailed) return base::failure(capture->error_);
  return capture;
}

Capture::Capture(const CaptureOptions& options, base::UniqueFd file)
    : options_(options), file_(std::move(file)), buffer_(kBufferBytes) {}

Capture::~Capture() { flush(); }

void Capture::offer(std::span<const std::byte> frame, base::Nanos wall_time) {
  if (state_ != CaptureState::kRunning) return;
  if (options_.one_flow_in > 1) {
    const std::optional<std::uint32_t> hash = capture_hash(frame);
    if (!hash || *hash % options_.one_flow_in != 0) return;
  }
  const std::size_t captured = std::min<std::size_t>(frame.size(), options_.snap_bytes);
  if (file_bytes_ + sizeof(PacketHeader) + captured > options_.file_bytes_max) {
    stop(CaptureState::kFull);
    return;
  }
  const auto seconds = std::chrono::floor<std::chrono::seconds>(wall_time);
  PacketHeader header;
  header.seconds = static_cast<std::uint32_t>(seconds.count());
  header.nanoseconds = static_cast<std::uint32_t>((wall_time - seconds).count());
  header.captured_bytes = static_cast<std::uint32_t>(captured);
  header.size = static_cast<std::uint32_t>(frame.size());
  append(bytes_of(header));
  append(frame.first(captured));
  ++packets_;
}

void Capture::append(std::span<const std::byte> bytes) {
  file_bytes_ += bytes.size();
  while (!bytes.empty()) {
    if (buffered_ == buffer_.size()) flush();
    const std::size_t part = std::min(bytes.size(), buffer_.size() - buffered_);
    std::memcpy(&buffer_[buffered_], bytes.data(), part);
    buffered_ += part;
    bytes = bytes.subspan(part);
  }
}

void Capture::flush() {
  std::size_t written = 0;
  base::Errno error = base::Errno::kNone;
  for (int i = 0; i < kWriteTriesMax && written < buffered_; ++i) {
    const ssize_t result = ::write(file_.get(), &buffer_[written], buffered_ - written);
    if (result >= 0) {
      written += static_cast<std::size_t>(result);
    } else if (errno != EINTR) {
      error = base::last_errno();
      break;
    }
  }
  if (written < buffered_) {
    error_ = error == base::Errno::kNone ? base::to_errno(EIO) : error;
    state_ = CaptureState::kFailed;
  }
  buffered_ = 0;  // What could not be written is lost, and no more will be taken.
}

void Capture::stop(CaptureState state) {
  state_ = state;
  flush();
}

std::string Capture::sentence() const {
  std::string text = "packet capture to " + options_.path + ": " + std::to_string(packets_) +
                     " packets, " + std::to_string(file_bytes_) + " bytes";
  switch (state_) {
    case CaptureState::kRunning:
      break;
    case CaptureState::kFull:
      text += "; stopped because the file has reached its limit of " +
              std::to_string(options_.file_bytes_max) + " bytes";
      break;
    case CaptureState::kFailed:
      text += "; stopped because the file could not be written: " + base::errno_text(error_);
      break;
  }
  return text;
}

}  // namespace backends::dpdk
