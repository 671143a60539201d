#include "backends/dpdk/echo.h"

#include <algorithm>

#include "backends/dpdk/ethernet.h"
#include "backends/dpdk/splice_core/checksum.h"
#include "backends/dpdk/splice_core/parse.h"
#include "backends/dpdk/splice_core/wire.h"

namespace backends::dpdk {
namespace {

using splice_core::Envelope;
using splice_core::kIp4HeaderBytes;
using splice_core::kIp6HeaderBytes;
using splice_core::load16;
using splice_core::PacketKind;

constexpr std::uint32_t kIcmpHeaderBytes = 8;
constexpr std::byte kPlainIp4{0x45};             // Version 4, five words: no options.
constexpr std::uint16_t kFragmentBits = 0x3fff;  // More to come, or not the first.
constexpr std::byte kHopsAtStart{64};

struct Layout {
  std::uint32_t protocol;  // Where the header has these, from its first byte.
  std::uint32_t hop_limit;
  std::uint32_t source;
  std::uint32_t address_bytes;
  std::byte icmp;  // The number of ICMP in it.
};
constexpr Layout kLayout4 = {9, 8, 12, 4, std::byte{1}};
constexpr Layout kLayout6 = {6, 7, 8, 16, std::byte{58}};

constexpr std::byte kEchoRequest4{8};
constexpr std::byte kEchoReply4{0};
constexpr std::byte kEchoRequest6{128};
constexpr std::byte kEchoReply6{129};

bool is_request(std::span<const std::byte> frame, const Layout& layout, std::uint32_t ip_header,
                std::byte type) {
  const std::size_t icmp = kEthernetHeaderBytes + ip_header;
  return frame.size() > icmp && frame[kEthernetHeaderBytes + layout.protocol] == layout.icmp &&
         frame[icmp] == type;
}

void turn_round(const Frame& frame, const Layout& layout, const MacAddress& our_mac) {
  const EthernetHeader header = read_ethernet(frame.data);
  write_ethernet(frame.data, {header.source, our_mac, header.type});
  std::byte* packet = frame.data + kEthernetHeaderBytes;
  std::byte* source = packet + layout.source;
  std::swap_ranges(source, source + layout.address_bytes, source + layout.address_bytes);
  packet[layout.hop_limit] = kHopsAtStart;
}

}  // namespace

bool is_echo_request4(std::span<const std::byte> frame) {
  // With options the ICMP header is elsewhere; the core drops those with their own reason.
  return frame.size() > kEthernetHeaderBytes && frame[kEthernetHeaderBytes] == kPlainIp4 &&
         is_request(frame, kLayout4, kIp4HeaderBytes, kEchoRequest4);
}

bool is_echo_request6(std::span<const std::byte> frame) {
  return is_request(frame, kLayout6, kIp6HeaderBytes, kEchoRequest6);
}

bool answer_echo4(const Frame& frame, const MacAddress& our_mac) {
  if (frame.size < kEthernetHeaderBytes + kIp4HeaderBytes + kIcmpHeaderBytes) return false;
  std::byte* packet = frame.data + kEthernetHeaderBytes;
  const std::uint32_t size = load16(packet + 2);
  if (packet[0] != kPlainIp4 || size < kIp4HeaderBytes + kIcmpHeaderBytes ||
      size > frame.size - kEthernetHeaderBytes || (load16(packet + 6) & kFragmentBits) != 0) {
    return false;
  }
  const Envelope envelope = {PacketKind::kIcmp4, kIp4HeaderBytes, size};
  if (!splice_core::ip4_checksum_good(packet) ||
      !splice_core::icmp_checksum_good(packet, envelope)) {
    return false;
  }
  turn_round(frame, kLayout4, our_mac);
  packet[kIp4HeaderBytes] = kEchoReply4;
  splice_core::write_ip4_checksum(packet);
  splice_core::write_icmp_checksum(packet, envelope);
  return true;
}

bool answer_echo6(const Frame& frame, const MacAddress& our_mac) {
  if (frame.size < kEthernetHeaderBytes + kIp6HeaderBytes + kIcmpHeaderBytes) return false;
  std::byte* packet = frame.data + kEthernetHeaderBytes;
  const std::uint32_t payload = load16(packet + 4);
  if (payload < kIcmpHeaderBytes || payload > frame.size - kEthernetHeaderBytes - kIp6HeaderBytes) {
    return false;
  }
  const Envelope envelope = {PacketKind::kIcmp6, kIp6HeaderBytes, kIp6HeaderBytes + payload};
  if (!splice_core::icmp_checksum_good(packet, envelope)) return false;
  turn_round(frame, kLayout6, our_mac);
  packet[kIp6HeaderBytes] = kEchoReply6;
  splice_core::write_icmp_checksum(packet, envelope);
  return true;
}

}  // namespace backends::dpdk
