#include "backends/dpdk/splice_core/segment_writer.h"

#include <cstring>

#include "backends/dpdk/splice_core/checksum.h"
#include "backends/dpdk/splice_core/parse.h"
#include "backends/dpdk/splice_core/wire.h"

namespace backends::dpdk::splice_core {
namespace {

constexpr std::uint8_t kTcp = 6;
constexpr std::uint16_t kDoNotFragment = 0x4000;

std::size_t options_bytes(const OwnSegment& segment) {
  if (segment.offered == nullptr) return 0;
  return 4U + (segment.offered->sack || segment.offered->window_scale != kNoWindowScale ? 4U : 0U) +
         (segment.offered->sack && segment.offered->window_scale != kNoWindowScale ? 4U : 0U);
}

void write_ip(std::byte* at, const FlowKey<Ip4>& flow, std::size_t size, std::uint8_t hop_limit) {
  std::memset(at, 0, kIp4HeaderBytes);
  at[0] = std::byte{0x45};
  store16(at + 2, static_cast<std::uint16_t>(size));
  store16(at + 6, kDoNotFragment);
  at[8] = std::byte{hop_limit};
  at[9] = std::byte{kTcp};
  store_raw(at + 12, flow.local.word);
  store_raw(at + 16, flow.remote.word);
  write_ip4_checksum(at);
}

void write_ip(std::byte* at, const FlowKey<Ip6>& flow, std::size_t size, std::uint8_t hop_limit) {
  store32(at, 0x60000000U);
  store16(at + 4, static_cast<std::uint16_t>(size - kIp6HeaderBytes));
  at[6] = std::byte{kTcp};
  at[7] = std::byte{hop_limit};
  std::memcpy(at + 8, flow.local.words.data(), 16);
  std::memcpy(at + 24, flow.remote.words.data(), 16);
}

template <typename Ip>
constexpr PacketKind kKindOf = PacketKind::kTcp4;
template <>
constexpr PacketKind kKindOf<Ip6> = PacketKind::kTcp6;

}  // namespace

template <typename Ip>
std::size_t packet_bytes(const OwnSegment& segment) {
  return ip_header_bytes<Ip>() + kTcpHeaderBytes + options_bytes(segment) + segment.payload.size();
}

template <typename Ip>
void write_packet(std::byte* at, const FlowKey<Ip>& flow, const OwnSegment& segment) {
  const std::size_t size = packet_bytes<Ip>(segment);
  write_ip(at, flow, size, segment.hop_limit);
  std::byte* const tcp = at + ip_header_bytes<Ip>();
  const std::size_t header = kTcpHeaderBytes + options_bytes(segment);
  store_raw(tcp, flow.local_port);
  store_raw(tcp + 2, flow.remote_port);
  store32(tcp + 4, segment.seq);
  store32(tcp + 8, segment.ack);
  tcp[12] = static_cast<std::byte>(header / 4U << 4U);
  tcp[13] = static_cast<std::byte>(segment.flags);
  store16(tcp + 14, segment.window);
  store_raw<std::uint32_t>(tcp + 16, 0);  // Checksum and urgent pointer.
  if (segment.offered != nullptr) write_syn_options(tcp + kTcpHeaderBytes, *segment.offered);
  if (!segment.payload.empty()) {
    std::memcpy(tcp + header, segment.payload.data(), segment.payload.size());
  }
  write_tcp_checksum(at, {.kind = kKindOf<Ip>,
                          .l4 = static_cast<std::uint32_t>(ip_header_bytes<Ip>()),
                          .size = static_cast<std::uint32_t>(size)});
}

template std::size_t packet_bytes<Ip4>(const OwnSegment&);
template std::size_t packet_bytes<Ip6>(const OwnSegment&);
template void write_packet<Ip4>(std::byte*, const FlowKey<Ip4>&, const OwnSegment&);
template void write_packet<Ip6>(std::byte*, const FlowKey<Ip6>&, const OwnSegment&);

}  // namespace backends::dpdk::splice_core
