#include "backends/dpdk/link.h"

#include <utility>

#include "backends/dpdk/arp.h"
#include "backends/dpdk/echo.h"
#include "backends/dpdk/ndp.h"
#include "backends/dpdk/splice_core/parse.h"
#include "backends/dpdk/splice_core/wire.h"
#include "base/assert.h"

namespace backends::dpdk {
namespace {

using splice_core::Hop;
using splice_core::Ip4;
using splice_core::Ip6;
using splice_core::kIp4HeaderBytes;
using splice_core::kIp6HeaderBytes;
using splice_core::kNoHop;

// From the first byte of the frame.
constexpr std::uint32_t kDestination4 = kEthernetHeaderBytes + 16;
constexpr std::uint32_t kDestination6 = kEthernetHeaderBytes + 24;
constexpr std::uint32_t kNextHeader6 = kEthernetHeaderBytes + 6;
constexpr std::uint32_t kIcmpType6 = kEthernetHeaderBytes + kIp6HeaderBytes;

// Group membership (130 to 132, 143) and all of neighbour discovery (133 to 137): never the core's.
constexpr std::byte kIcmp6{58};
constexpr std::uint8_t kLinkTypesFirst = 130;
constexpr std::uint8_t kLinkTypesLast = 137;
constexpr std::uint8_t kMembershipReport2 = 143;

template <typename Ip>
constexpr std::uint32_t kIpHeaderBytes = kIsIp4<Ip> ? kIp4HeaderBytes : kIp6HeaderBytes;

std::span<const std::byte> bytes_of(const Frame& frame) { return {frame.data, frame.size}; }

template <typename Ip>
Ip destination_of(const Frame& frame) {
  return load_ip<Ip>(frame.data + (kIsIp4<Ip> ? kDestination4 : kDestination6));
}

// Kept apart from the core's errors, which are about connections. There is a whole IPv6 header.
bool is_link_icmp6(std::span<const std::byte> frame) {
  if (frame.size() <= kIcmpType6 || frame[kNextHeader6] != kIcmp6) return false;
  const auto type = std::to_integer<std::uint8_t>(frame[kIcmpType6]);
  return (type >= kLinkTypesFirst && type <= kLinkTypesLast) || type == kMembershipReport2;
}

// The address of ours to ask from: one whose subnet it is in, otherwise one that has it as gateway.
template <typename Ip>
const Ip* source_for(const OwnAddresses<Ip>& own, const Ip& wanted) {
  const Ip* by_gateway = nullptr;
  for (const OwnAddress<Ip>& each : own.all()) {
    if (same_prefix(each.address, wanted, each.prefix_bits)) return &each.address;
    if (by_gateway == nullptr && each.has_gateway() && each.gateway == wanted) {
      by_gateway = &each.address;
    }
  }
  return by_gateway;
}

template <typename Ip>
void keep_gateways(const OwnAddresses<Ip>& own, Neighbours<Ip>& neighbours, base::Nanos now) {
  for (const OwnAddress<Ip>& each : own.all()) {
    if (each.has_gateway()) neighbours.keep(each.gateway, now);
  }
}

}  // namespace

bool is_neighbour_message(std::span<const std::byte> frame) {
  const std::uint16_t type = splice_core::load16(frame.data() + 12);
  if (type == kEtherTypeArp) return true;
  if (type != kEtherTypeIp6 || !is_link_icmp6(frame)) return false;
  const auto icmp = std::to_integer<std::uint8_t>(frame[kIcmpType6]);
  return icmp == kNeighbourSolicitation || icmp == kNeighbourAdvertisement;
}

Link::Link(Device& device, const LinkOptions& options, base::Nanos now)
    : device_(device),
      mac_(device.mac()),
      mac_key_(mac_key(mac_)),
      announces_(options.announces),
      stations_(options.port, options.seed),
      v4_(options, stations_,
          [this](const auto& wanted, const auto& known) { ask(v4_, wanted, known); }),
      v6_(options, stations_,
          [this](const auto& wanted, const auto& known) { ask(v6_, wanted, known); }),
      answers_(kNeighbourAnswersPerSecond, kNeighbourAnswersPerSecond / 10),
      echoes_(kEchoAnswersPerSecond, kEchoAnswersPerSecond / 10),
      next_tick_(now) {
  CHECK(is_station(mac_));
  keep_gateways(v4_.own, v4_.neighbours, now);
  keep_gateways(v6_.own, v6_.neighbours, now);
}

Arrival Link::classify(const Frame& frame, base::Nanos now, splice_core::Packet& packet) {
  if (frame.size < kEthernetHeaderBytes) return drop(LinkDrop::kShort);
  const std::uint64_t destination = mac_key(frame.data);
  const bool to_us = destination == mac_key_;
  if (!to_us && (destination & 1U) == 0) return drop(LinkDrop::kOtherStation);
  switch (splice_core::load16(frame.data + 12)) {
    case kEtherTypeIp4:
      if (!to_us) return drop(LinkDrop::kOtherStation);
      if (is_echo_request4(bytes_of(frame))) return answer_echo(v4_, frame, now);
      return classify_ip(v4_, frame, packet);
    case kEtherTypeIp6:
      if (is_link_icmp6(bytes_of(frame))) return classify_icmp6(frame, now);
      if (!to_us) return drop(LinkDrop::kOtherStation);
      if (is_echo_request6(bytes_of(frame))) return answer_echo(v6_, frame, now);
      return classify_ip(v6_, frame, packet);
    case kEtherTypeArp:
      return answer_neighbour(v4_, frame, read_arp(bytes_of(frame)), now);
    default:
      return drop(LinkDrop::kUnknownType);
  }
}

template <typename Ip>
Arrival Link::classify_ip(Family<Ip>& family, const Frame& frame, splice_core::Packet& packet) {
  const std::uint64_t source = mac_key(frame.data + 6);
  if (source != last_source_) {
    const Hop hop = learn_station(family, frame);
    if (hop == kNoHop) return Arrival::kFree;
    last_source_ = source;
    last_hop_ = hop;
  }
  packet.data = frame.data + kEthernetHeaderBytes;
  packet.size = frame.size - kEthernetHeaderBytes;
  packet.room = frame.room - kEthernetHeaderBytes;
  packet.hop = last_hop_;
  packet.verdict = splice_core::Verdict::kDrop;
  return Arrival::kPacket;
}

// A station counts when it has something for us: the noise of a large network must not fill the
// table. kNoHop: the frame is dropped and counted.
template <typename Ip>
Hop Link::learn_station(const Family<Ip>& family, const Frame& frame) {
  const MacAddress source = load_mac(frame.data + 6);
  const Hop known = stations_.find(source);
  if (known != kNoHop) return known;
  if (!is_station(source) || source == mac_) {
    drop(LinkDrop::kBadSource);
  } else if (frame.size < kEthernetHeaderBytes + kIpHeaderBytes<Ip>) {
    drop(LinkDrop::kShort);
  } else if (!family.own.contains(destination_of<Ip>(frame))) {
    drop(LinkDrop::kNotForUs);
  } else {
    const Hop hop = stations_.learn(source);
    if (hop == kNoHop) drop(LinkDrop::kStationsFull);
    return hop;
  }
  return kNoHop;
}

template <typename Ip>
Arrival Link::answer_echo(Family<Ip>& family, const Frame& frame, base::Nanos now) {
  if (!family.own.contains(destination_of<Ip>(frame))) return drop(LinkDrop::kNotForUs);
  const MacAddress source = load_mac(frame.data + 6);
  if (!is_station(source) || source == mac_) return drop(LinkDrop::kBadSource);
  if (!echoes_.take(now)) return drop(LinkDrop::kEchoLimited);
  const bool answered = kIsIp4<Ip> ? answer_echo4(frame, mac_) : answer_echo6(frame, mac_);
  if (!answered) return drop(LinkDrop::kBadMessage);
  ++stats_.echoes_answered;
  send(frame, frame.size);
  return Arrival::kTaken;
}

Arrival Link::classify_icmp6(const Frame& frame, base::Nanos now) {
  if (!is_neighbour_message(bytes_of(frame))) return drop(LinkDrop::kNotHandled);
  return answer_neighbour(v6_, frame, read_ndp(bytes_of(frame)), now);
}

template <typename Ip>
Arrival Link::answer_neighbour(Family<Ip>& family, const Frame& frame,
                               const std::optional<NeighbourMessage<Ip>>& message,
                               base::Nanos now) {
  const MacAddress source = load_mac(frame.data + 6);
  if (!is_station(source) || source == mac_) return drop(LinkDrop::kBadSource);
  if (!message) return drop(LinkDrop::kBadMessage);
  learn_from(family, *message, now);
  if (message->kind == NeighbourMessage<Ip>::Kind::kAnswer) return Arrival::kFree;
  // Most questions on a network are for others: nothing to count.
  if (!family.own.contains(message->target)) return Arrival::kFree;
  if (message->sender == message->target)
    return Arrival::kFree;  // It claims our address, and does not ask.
  if (!answers_.take(now)) return drop(LinkDrop::kAnswerLimited);
  if (frame.room < kNeighbourFrameMax) return drop(LinkDrop::kShort);
  const MacAddress to = message->mac.value_or(source);
  const std::uint32_t size = write_answer(frame.data, mac_, message->target, to, message->sender);
  ++stats_.questions_answered;
  send(frame, size);
  return Arrival::kTaken;
}

template <typename Ip>
void Link::learn_from(Family<Ip>& family, const NeighbourMessage<Ip>& message, base::Nanos now) {
  const bool question = message.kind == NeighbourMessage<Ip>::Kind::kQuestion;
  const Ip& who = question ? message.sender : message.target;
  if (is_unspecified(who)) return;
  if (family.own.contains(who)) {
    if (message.mac != mac_) ++stats_.conflicts;
    return;
  }
  if (!message.mac) {
    if (message.solicited) family.neighbours.confirmed(who, now);
    return;
  }
  const auto left = family.neighbours.heard(who, *message.mac, message.overrides, now);
  if (!left) return;
  ++stats_.gateway_moves;
  // Pairs know the old router's hop and nothing else: they follow, unless it is still a neighbour
  // of its own.
  if (v4_.neighbours.any_at(*left) || v6_.neighbours.any_at(*left)) return;
  stations_.move(*left, *message.mac);
  last_source_ = kNoSource;
}

void Link::overhear(std::span<const std::byte> frame, base::Nanos now) {
  if (frame.size() < kEthernetHeaderBytes || !is_neighbour_message(frame)) return;
  if (load_mac(frame.data() + 6) == mac_) return;
  if (splice_core::load16(frame.data() + 12) == kEtherTypeArp) {
    if (const auto message = read_arp(frame)) learn_from(v4_, *message, now);
  } else if (const auto message = read_ndp(frame)) {
    learn_from(v6_, *message, now);
  }
}

template <typename Ip>
void Link::ask(const Family<Ip>& family, const Ip& wanted, const std::optional<MacAddress>& known) {
  const Ip* source = source_for(family.own, wanted);
  Frame frame;
  if (source == nullptr || !device_.allocate(frame)) {
    ++stats_.questions_lacking;
    return;
  }
  CHECK(frame.room >= kNeighbourFrameMax);
  ++stats_.questions_sent;
  send(frame, write_question(frame.data, mac_, *source, wanted, known));
}

void Link::tick(base::Nanos now) {
  if (now < next_tick_) return;
  next_tick_ = now + kLinkTick;
  watch_link(now);
  if (link_up_) announce(now);
  // Also without a link: whoever waits for a neighbour then learns that it does not answer.
  v4_.neighbours.tick(now);
  v6_.neighbours.tick(now);
}

// Behind a link that comes up there may be another switch, or other stations.
void Link::watch_link(base::Nanos now) {
  const bool up = device_.link_up();
  if (up == link_up_) return;
  link_up_ = up;
  if (!up) {
    ++stats_.link_downs;
    return;
  }
  v4_.neighbours.doubt_all(now);
  v6_.neighbours.doubt_all(now);
  if (announces_) rounds_left_ = kAnnounceTimes;
  announced_ = 0;
  next_round_ = now;
}

void Link::announce(base::Nanos now) {
  if (rounds_left_ == 0 || now < next_round_) return;
  const std::size_t first_v6 = v4_.own.all().size();
  const std::size_t count = first_v6 + v6_.own.all().size();
  for (int budget = kAnnouncementsPerTick; budget > 0 && announced_ < count; --budget) {
    const bool sent = announced_ < first_v6 ? announce_one(v4_, announced_)
                                            : announce_one(v6_, announced_ - first_v6);
    if (!sent) return;  // The same again at the next tick.
    ++announced_;
  }
  if (announced_ < count) return;
  announced_ = 0;
  --rounds_left_;
  next_round_ = now + kAnnounceAgain;
}

template <typename Ip>
bool Link::announce_one(const Family<Ip>& family, std::size_t index) {
  Frame frame;
  if (!device_.allocate(frame)) return false;
  CHECK(frame.room >= kNeighbourFrameMax);
  ++stats_.announced;
  send(frame, write_announcement(frame.data, mac_, family.own.all()[index].address));
  return true;
}

void Link::send(Frame frame, std::uint32_t size) {
  frame.size = size;
  pad_frame(frame);
  device_.send(std::span(&frame, 1));
}

Arrival Link::drop(LinkDrop reason) {
  ++stats_.dropped.at(static_cast<std::size_t>(reason));
  return Arrival::kFree;
}

LinkStats Link::stats() const {
  LinkStats stats = stats_;
  const NeighbourStats& v4 = v4_.neighbours.stats();
  const NeighbourStats& v6 = v6_.neighbours.stats();
  stats.unanswered = v4.unanswered + v6.unanswered;
  stats.neighbours_lacking = v4.no_room + v6.no_room;
  stats.neighbours = v4_.neighbours.known() + v6_.neighbours.known();
  stats.stations = stations_.size();
  return stats;
}

}  // namespace backends::dpdk
