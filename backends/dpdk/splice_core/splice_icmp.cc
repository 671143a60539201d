// Errors from the way: "too big" makes path MTU discovery work across a pair, "unreachable" tells
// an endpoint sooner. The error names the packet of ours that met it; it is rewritten into one
// about the packet that the other endpoint has sent (facts/dpdk.md, 2.10; RFC 5508, 3.2, RFC 1191,
// RFC 8201).
#include <array>
#include <cstring>

#include "backends/dpdk/splice_core/checksum.h"
#include "backends/dpdk/splice_core/seq.h"
#include "backends/dpdk/splice_core/splice.h"
#include "backends/dpdk/splice_core/wire.h"

namespace backends::dpdk::splice_core {
namespace {

constexpr std::uint32_t kIcmpHeaderBytes = 8;
// Of the embedded TCP header at least the ports and the sequence number are there (RFC 792).
constexpr std::uint32_t kEmbeddedTcpBytes = 8;
constexpr std::uint8_t kTcp = 6;

// RFC 792 and RFC 4443.
enum class Meaning : std::uint8_t { kIgnored, kTooBig, kUnreachable, kRefused };

Meaning meaning_of(const std::byte* icmp, CoreFamily family) {
  const auto type = std::to_integer<unsigned>(icmp[0]);
  const auto code = std::to_integer<unsigned>(icmp[1]);
  if (family == CoreFamily::kV4) {
    if (type != 3) return Meaning::kIgnored;
    switch (code) {
      case 0:
      case 1:
        return Meaning::kUnreachable;
      case 2:
      case 3:
        return Meaning::kRefused;
      case 4:
        return Meaning::kTooBig;
      default:
        return Meaning::kIgnored;
    }
  }
  if (type == 2) return Meaning::kTooBig;
  if (type != 1) return Meaning::kIgnored;
  return code == 4 ? Meaning::kRefused : Meaning::kUnreachable;
}

// The embedded packet, or nothing when it is not one of TCP with all that is needed.
template <typename Ip>
bool embedded_is_tcp(const std::byte* inner, std::uint32_t size) {
  constexpr std::size_t kHeader = ip_header_bytes<Ip>();
  if (size < kHeader + kEmbeddedTcpBytes) return false;
  if constexpr (sizeof(Ip) == sizeof(Ip4)) {
    return inner[0] == std::byte{0x45} && inner[9] == std::byte{kTcp};
  } else {
    return std::to_integer<unsigned>(inner[0]) >> 4U == 6 && inner[6] == std::byte{kTcp};
  }
}

template <typename Ip>
struct AddressPlaces;
template <>
struct AddressPlaces<Ip4> {
  static constexpr std::size_t kSource = 12;
  static constexpr std::size_t kTarget = 16;
};
template <>
struct AddressPlaces<Ip6> {
  static constexpr std::size_t kSource = 8;
  static constexpr std::size_t kTarget = 24;
};

}  // namespace

template <typename Ip>
void Splice<Ip>::icmp(Packet& packet, const Envelope& envelope) {
  const std::byte* const icmp = packet.data + envelope.l4;
  if (envelope.size < envelope.l4 + kIcmpHeaderBytes) return drop(packet, DropReason::kShort);
  const Meaning meaning = meaning_of(icmp, kFamily);
  const std::byte* const inner = icmp + kIcmpHeaderBytes;
  const std::uint32_t inner_size = envelope.size - envelope.l4 - kIcmpHeaderBytes;
  if (meaning == Meaning::kIgnored || !embedded_is_tcp<Ip>(inner, inner_size)) {
    return drop(packet, DropReason::kIcmpUnknown);
  }
  // Before anything else is done with what strangers can send at will.
  if (!shared_.icmp.allow(shared_.now)) return drop(packet, DropReason::kIcmpLimited);
  if (!icmp_checksum_good(packet.data, envelope)) return drop(packet, DropReason::kBadChecksum);

  // The embedded packet is one of ours: its source is our end of the flow.
  constexpr std::size_t kHeader = ip_header_bytes<Ip>();
  FlowKey<Ip> flow;
  std::memcpy(&flow.local, inner + AddressPlaces<Ip>::kSource, sizeof(Ip));
  std::memcpy(&flow.remote, inner + AddressPlaces<Ip>::kTarget, sizeof(Ip));
  flow.local_port = load_raw<std::uint16_t>(inner + kHeader);
  flow.remote_port = load_raw<std::uint16_t>(inner + kHeader + 2);
  const std::uint32_t seq = load32(inner + kHeader + 4);

  const std::uint32_t ref = find(flow, hash(flow));
  if (ref == FlowIndex::kNothing) return drop(packet, DropReason::kIcmpUnknown);
  const std::uint32_t slot = slot_of(ref);
  if (kind_of(ref) == RefKind::kLeg) {
    const base::SlotId id = leg_id(slot);
    Leg<Ip>& leg = legs_[id];
    if (leg.state != LegState::kSynSent || seq != leg.send_next || meaning == Meaning::kTooBig) {
      return drop(packet, DropReason::kIcmpUnknown);
    }
    packet.verdict = Verdict::kDrop;  // Consumed.
    return fail_connect(id, leg,
                        base::to_errno(meaning == Meaning::kRefused ? ECONNREFUSED : EHOSTUNREACH));
  }
  const Side sent_to = kind_of(ref) == RefKind::kClientSide ? Side::kClient : Side::kUpstream;
  const Pair<Ip>& pair = pairs_[slot];
  // Believable only when it names something that is on its way (RFC 5927, 4).
  const std::size_t t = index_of(sent_to);
  const std::size_t f = index_of(other(sent_to));
  const std::uint32_t sent_end = pair.sent[f] + pair.seq_shift[f];
  if (seq_before(seq, pair.acked[t]) || !seq_before(seq, sent_end)) {
    return drop(packet, DropReason::kIcmpUnknown);
  }
  pass_icmp(packet, envelope, slot, sent_to);
}

template <typename Ip>
void Splice<Ip>::pass_icmp(Packet& packet, const Envelope& envelope, std::uint32_t slot,
                           Side sent_to) {
  const Pair<Ip>& pair = pairs_[slot];
  const std::size_t f = index_of(other(sent_to));
  const FlowKey<Ip> sender = pair.flow(other(sent_to));
  constexpr std::size_t kHeader = ip_header_bytes<Ip>();
  constexpr std::size_t kSource = AddressPlaces<Ip>::kSource;
  constexpr std::size_t kTarget = AddressPlaces<Ip>::kTarget;
  std::byte* const inner = packet.data + envelope.l4 + kIcmpHeaderBytes;

  // As the sender wrote it. Its TCP checksum may be cut off, and nobody looks at it in an error.
  std::memcpy(inner + kSource, &sender.remote, sizeof(Ip));
  std::memcpy(inner + kTarget, &sender.local, sizeof(Ip));
  if constexpr (kFamily == CoreFamily::kV4) write_ip4_checksum(inner);
  store_raw(inner + kHeader, sender.remote_port);
  store_raw(inner + kHeader + 2, sender.local_port);
  store32(inner + kHeader + 4, load32(inner + kHeader + 4) - pair.seq_shift[f]);

  // From the address it knows: that of the station on the other leg means nothing on this one.
  std::memcpy(packet.data + kSource, &sender.local, sizeof(Ip));
  std::memcpy(packet.data + kTarget, &sender.remote, sizeof(Ip));
  if constexpr (kFamily == CoreFamily::kV4) {
    packet.data[8] = std::byte{shared_.options.hop_limit};
    write_ip4_checksum(packet.data);
  } else {
    packet.data[7] = std::byte{shared_.options.hop_limit};
  }
  write_icmp_checksum(packet.data, envelope);
  packet.hop = pair.hop[f];
  packet.size = envelope.size;
  packet.verdict = Verdict::kSend;
  ++shared_.stats.icmp_passed;
}

template void Splice<Ip4>::icmp(Packet&, const Envelope&);
template void Splice<Ip6>::icmp(Packet&, const Envelope&);

}  // namespace backends::dpdk::splice_core
