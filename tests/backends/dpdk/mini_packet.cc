#include "tests/backends/dpdk/mini_packet.h"

#include <algorithm>
#include <cstring>

#include "backends/dpdk/splice_core/wire.h"
#include "base/assert.h"

namespace dpdk_test {
namespace {

using backends::dpdk::splice_core::load16;
using backends::dpdk::splice_core::load32;
using backends::dpdk::splice_core::store16;
using backends::dpdk::splice_core::store32;

constexpr std::size_t kIp4Bytes = 20;
constexpr std::size_t kIp6Bytes = 40;
constexpr std::size_t kTcpBytes = 20;
constexpr std::uint8_t kTcpProtocol = 6;
constexpr std::uint8_t kHopLimit = 64;

constexpr std::uint8_t kOptionEnd = 0;
constexpr std::uint8_t kOptionNop = 1;
constexpr std::uint8_t kOptionMss = 2;
constexpr std::uint8_t kOptionWindowScale = 3;
constexpr std::uint8_t kOptionSackPermitted = 4;
constexpr std::uint8_t kOptionSack = 5;

std::uint8_t byte_at(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<std::uint8_t>(bytes[at]);
}

// A one's complement sum under way: 16-bit words in network order, an odd last byte is a high one.
class Sum {
 public:
  void add(std::span<const std::byte> bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const std::uint32_t value = byte_at(bytes, i);
      total_ += i % 2 == 0 ? value << 8U : value;
    }
  }
  void add(std::uint32_t value) { total_ += value; }
  // What a checksum field must hold; 0 over bytes that include a right one.
  std::uint16_t checksum() const {
    std::uint64_t sum = total_;
    while (sum > 0xffffU) sum = (sum & 0xffffU) + (sum >> 16U);
    return static_cast<std::uint16_t>(~sum);
  }

