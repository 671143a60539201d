#include "backends/dpdk/splice_core/translate.h"

#include <cstring>
#include <span>

#include "backends/dpdk/splice_core/checksum.h"
#include "backends/dpdk/splice_core/tcp_options.h"
#include "backends/dpdk/splice_core/wire.h"

namespace backends::dpdk::splice_core {
namespace {

// Every field is computed in registers and stored whole, never read back from two smaller stores:
// the processor would have to wait until these are in the cache, which was half of the time here.

// The low bits of the traffic class (RFC 3168). In IPv6 they lie four bits higher.
constexpr std::uint16_t kEcnBits = 0x03;
constexpr std::byte kEcnBits6{0x30};
// ECE and CWR of a word that begins at the TCP header's 13th byte, as it lies in memory.
constexpr std::uint32_t kEcnFlags = std::uint32_t{kEce | kCwr} << 8U;

// What the IP header's own checksum does not cover goes into `tcp`: the addresses of the pseudo
// header.
void rewrite_ip(std::byte* packet, const FlowKey<Ip4>& towards, std::uint8_t hop_limit,
                ChecksumDelta& tcp) {
  const auto old_source = load_raw<std::uint32_t>(packet + 12);
  const auto old_target = load_raw<std::uint32_t>(packet + 16);
  tcp.replace32(old_source, towards.local.word);
  tcp.replace32(old_target, towards.remote.word);
  ChecksumDelta ip = tcp;
  store_raw(packet + 12, towards.local.word);
  store_raw(packet + 16, towards.remote.word);
  // Traffic class without ECN; hop limit.
  const auto old_class = load_raw<std::uint16_t>(packet);
  const auto new_class = static_cast<std::uint16_t>(old_class & ~(kEcnBits << 8U));
  store_raw(packet, new_class);
  ip.replace16(old_class, new_class);
  const auto old_limit = load_raw<std::uint16_t>(packet + 8);
  const auto new_limit = static_cast<std::uint16_t>((old_limit & 0xff00U) | hop_limit);
  store_raw(packet + 8, new_limit);
  ip.replace16(old_limit, new_limit);
  store_raw(packet + 10, ip.apply(load_raw<std::uint16_t>(packet + 10)));
}

void rewrite_ip(std::byte* packet, const FlowKey<Ip6>& towards, std::uint8_t hop_limit,
                ChecksumDelta& tcp) {
  const std::array<const std::byte*, 2> wanted = {
      reinterpret_cast<const std::byte*>(towards.local.words.data()),
      reinterpret_cast<const std::byte*>(towards.remote.words.data())};
  for (std::size_t which = 0; which < 2; ++which) {
    std::byte* const address = packet + 8 + which * 16;
    for (std::size_t i = 0; i < 16; i += 4) {
      tcp.replace32(load_raw<std::uint32_t>(address + i),
                    load_raw<std::uint32_t>(wanted[which] + i));
    }
    std::memcpy(address, wanted[which], 16);
  }
  // The traffic class lies across the first two bytes; ECN is bits 4 and 5 of the second.
  packet[1] &= ~kEcnBits6;
  packet[7] = std::byte{hop_limit};
}

}  // namespace

template <typename Ip>
RewriteFound rewrite(std::byte* packet, const Envelope& envelope, const Segment& segment,
                     const FlowKey<Ip>& towards, const Rewrite& change) {
  ChecksumDelta delta;
  rewrite_ip(packet, towards, change.hop_limit, delta);
  std::byte* const tcp = packet + envelope.l4;

  const std::uint32_t ports =
      towards.local_port | (std::uint32_t{towards.remote_port} << 16U);  // Both in wire order.
  delta.replace32(load_raw<std::uint32_t>(tcp), ports);
  store_raw(tcp, ports);

  delta.replace32(load_raw<std::uint32_t>(tcp + 4), swap_bytes(change.seq));
  store32(tcp + 4, change.seq);
  delta.replace32(load_raw<std::uint32_t>(tcp + 8), swap_bytes(change.ack));
  store32(tcp + 8, change.ack);

  // ECN was not agreed on (facts/dpdk.md, 2.1): its flags go, with the window in one word.
  const auto old_word = load_raw<std::uint32_t>(tcp + 12);
  const std::uint32_t new_word =
      (old_word & 0xffffU & ~kEcnFlags) | (std::uint32_t{swap_bytes(change.window)} << 16U);
  store_raw(tcp + 12, new_word);
  delta.replace32(old_word, new_word);

  RewriteFound found;
  if (segment.header_bytes > kTcpHeaderBytes) {
    const std::span<std::byte> options(tcp + kTcpHeaderBytes,
                                       segment.header_bytes - kTcpHeaderBytes);
    found.sack_blocks = change.blank_sack ? blank_sack(options, delta)
                                          : shift_sack(options, change.sack_shift, delta);
  }
  store_raw(tcp + 16, delta.apply(load_raw<std::uint16_t>(tcp + 16)));
  return found;
}

template RewriteFound rewrite<Ip4>(std::byte*, const Envelope&, const Segment&, const FlowKey<Ip4>&,
                                   const Rewrite&);
template RewriteFound rewrite<Ip6>(std::byte*, const Envelope&, const Segment&, const FlowKey<Ip6>&,
                                   const Rewrite&);

}  // namespace backends::dpdk::splice_core
