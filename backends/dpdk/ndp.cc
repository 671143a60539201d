#include "backends/dpdk/ndp.h"

#include <array>
#include <bit>
#include <cstring>

#include "backends/dpdk/ethernet.h"
#include "backends/dpdk/own_address.h"
#include "backends/dpdk/splice_core/checksum.h"
#include "backends/dpdk/splice_core/wire.h"

namespace backends::dpdk {
namespace {

using splice_core::Ip6;
using splice_core::kIp6HeaderBytes;
using splice_core::load16;
using splice_core::load32;
using splice_core::store16;
using splice_core::store32;
using Bytes = std::array<std::uint8_t, sizeof(Ip6)>;

// From the first byte of the IPv6 header.
constexpr std::uint32_t kPayloadLength = 4;
constexpr std::uint32_t kNextHeader = 6;
constexpr std::uint32_t kHopLimit = 7;
constexpr std::uint32_t kSource = 8;
constexpr std::uint32_t kDestination = 24;
// From the first byte of the ICMPv6 header.
constexpr std::uint32_t kCode = 1;
constexpr std::uint32_t kFlags = 4;
constexpr std::uint32_t kTarget = 8;
constexpr std::uint32_t kMessageBytes = 24;  // Up to the options.

constexpr std::byte kIcmp6{58};
// Nobody off the link can send this: every router takes one away.
constexpr std::byte kHopLimitOnLink{255};

constexpr std::uint32_t kFlagSolicited = 0x40000000;
constexpr std::uint32_t kFlagOverride = 0x20000000;

constexpr std::uint8_t kSourceLinkAddress = 1;
constexpr std::uint8_t kTargetLinkAddress = 2;
constexpr std::uint32_t kOptionBytes = 8;  // A link-layer address option, and the unit of lengths.

constexpr Bytes kAllNodes = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
constexpr Bytes kSolicitedNode = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0};
constexpr std::size_t kSolicitedPrefixBits = 104;

bool is_multicast(const Ip6& ip) { return std::bit_cast<Bytes>(ip)[0] == 0xff; }

// The group that the owner of `ip` listens to: the last three bytes are its own (RFC 4291, 2.7.1).
Ip6 solicited_node(const Ip6& ip) {
  Bytes group = kSolicitedNode;
  const Bytes bytes = std::bit_cast<Bytes>(ip);
  std::copy(bytes.begin() + 13, bytes.end(), group.begin() + 13);
  return std::bit_cast<Ip6>(group);
}

// 33:33 and the last four bytes of the group (RFC 2464, 7).
MacAddress group_mac(const Ip6& group) {
  const Bytes bytes = std::bit_cast<Bytes>(group);
  return {0x33, 0x33, bytes[12], bytes[13], bytes[14], bytes[15]};
}

// The link-layer address among the options, if one of this type is there. False: an option's length
// contradicts the space.
bool read_options(std::span<const std::byte> options, std::uint8_t type,
                  std::optional<MacAddress>& mac) {
  // Ends: every option takes at least kOptionBytes.
  while (!options.empty()) {
    if (options.size() < kOptionBytes) return false;
    const std::size_t size = std::to_integer<std::size_t>(options[1]) * kOptionBytes;
    if (size == 0 || size > options.size()) return false;
    if (std::to_integer<std::uint8_t>(options[0]) == type) {
      mac = load_mac(options.data() + 2);
      if (!is_station(*mac)) return false;
    }
    options = options.subspan(size);
  }
  return true;
}

// A solicitation that tests whether an address is free has no sender to answer (RFC 4861, 7.1.1).
bool fits_unspecified_source(const NeighbourMessage<Ip6>& message, const Ip6& destination) {
  return !message.mac &&
         same_prefix(destination, std::bit_cast<Ip6>(kSolicitedNode), kSolicitedPrefixBits);
}

struct Message {
  std::uint8_t type;
  std::uint32_t flags;
  Ip6 target;
  std::uint8_t option;  // With our_mac.
};

std::uint32_t write(std::byte* frame, const MacAddress& our_mac, const MacAddress& to_mac,
                    const Ip6& from, const Ip6& to, const Message& message) {
  write_ethernet(frame, {to_mac, our_mac, kEtherTypeIp6});
  std::byte* packet = frame + kEthernetHeaderBytes;
  store32(packet, 0x60000000);
  store16(packet + kPayloadLength, kMessageBytes + kOptionBytes);
  packet[kNextHeader] = kIcmp6;
  packet[kHopLimit] = kHopLimitOnLink;
  store_ip(packet + kSource, from);
  store_ip(packet + kDestination, to);
  std::byte* icmp = packet + kIp6HeaderBytes;
  std::memset(icmp, 0, kFlags);
  icmp[0] = std::byte{message.type};
  store32(icmp + kFlags, message.flags);
  store_ip(icmp + kTarget, message.target);
  icmp[kMessageBytes] = std::byte{message.option};
  icmp[kMessageBytes + 1] = std::byte{1};
  store_mac(icmp + kMessageBytes + 2, our_mac);
  constexpr std::uint32_t kSize = kIp6HeaderBytes + kMessageBytes + kOptionBytes;
  splice_core::write_icmp_checksum(packet,
                                   {splice_core::PacketKind::kIcmp6, kIp6HeaderBytes, kSize});
  return kEthernetHeaderBytes + kSize;
}

}  // namespace

