// Any bytes as a packet of the kernel-bypass path: no crash, no look outside of the packet, and
// what the parts of the splice core promise about what they found.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "backends/dpdk/splice_core/checksum.h"
#include "backends/dpdk/splice_core/parse.h"
#include "backends/dpdk/splice_core/tcp_options.h"
#include "backends/dpdk/splice_core/wire.h"
#include "base/assert.h"

namespace {

using namespace backends::dpdk::splice_core;  // NOLINT(google-build-using-namespace): a program.
using Bytes = std::vector<std::byte>;

constexpr std::uint32_t kTcpChecksumAt = 16;
constexpr std::size_t kBlockBytes = 8;

// Changes that leave a right checksum right by their difference alone, and an error an error by the
// same amount: the field is what a new sum of the whole would have made of it.
template <typename Change>
std::size_t change_options(Bytes& packet, const Envelope& envelope, const Segment& segment,
                           Change change) {
  std::byte* field = packet.data() + envelope.l4 + kTcpChecksumAt;
  write_tcp_checksum(packet.data(), envelope);
  CHECK(tcp_checksum_good(packet.data(), envelope));
  ChecksumDelta delta;
  const std::size_t blocks =
      change(std::span(packet).subspan(envelope.l4 + kTcpHeaderBytes,
                                       segment.header_bytes - kTcpHeaderBytes),
             delta);
  CHECK(blocks * kBlockBytes <= kTcpOptionsMax);
  const std::uint16_t by_difference = delta.apply(load_raw<std::uint16_t>(field));
  write_tcp_checksum(packet.data(), envelope);
  CHECK(by_difference == load_raw<std::uint16_t>(field));
  return blocks;
}

// Nothing but the options and the checksum may differ.
void check_rest_unchanged(Bytes changed, const Bytes& packet, const Envelope& envelope,
                          const Segment& segment) {
  const std::uint32_t options = envelope.l4 + kTcpHeaderBytes;
  const std::uint32_t payload = envelope.l4 + segment.header_bytes;
  std::copy(packet.begin() + options, packet.begin() + payload, changed.begin() + options);
  const std::uint32_t checksum = envelope.l4 + kTcpChecksumAt;
  std::copy_n(packet.begin() + checksum, 2, changed.begin() + checksum);
  CHECK(changed == packet);
}

void check_sack(const Bytes& packet, const Envelope& envelope, const Segment& segment) {
  const std::uint32_t shift = segment.seq | 1U;  // Any number but zero.
  Bytes original = packet;
  write_tcp_checksum(original.data(), envelope);

  Bytes moved = packet;
  const auto move_by = [&](std::uint32_t by) {
    return change_options(moved, envelope, segment, [by](auto options, ChecksumDelta& delta) {
      return shift_sack(options, by, delta);
    });
  };
  const std::size_t blocks = move_by(shift);
  check_rest_unchanged(moved, packet, envelope, segment);
  CHECK((blocks == 0) == (moved == original));
  CHECK(move_by(0U - shift) == blocks);
  CHECK(moved == original);

  Bytes blanked = packet;
  CHECK(change_options(blanked, envelope, segment, blank_sack) == blocks);
  check_rest_unchanged(blanked, packet, envelope, segment);
  CHECK((blocks == 0) == (blanked == original));
  CHECK(change_options(blanked, envelope, segment, blank_sack) == 0);
}

void check_syn(std::span<const std::byte> options) {
  const std::optional<SynOptions> found = parse_syn_options(options);
  if (!found) return;
  CHECK(found->window_scale <= kWindowScaleMax || found->window_scale == kNoWindowScale);
  Bytes written(kSynOptionsMax);
  const std::size_t size = write_syn_options(written.data(), *found);
  CHECK(size <= kSynOptionsMax && size % 4 == 0);
  CHECK(parse_syn_options(std::span(written).first(size)) == *found);
}

void check_tcp(const Bytes& packet, const Envelope& envelope) {
  const Segment segment = parse_segment(packet.data(), envelope);
  CHECK(segment.header_bytes >= kTcpHeaderBytes);
  CHECK(segment.header_bytes <= kTcpHeaderBytes + kTcpOptionsMax);
  CHECK(envelope.l4 + segment.header_bytes + segment.payload_bytes == envelope.size);
  CHECK(segment.length() <= segment.payload_bytes + 2);
  if (envelope.kind == PacketKind::kTcp4) {
    const FlowKey<Ip4> key = flow_key4(packet.data(), envelope);
    CHECK(key.remote.word == load_raw<std::uint32_t>(packet.data() + 12));
    static_cast<void>(hash_of(key, HashSecret{{1, 2, 3}}));
  } else {
    const FlowKey<Ip6> key = flow_key6(packet.data(), envelope);
    CHECK(key.local.words[1] == load_raw<std::uint64_t>(packet.data() + 32));
    static_cast<void>(hash_of(key, HashSecret{{1, 2, 3}}));
  }
  check_syn(std::span(packet).subspan(envelope.l4 + kTcpHeaderBytes,
                                      segment.header_bytes - kTcpHeaderBytes));
  check_sack(packet, envelope, segment);
}

void check_packet(Bytes packet) {
  const auto envelope = parse_envelope(packet);
  if (!envelope) {
    CHECK(envelope.error() <= DropReason::kNotTcp);
    return;
  }
  CHECK(envelope->l4 == kIp4HeaderBytes || envelope->l4 == kIp6HeaderBytes);
  CHECK(envelope->l4 < envelope->size && envelope->size <= packet.size());
  // Behind its end is padding: nobody may look there, and here a sanitizer sees who does.
  packet.resize(envelope->size);
  packet.shrink_to_fit();
  switch (envelope->kind) {
    case PacketKind::kTcp4:
    case PacketKind::kTcp6:
      check_tcp(packet, *envelope);
      break;
    case PacketKind::kIcmp4:
    case PacketKind::kIcmp6:
      write_icmp_checksum(packet.data(), *envelope);
      CHECK(icmp_checksum_good(packet.data(), *envelope));
      break;
  }
  if (envelope->l4 == kIp4HeaderBytes) {
    write_ip4_checksum(packet.data());
    CHECK(ip4_checksum_good(packet.data()));
  }
}

// Most mutations end at a length that is no longer true; with what is in the way of the TCP options
// put right, they are judged for what stands behind it.
void repair(Bytes& packet) {
  if (packet.size() < kIp6HeaderBytes) return;
  const bool four = (packet[0] >> 4U) != std::byte{6};
  const std::size_t behind = four ? 0 : kIp6HeaderBytes;
  packet[0] = four ? detail::kIp4Plain : std::byte{0x60};
  packet[four ? detail::kIp4Protocol : 6] = std::byte{detail::kProtocolTcp};
  store16(packet.data() + (four ? 2 : 4), static_cast<std::uint16_t>(packet.size() - behind));
  if (four) store16(packet.data() + 6, 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  Bytes packet(input.begin(), input.end());
  check_packet(packet);
  repair(packet);
  check_packet(packet);
  return 0;
}