 private:
  std::uint64_t total_ = 0;
};

std::uint16_t tcp_checksum(std::span<const std::byte> addresses, std::span<const std::byte> tcp) {
  Sum sum;
  sum.add(addresses);
  sum.add(kTcpProtocol);
  sum.add(static_cast<std::uint32_t>(tcp.size()));
  sum.add(tcp);
  return sum.checksum();
}

std::uint16_t ip_checksum(std::span<const std::byte> header) {
  Sum sum;
  sum.add(header);
  return sum.checksum();
}

std::size_t ip_bytes(base::Family family) {
  return family == base::Family::kV4 ? kIp4Bytes : kIp6Bytes;
}

// The two addresses, as the checksum's pseudo header wants them.
std::span<std::byte> addresses_of(std::span<std::byte> packet) {
  return byte_at(packet, 0) >> 4U == 4 ? packet.subspan(12, 8) : packet.subspan(8, 32);
}

std::vector<std::byte> options_of(const TcpSegment& segment, std::uint16_t id) {
  std::vector<std::byte> options;
  const auto put = [&options](auto... values) {
    (options.push_back(static_cast<std::byte>(values)), ...);
  };
  const auto put32 = [&put](std::uint32_t value) {
    put(value >> 24U, value >> 16U, value >> 8U, value);
  };
  if (segment.mss) put(kOptionMss, 4, *segment.mss >> 8U, *segment.mss);
  if (segment.window_scale) put(kOptionWindowScale, 3, *segment.window_scale);
  if (segment.sack_permitted) put(kOptionSackPermitted, 2);
  CHECK(segment.sack_blocks.size() <= kSackBlocksMax);
  if (!segment.sack_blocks.empty()) {
    // Edges at even places in some packets, at odd ones in others: both are allowed.
    if (id % 2 == 0) put(kOptionNop);
    put(kOptionNop, kOptionSack, 2 + 8 * segment.sack_blocks.size());
    for (const SackBlock& block : segment.sack_blocks) {
      put32(block.begin);
      put32(block.end);
    }
  }
  while (options.size() % 4 != 0) put(kOptionNop);
  return options;
}

void write_ip_header(const TcpSegment& segment, std::uint16_t id, std::span<std::byte> packet) {
  if (segment.source.family == base::Family::kV4) {
    packet[0] = std::byte{0x45};
    store16(&packet[2], static_cast<std::uint16_t>(packet.size()));
    store16(&packet[4], id);
    packet[6] = std::byte{0x40};  // Don't fragment.
    packet[8] = std::byte{kHopLimit};
    packet[9] = std::byte{kTcpProtocol};
    std::memcpy(&packet[12], segment.source.bytes.data(), 4);
    std::memcpy(&packet[16], segment.destination.bytes.data(), 4);
    return;
  }
  packet[0] = std::byte{0x60};
  store16(&packet[4], static_cast<std::uint16_t>(packet.size() - kIp6Bytes));
  packet[6] = std::byte{kTcpProtocol};
  packet[7] = std::byte{kHopLimit};
  std::memcpy(&packet[8], segment.source.bytes.data(), 16);
  std::memcpy(&packet[24], segment.destination.bytes.data(), 16);
}

// What the IP header says about the packet.
struct Ip {
  std::span<const std::byte> tcp;
  std::span<const std::byte> addresses;
  base::Family family = base::Family::kNone;
};

tl::expected<Ip, PacketFault> read_ip4(std::span<const std::byte> packet) {
  if (packet.size() < kIp4Bytes || packet[0] != std::byte{0x45}) {
    return base::failure(PacketFault::kMalformed);
  }
  if (ip_checksum(packet.first(kIp4Bytes)) != 0) return base::failure(PacketFault::kBadIpChecksum);
  const std::size_t total = load16(&packet[2]);
  const bool fragment = (load16(&packet[6]) & 0x3fffU) != 0;
  if (total < kIp4Bytes || total > packet.size() || fragment) {
    return base::failure(PacketFault::kMalformed);
  }
  if (byte_at(packet, 9) != kTcpProtocol) return base::failure(PacketFault::kNotTcp);
  return Ip{packet.first(total).subspan(kIp4Bytes), packet.subspan(12, 8), base::Family::kV4};
}

tl::expected<Ip, PacketFault> read_ip6(std::span<const std::byte> packet) {
  if (packet.size() < kIp6Bytes) return base::failure(PacketFault::kMalformed);
  const std::size_t payload = load16(&packet[4]);
  if (kIp6Bytes + payload > packet.size()) return base::failure(PacketFault::kMalformed);
  if (byte_at(packet, 6) != kTcpProtocol) return base::failure(PacketFault::kNotTcp);
  return Ip{packet.subspan(kIp6Bytes, payload), packet.subspan(8, 32), base::Family::kV6};
}

tl::expected<Ip, PacketFault> read_ip(std::span<const std::byte> packet) {
  if (packet.empty()) return base::failure(PacketFault::kMalformed);
  switch (byte_at(packet, 0) >> 4U) {
    case 4:
      return read_ip4(packet);
    case 6:
      return read_ip6(packet);
    default:
      return base::failure(PacketFault::kMalformed);
  }
}

// One option of a known kind. False when its length is not the kind's.
bool read_option(std::span<const std::byte> option, TcpSegment& segment) {
  switch (byte_at(option, 0)) {
    case kOptionMss:
      if (option.size() != 4) return false;
      segment.mss = load16(&option[2]);
      return true;
    case kOptionWindowScale:
      if (option.size() != 3) return false;
      segment.window_scale = byte_at(option, 2);
      return true;
    case kOptionSackPermitted:
      segment.sack_permitted = true;
      return option.size() == 2;
    case kOptionSack:
      if (option.size() < 10 || option.size() % 8 != 2) return false;
      for (std::size_t at = 2; at < option.size(); at += 8) {
        segment.sack_blocks.push_back({load32(&option[at]), load32(&option[at + 4])});
      }
      return true;
    default:
      return true;
  }
}

bool read_options(std::span<const std::byte> options, TcpSegment& segment) {
  while (!options.empty()) {  // Every round takes at least one byte.
    const std::uint8_t kind = byte_at(options, 0);
    if (kind == kOptionEnd) return true;
    if (kind == kOptionNop) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2) return false;
    const std::size_t size = byte_at(options, 1);
    if (size < 2 || size > options.size()) return false;
    if (!read_option(options.first(size), segment)) return false;
    options = options.subspan(size);
  }
  return true;
}

}  // namespace

