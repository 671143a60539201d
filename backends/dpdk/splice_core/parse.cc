#include "backends/dpdk/splice_core/parse.h"

#include <algorithm>
#include <array>

namespace backends::dpdk::splice_core {
namespace {

using detail::dropped;

constexpr std::uint8_t kProtocolIcmp4 = 1;
constexpr std::uint8_t kProtocolIcmp6 = 58;
constexpr std::uint8_t kProtocolFragment6 = 44;
constexpr std::uint32_t kIcmpHeaderBytes = 8;

// The extension headers of IPv6 that may stand in front of TCP (IANA's list, without the fragment
// header, which has a reason of its own, and without ESP, behind which nobody can look): hop-by-hop
// options, routing, authentication, destination options, mobility, HIP, shim6.
constexpr std::array<std::uint8_t, 7> kExtensions6 = {0, 43, 51, 60, 135, 139, 140};

std::uint8_t number(std::byte byte) { return std::to_integer<std::uint8_t>(byte); }

// Destination unreachable, time exceeded, parameter problem. Source quench is obsolete (RFC 6633)
// and a redirect is for routers' neighbours.
bool is_error4(std::uint8_t type) { return type == 3 || type == 11 || type == 12; }
// The same and packet too big; all types below 128 are errors (RFC 4443, 2.1), but only these mean
// something.
bool is_error6(std::uint8_t type) { return type >= 1 && type <= 4; }

tl::expected<Envelope, DropReason> bound_icmp(std::span<const std::byte> packet,
                                              const Envelope& envelope) {
  if (envelope.size < envelope.l4) return dropped(DropReason::kBadHeader);
  if (envelope.size > packet.size() || envelope.size < envelope.l4 + kIcmpHeaderBytes) {
    return dropped(DropReason::kShort);
  }
  const std::uint8_t type = number(packet[envelope.l4]);
  const bool error = envelope.kind == PacketKind::kIcmp4 ? is_error4(type) : is_error6(type);
  if (!error) return dropped(DropReason::kNotTcp);
  return envelope;
}

// TCP without IPv4 options does not come here.
tl::expected<Envelope, DropReason> parse_other4(std::span<const std::byte> packet) {
  if (packet.size() < kIp4HeaderBytes) return dropped(DropReason::kShort);
  if (packet[0] != detail::kIp4Plain) {
    return dropped(packet[0] < detail::kIp4Plain ? DropReason::kBadHeader : DropReason::kIpOptions);
  }
  if (detail::is_ip4_fragment(packet.data())) return dropped(DropReason::kFragment);
  if (number(packet[detail::kIp4Protocol]) != kProtocolIcmp4) return dropped(DropReason::kNotTcp);
  return bound_icmp(
      packet,
      {.kind = PacketKind::kIcmp4, .l4 = kIp4HeaderBytes, .size = load16(packet.data() + 2)});
}

tl::expected<Envelope, DropReason> parse_6(std::span<const std::byte> packet) {
  if (packet.size() < kIp6HeaderBytes) return dropped(DropReason::kShort);
  Envelope envelope{.kind = PacketKind::kTcp6,
                    .l4 = kIp6HeaderBytes,
                    .size = kIp6HeaderBytes + load16(packet.data() + 4)};
  const std::uint8_t next = number(packet[6]);
  if (next == detail::kProtocolTcp) {
    return detail::bound_tcp(packet.data(), packet.size(), envelope);
  }
  if (next == kProtocolIcmp6) {
    envelope.kind = PacketKind::kIcmp6;
    return bound_icmp(packet, envelope);
  }
  if (next == kProtocolFragment6) return dropped(DropReason::kFragment);
  const bool extension =
      std::find(kExtensions6.begin(), kExtensions6.end(), next) != kExtensions6.end();
  return dropped(extension ? DropReason::kIpOptions : DropReason::kNotTcp);
}

}  // namespace

tl::expected<Envelope, DropReason> detail::parse_other(std::span<const std::byte> packet) {
  if (packet.empty()) return dropped(DropReason::kShort);
  const std::uint32_t version = number(packet[0] >> 4U);
  if (version == 4) return parse_other4(packet);
  if (version == 6) return parse_6(packet);
  return dropped(DropReason::kBadHeader);
}

}  // namespace backends::dpdk::splice_core
