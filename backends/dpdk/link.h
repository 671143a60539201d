// One worker's link layer on one port: takes Ethernet headers off and puts them on, answers ARP,
// neighbour discovery and pings for our addresses, and finds the stations of gateways and
// endpoints. The engine asks it about every frame; what it has to say itself goes out through the
// device.
//
// Where several workers share a port, each has a Link; one of them announces. An answer to one
// worker's question may arrive at another's queue, so the engine shows frames for which
// is_neighbour_message() holds to all others with overhear().
//
// The kernel must not have these addresses on the same wire: two would answer
// (facts/dpdk.md, 2.10). One worker's, one thread. Allocates when a neighbour is looked for the
// first time, then no more.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/dpdk/allowance.h"
#include "backends/dpdk/device.h"
#include "backends/dpdk/ethernet.h"
#include "backends/dpdk/neighbour_message.h"
#include "backends/dpdk/neighbours.h"
#include "backends/dpdk/own_address.h"
#include "backends/dpdk/splice_core/flow_key.h"
#include "backends/dpdk/splice_core/packet.h"
#include "backends/dpdk/stations.h"
#include "base/time.h"

namespace backends::dpdk {

// What strangers can make us send, each; a burst of a tenth of it.
inline constexpr std::uint32_t kNeighbourAnswersPerSecond = 1000;
inline constexpr std::uint32_t kEchoAnswersPerSecond = 1000;

// Timers and the state of the link are looked at this often, however often tick() is called.
inline constexpr base::Nanos kLinkTick = std::chrono::milliseconds(100);
// Our addresses are announced so many times, because nobody acknowledges it (RFC 5227, 1.1).
inline constexpr int kAnnounceTimes = 3;
inline constexpr base::Nanos kAnnounceAgain = std::chrono::seconds(1);
inline constexpr int kAnnouncementsPerTick = 64;

// Why a frame went no further.
enum class LinkDrop : std::uint8_t {
  kShort,          // Ends before the headers of its type.
  kOtherStation,   // Unicast to another, or IP to a group.
  kBadSource,      // A group's address, none, or our own: a loop.
  kUnknownType,    // Neither IPv4, IPv6 nor ARP; tagged.
  kNotForUs,       // The first packet of a station, not to an address of ours.
  kStationsFull,   // kStationsMax stations are known, and this is another.
  kBadMessage,     // ARP, neighbour discovery or a ping that contradicts itself.
  kNotHandled,     // Router advertisements, redirects, group membership.
  kAnswerLimited,  // Past kNeighbourAnswersPerSecond.
  kEchoLimited,    // Past kEchoAnswersPerSecond.
  kCount
};
inline constexpr std::size_t kLinkDrops = static_cast<std::size_t>(LinkDrop::kCount);

// The label of the metric.
constexpr std::string_view name_of(LinkDrop reason) {
  constexpr std::array<std::string_view, kLinkDrops> kNames = {
      "short",         "other_station", "bad_source",  "unknown_type",   "not_for_us",
      "stations_full", "bad_message",   "not_handled", "answer_limited", "echo_limited"};
  return kNames.at(static_cast<std::size_t>(reason));
}

struct LinkStats {
  std::array<std::uint64_t, kLinkDrops> dropped{};
  std::uint64_t questions_sent = 0;     // ARP requests and neighbour solicitations.
  std::uint64_t questions_lacking = 0;  // Not sent: no buffer, or no address of ours to ask from.
  std::uint64_t questions_answered = 0;
  std::uint64_t echoes_answered = 0;
  std::uint64_t announced = 0;
  std::uint64_t conflicts = 0;      // Another station claims an address of ours.
  std::uint64_t gateway_moves = 0;  // A gateway's address went to another station.
  std::uint64_t link_downs = 0;
  std::uint64_t unanswered = 0;          // Neighbours that were asked for in vain.
  std::uint64_t neighbours_lacking = 0;  // No room for one more neighbour.
  std::size_t neighbours = 0;            // Known now.
  std::size_t stations = 0;              // Ever seen.
};

enum class Arrival : std::uint8_t {
  kPacket,  // An IP packet for the core. The frame stays the caller's.
  kTaken,   // It became an answer and is sent.
  kFree     // The caller frees it: dropped with its reason counted, or all it had to say was heard.
};

struct LinkOptions {
  std::uint8_t port = 0;               // Below kPortsMax; each port of a worker has its own.
  std::vector<PortAddress> addresses;  // Those of other ports are left out.
  bool announces = true;               // One Link of each port.
  std::uint64_t seed = 0;
};

// True for what every worker of a port wants to hear. At least an Ethernet header is there.
bool is_neighbour_message(std::span<const std::byte> frame);

class Link {
 public:
  // The device outlives it. Sends nothing yet: tick() does.
  Link(Device& device, const LinkOptions& options, base::Nanos now);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // For every frame that the device received. kPacket fills in `packet`: in the frame's memory,
  // with the hop it came by. (Written in its place: a copy would wait for what it copies to be
  // written.)
  Arrival classify(const Frame& frame, base::Nanos now, splice_core::Packet& packet);
  // A neighbour message that another worker of this port received: learns from it, answers nothing.
  void overhear(std::span<const std::byte> frame, base::Nanos now);