std::uint32_t TcpSegment::length() const {
  return static_cast<std::uint32_t>(payload.size()) + (has(kSyn) ? 1U : 0U) + (has(kFin) ? 1U : 0U);
}

std::vector<std::byte> build_packet(const TcpSegment& segment, std::uint16_t id) {
  CHECK(segment.source.family == segment.destination.family);
  const std::vector<std::byte> options = options_of(segment, id);
  const std::size_t ip = ip_bytes(segment.source.family);
  const std::size_t header = kTcpBytes + options.size();
  std::vector<std::byte> packet(ip + header + segment.payload.size());
  write_ip_header(segment, id, packet);
  std::byte* tcp = packet.data() + ip;
  store16(tcp, segment.source.port);
  store16(tcp + 2, segment.destination.port);
  store32(tcp + 4, segment.seq);
  store32(tcp + 8, segment.ack);
  tcp[12] = static_cast<std::byte>(header / 4 << 4U);
  tcp[13] = static_cast<std::byte>(segment.flags);
  store16(tcp + 14, segment.window);
  std::ranges::copy(options, tcp + kTcpBytes);
  std::ranges::copy(segment.payload, tcp + header);
  mend_checksums(packet);
  return packet;
}

void mend_checksums(std::span<std::byte> packet) {
  CHECK(packet.size() >= kIp4Bytes);
  const bool v4 = byte_at(packet, 0) >> 4U == 4;
  const std::size_t ip = v4 ? kIp4Bytes : kIp6Bytes;
  CHECK(packet.size() >= ip + kTcpBytes);
  if (v4) {
    store16(&packet[10], 0);
    store16(&packet[10], ip_checksum(packet.first(kIp4Bytes)));
  }
  const std::span<std::byte> tcp = packet.subspan(ip);
  store16(&tcp[16], 0);
  store16(&tcp[16], tcp_checksum(addresses_of(packet), tcp));
}

tl::expected<TcpSegment, PacketFault> read_packet(std::span<const std::byte> packet) {
  const auto ip = read_ip(packet);
  if (!ip) return base::failure(ip.error());
  const std::span<const std::byte> tcp = ip->tcp;
  if (tcp.size() < kTcpBytes) return base::failure(PacketFault::kMalformed);
  if (tcp_checksum(ip->addresses, tcp) != 0) return base::failure(PacketFault::kBadTcpChecksum);
  const std::size_t header = std::size_t{4} * (byte_at(tcp, 12) >> 4U);
  if (header < kTcpBytes || header > tcp.size()) return base::failure(PacketFault::kMalformed);

  TcpSegment segment;
  const std::size_t address_bytes = ip->addresses.size() / 2;
  segment.source.family = segment.destination.family = ip->family;
  std::memcpy(segment.source.bytes.data(), ip->addresses.data(), address_bytes);
  std::memcpy(segment.destination.bytes.data(), &ip->addresses[address_bytes], address_bytes);
  segment.source.port = load16(&tcp[0]);
  segment.destination.port = load16(&tcp[2]);
  segment.seq = load32(&tcp[4]);
  segment.ack = load32(&tcp[8]);
  segment.flags = byte_at(tcp, 13);
  segment.window = load16(&tcp[14]);
  segment.payload = tcp.subspan(header);
  if (!read_options(tcp.subspan(kTcpBytes, header - kTcpBytes), segment)) {
    return base::failure(PacketFault::kMalformed);
  }
  return segment;
}

}  // namespace dpdk_test
