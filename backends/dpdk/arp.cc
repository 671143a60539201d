#include "backends/dpdk/arp.h"

#include "backends/dpdk/ethernet.h"
#include "backends/dpdk/own_address.h"
#include "backends/dpdk/splice_core/wire.h"

namespace backends::dpdk {
namespace {

using splice_core::Ip4;
using splice_core::load16;
using splice_core::store16;

// From the first byte of the frame.
constexpr std::uint32_t kHardwareType = kEthernetHeaderBytes;
constexpr std::uint32_t kProtocolType = kEthernetHeaderBytes + 2;
constexpr std::uint32_t kLengths = kEthernetHeaderBytes + 4;
constexpr std::uint32_t kOperation = kEthernetHeaderBytes + 6;
constexpr std::uint32_t kSenderMac = kEthernetHeaderBytes + 8;
constexpr std::uint32_t kSenderIp = kEthernetHeaderBytes + 14;
constexpr std::uint32_t kTargetMac = kEthernetHeaderBytes + 18;
constexpr std::uint32_t kTargetIp = kEthernetHeaderBytes + 24;
constexpr std::uint32_t kArpFrameBytes = kEthernetHeaderBytes + 28;

constexpr std::uint16_t kEthernet = 1;
constexpr std::uint16_t kMacAndIp4Lengths = 0x0604;
constexpr std::uint16_t kRequest = 1;
constexpr std::uint16_t kReply = 2;

struct Target {
  MacAddress mac;
  Ip4 ip;
};

std::uint32_t write(std::byte* frame, std::uint16_t operation, const MacAddress& destination,
                    const MacAddress& our_mac, const Ip4& our_ip, const Target& target) {
  write_ethernet(frame, {destination, our_mac, kEtherTypeArp});
  store16(frame + kHardwareType, kEthernet);
  store16(frame + kProtocolType, kEtherTypeIp4);
  store16(frame + kLengths, kMacAndIp4Lengths);
  store16(frame + kOperation, operation);
  store_mac(frame + kSenderMac, our_mac);
  store_ip(frame + kSenderIp, our_ip);
  store_mac(frame + kTargetMac, target.mac);
  store_ip(frame + kTargetIp, target.ip);
  return kArpFrameBytes;
}

}  // namespace

std::optional<NeighbourMessage<Ip4>> read_arp(std::span<const std::byte> frame) {
  if (frame.size() < kArpFrameBytes) return std::nullopt;
  const std::byte* data = frame.data();
  if (load16(data + kHardwareType) != kEthernet || load16(data + kProtocolType) != kEtherTypeIp4 ||
      load16(data + kLengths) != kMacAndIp4Lengths) {
    return std::nullopt;
  }
  NeighbourMessage<Ip4> message;
  const MacAddress sender = load_mac(data + kSenderMac);
  if (!is_station(sender)) return std::nullopt;
  message.mac = sender;
  message.sender = load_ip<Ip4>(data + kSenderIp);
  switch (load16(data + kOperation)) {
    case kRequest:
      message.target = load_ip<Ip4>(data + kTargetIp);
      return message;
    case kReply:
      message.kind = NeighbourMessage<Ip4>::Kind::kAnswer;
      message.target = message.sender;
      message.solicited = !is_group(load_mac(data));
      return message;
    default:
      return std::nullopt;
  }
}

std::uint32_t write_question(std::byte* frame, const MacAddress& our_mac, const Ip4& our_ip,
                             const Ip4& wanted, const std::optional<MacAddress>& known) {
  return write(frame, kRequest, known.value_or(kMacBroadcast), our_mac, our_ip,
               {MacAddress{}, wanted});
}

std::uint32_t write_answer(std::byte* frame, const MacAddress& our_mac, const Ip4& our_ip,
                           const MacAddress& to_mac, const Ip4& to_ip) {
  return write(frame, kReply, to_mac, our_mac, our_ip, {to_mac, to_ip});
}

// As a request: some stations take only requests from those they did not ask (RFC 5227, 3).
std::uint32_t write_announcement(std::byte* frame, const MacAddress& our_mac, const Ip4& our_ip) {
  return write(frame, kRequest, kMacBroadcast, our_mac, our_ip, {MacAddress{}, our_ip});
}

}  // namespace backends::dpdk