std::optional<NeighbourMessage<Ip6>> read_ndp(std::span<const std::byte> frame) {
  using Kind = NeighbourMessage<Ip6>::Kind;
  constexpr std::uint32_t kHeaders = kEthernetHeaderBytes + kIp6HeaderBytes;
  if (frame.size() < kHeaders + kMessageBytes) return std::nullopt;
  const std::byte* packet = frame.data() + kEthernetHeaderBytes;
  const std::byte* icmp = packet + kIp6HeaderBytes;
  const std::uint32_t payload = load16(packet + kPayloadLength);
  const auto type = std::to_integer<std::uint8_t>(icmp[0]);
  const bool question = type == kNeighbourSolicitation;
  if (packet[kNextHeader] != kIcmp6 || packet[kHopLimit] != kHopLimitOnLink ||
      (!question && type != kNeighbourAdvertisement) || icmp[kCode] != std::byte{0} ||
      payload < kMessageBytes || payload > frame.size() - kHeaders) {
    return std::nullopt;
  }
  NeighbourMessage<Ip6> message;
  message.kind = question ? Kind::kQuestion : Kind::kAnswer;
  message.target = load_ip<Ip6>(icmp + kTarget);
  message.sender = load_ip<Ip6>(packet + kSource);
  if (is_multicast(message.target) || is_multicast(message.sender)) return std::nullopt;
  const std::span<const std::byte> options(icmp + kMessageBytes, payload - kMessageBytes);
  if (!read_options(options, question ? kSourceLinkAddress : kTargetLinkAddress, message.mac)) {
    return std::nullopt;
  }
  const Ip6 destination = load_ip<Ip6>(packet + kDestination);
  if (question && is_unspecified(message.sender) &&
      !fits_unspecified_source(message, destination)) {
    return std::nullopt;
  }
  if (!question) {
    const std::uint32_t flags = load32(icmp + kFlags);
    message.overrides = (flags & kFlagOverride) != 0;
    message.solicited = (flags & kFlagSolicited) != 0;
    if (message.solicited && is_multicast(destination)) return std::nullopt;
  }
  if (!splice_core::icmp_checksum_good(
          packet, {splice_core::PacketKind::kIcmp6, kIp6HeaderBytes, kIp6HeaderBytes + payload})) {
    return std::nullopt;
  }
  return message;
}

std::uint32_t write_question(std::byte* frame, const MacAddress& our_mac, const Ip6& our_ip,
                             const Ip6& wanted, const std::optional<MacAddress>& known) {
  const Ip6 group = solicited_node(wanted);
  return write(frame, our_mac, known.value_or(group_mac(group)), our_ip, known ? wanted : group,
               {kNeighbourSolicitation, 0, wanted, kSourceLinkAddress});
}

std::uint32_t write_answer(std::byte* frame, const MacAddress& our_mac, const Ip6& our_ip,
                           const MacAddress& to_mac, const Ip6& to_ip) {
  if (is_unspecified(to_ip)) return write_announcement(frame, our_mac, our_ip);
  return write(
      frame, our_mac, to_mac, our_ip, to_ip,
      {kNeighbourAdvertisement, kFlagSolicited | kFlagOverride, our_ip, kTargetLinkAddress});
}

std::uint32_t write_announcement(std::byte* frame, const MacAddress& our_mac, const Ip6& our_ip) {
  const auto all = std::bit_cast<Ip6>(kAllNodes);
  return write(frame, our_mac, group_mac(all), our_ip, all,
               {kNeighbourAdvertisement, kFlagOverride, our_ip, kTargetLinkAddress});
}

}  // namespace backends::dpdk
