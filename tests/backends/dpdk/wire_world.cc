#include "tests/backends/dpdk/wire_world.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "backends/dpdk/arp.h"
#include "backends/dpdk/ethernet.h"
#include "backends/dpdk/ndp.h"
#include "backends/dpdk/own_address.h"
#include "backends/dpdk/splice_core/parse.h"
#include "base/assert.h"

namespace dpdk_test {
namespace {

using backends::dpdk::Device;
using backends::dpdk::Frame;
using backends::dpdk::kEthernetHeaderBytes;
using backends::dpdk::MemoryWire;
using backends::dpdk::MemoryWireOptions;
using backends::dpdk::NeighbourMessage;
using backends::dpdk::RssSpread;

// Bursts of one wire and packets of one step: more than the rings hold.
constexpr std::size_t kBurstsAtOnce = 64;
constexpr std::size_t kPacketsAtOnce = 4096;

// Any key that is not the same everywhere spreads well.
RssSpread spread() {
  RssSpread spread;
  for (std::size_t i = 0; i < backends::dpdk::kToeplitzKeyMin; ++i) {
    spread.key.push_back(static_cast<std::uint8_t>(i * 73 + 41));
  }
  for (std::uint16_t queue = 0; queue < WireWorld::kWiresMax; ++queue) {
    spread.queues.push_back(queue);
  }
  spread.tcp4 = spread.tcp6 = true;
  return spread;
}

template <typename Ip>
base::IpPort address_of(const Ip& ip) {
  base::IpPort address;
  address.family = backends::dpdk::kIsIp4<Ip> ? base::Family::kV4 : base::Family::kV6;
  std::memcpy(address.bytes.data(), &ip, sizeof(ip));
  return address;
}

}  // namespace

WireWorld::WireWorld(const MiniTcpOptions& options, std::vector<base::IpPort> ours)
    : tcp_(options), ours_(std::move(ours)), queues_(spread()) {}

Device& WireWorld::add_wire() {
  CHECK(wires_.size() < kWiresMax);
  MemoryWireOptions options;
  options.macs = {their_mac_, mac_};
  wires_.push_back(std::make_unique<MemoryWire>(options));
  return wires_.back()->end(0);
}

void WireWorld::set_link(bool up) {
  for (const auto& wire : wires_) wire->set_link(up);
}

backends::dpdk::splice_core::PortChoice WireWorld::choice_of(std::size_t wire) const {
  const auto mine = [this, wire](const auto& flow) { return queues_.queue_of(flow) == wire; };
  return {.v4 = mine, .v6 = mine};
}

bool WireWorld::step(base::Nanos now) {
  bool moved = false;
  const std::uint64_t read_before = tcp_.stats().read;
  for (std::size_t i = 0; i < wires_.size(); ++i) moved |= receive_from(i, now);
  tcp_.tick(now);
  std::vector<std::byte> packet;
  for (std::size_t i = 0; i < kPacketsAtOnce && tcp_.next_packet(packet); ++i) {
    send(packet);
    moved = true;
  }
  return moved || tcp_.stats().read != read_before;
}

bool WireWorld::receive_from(std::size_t wire, base::Nanos now) {
  Device& device = wires_[wire]->end(1);
  std::array<Frame, backends::dpdk::kBurstMax> frames;
  bool moved = false;
  for (std::size_t burst = 0; burst < kBurstsAtOnce; ++burst) {
    const std::size_t count = device.receive(frames);
    if (count == 0) break;
    moved = true;
    for (const Frame& frame : std::span(frames).first(count)) {
      take(device, {frame.data, frame.size}, now);
    }
    device.free(std::span(frames).first(count));
  }
  return moved;
}

void WireWorld::take(Device& device, std::span<const std::byte> frame, base::Nanos now) {
  CHECK(frame.size() >= kEthernetHeaderBytes);
  const auto header = backends::dpdk::read_ethernet(frame.data());
  if (header.type == backends::dpdk::kEtherTypeArp) {
    if (const auto message = backends::dpdk::read_arp(frame)) answer(device, *message);
    return;
  }
  if (header.type == backends::dpdk::kEtherTypeIp6) {
    if (const auto message = backends::dpdk::read_ndp(frame)) return answer(device, *message);
  }
  if (header.destination != mac_) return;
  const auto packet = frame.subspan(kEthernetHeaderBytes);
  if (on_packet) on_packet(packet);
  tcp_.receive(packet, now);
}

template <typename Ip>
void WireWorld::answer(Device& device, const NeighbourMessage<Ip>& message) {
  using Kind = typename NeighbourMessage<Ip>::Kind;
  if (message.kind != Kind::kQuestion || backends::dpdk::is_unspecified(message.sender)) return;
  if (!is_station(address_of(message.target))) return;
  Frame frame;
  if (!device.allocate(frame)) return;
  frame.size =
      backends::dpdk::write_answer(frame.data, mac_, message.target, their_mac_, message.sender);
  device.send(std::span(&frame, 1));
}

bool WireWorld::is_station(const base::IpPort& address) const {
  return std::ranges::find(ours_, address) == ours_.end() &&
         std::ranges::find(nobody_, address) == nobody_.end();
}

std::size_t WireWorld::wire_to(std::span<const std::byte> packet) const {
  namespace core = backends::dpdk::splice_core;
  const auto envelope = core::parse_envelope(packet);
  CHECK(envelope.has_value());
  const std::size_t queue = envelope->kind == core::PacketKind::kTcp4
                                ? queues_.queue_of(core::flow_key4(packet.data(), *envelope))
                                : queues_.queue_of(core::flow_key6(packet.data(), *envelope));
  return queue < wires_.size() ? queue : 0;
}

void WireWorld::send(std::span<const std::byte> packet) {
  if (wires_.empty()) return;
  Device& device = wires_[wire_to(packet)]->end(1);
  Frame frame;
  if (!device.allocate(frame)) return;
  const bool v6 = (packet[0] >> 4U) == std::byte{6};
  backends::dpdk::write_ethernet(
      frame.data,
      {their_mac_, mac_, v6 ? backends::dpdk::kEtherTypeIp6 : backends::dpdk::kEtherTypeIp4});
  CHECK(packet.size() + kEthernetHeaderBytes <= frame.room);
  std::ranges::copy(packet, frame.data + kEthernetHeaderBytes);
  frame.size = static_cast<std::uint32_t>(packet.size() + kEthernetHeaderBytes);
  backends::dpdk::pad_frame(frame);
  device.send(std::span(&frame, 1));
}

}  // namespace dpdk_test