  // The way to a neighbour on this port: what Routes::find() says is the next hop.
  NextStation hop_to(const splice_core::Ip4& neighbour, base::Nanos now) {
    return v4_.neighbours.find(neighbour, now);
  }
  NextStation hop_to(const splice_core::Ip6& neighbour, base::Nanos now) {
    return v6_.neighbours.find(neighbour, now);
  }

  // Fills in the Ethernet header of a frame that has an IP packet behind it. A hop of this port.
  void write_header(const Frame& frame, splice_core::Hop hop) const {
    const bool is_v6 = (frame.data[kEthernetHeaderBytes] >> 4U) == std::byte{6};
    write_ethernet(frame.data,
                   {stations_.mac_of(hop), mac_, is_v6 ? kEtherTypeIp6 : kEtherTypeIp4});
  }

  // As often as the caller likes; does something every kLinkTick.
  void tick(base::Nanos now);

  LinkStats stats() const;

 private:
  template <typename Ip>
  struct Family {
    Family(const LinkOptions& options, Stations& stations, typename Neighbours<Ip>::Ask ask)
        : own(options.addresses, options.port), neighbours(stations, std::move(ask)) {}
    OwnAddresses<Ip> own;
    Neighbours<Ip> neighbours;
  };

  Arrival drop(LinkDrop reason);
  template <typename Ip>
  Arrival classify_ip(Family<Ip>& family, const Frame& frame, splice_core::Packet& packet);
  template <typename Ip>
  Arrival answer_echo(Family<Ip>& family, const Frame& frame, base::Nanos now);
  Arrival classify_icmp6(const Frame& frame, base::Nanos now);
  template <typename Ip>
  Arrival answer_neighbour(Family<Ip>& family, const Frame& frame,
                           const std::optional<NeighbourMessage<Ip>>& message, base::Nanos now);
  template <typename Ip>
  void learn_from(Family<Ip>& family, const NeighbourMessage<Ip>& message, base::Nanos now);
  template <typename Ip>
  splice_core::Hop learn_station(const Family<Ip>& family, const Frame& frame);

  template <typename Ip>
  void ask(const Family<Ip>& family, const Ip& wanted, const std::optional<MacAddress>& known);
  template <typename Ip>
  bool announce_one(const Family<Ip>& family, std::size_t index);
  void watch_link(base::Nanos now);
  void announce(base::Nanos now);
  void send(Frame frame, std::uint32_t size);

  // Of no frame: longer than an address.
  static constexpr std::uint64_t kNoSource = ~std::uint64_t{0};

  Device& device_;
  MacAddress mac_;
  std::uint64_t mac_key_;
  bool announces_;
  Stations stations_;
  Family<splice_core::Ip4> v4_;
  Family<splice_core::Ip6> v6_;

  // Who sent the last frame: the next one is mostly of the same.
  std::uint64_t last_source_ = kNoSource;
  splice_core::Hop last_hop_ = splice_core::kNoHop;

  Allowance answers_;
  Allowance echoes_;
  base::Nanos next_tick_;
  bool link_up_ = false;
  int rounds_left_ = 0;        // Of announcements.
  std::size_t announced_ = 0;  // Of the addresses in this round.
  base::Nanos next_round_{0};
  LinkStats stats_;
};

}  // namespace backends::dpdk
