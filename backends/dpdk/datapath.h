// One worker's packets: from its devices through the link layer into the splice core, and out
// again. What the lab measures and what the transport stands on. One thread, the one that made it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backends/dpdk/capture.h"
#include "backends/dpdk/device.h"
#include "backends/dpdk/gossip.h"
#include "backends/dpdk/link.h"
#include "backends/dpdk/own_address.h"
#include "backends/dpdk/routes.h"
#include "backends/dpdk/splice_core/splice_core.h"
#include "base/time.h"

namespace backends::dpdk {

struct DatapathOptions {
  splice_core::CoreOptions core;
  std::vector<PortAddress> addresses;  // Ours; `port` is the place of the device.
  bool announces = true;               // One worker of each port.
  std::uint64_t seed = 0;              // Of the link layer's tables.
  std::unique_ptr<Capture> capture;    // Null: none.
  // Where several workers share the ports; outlives this. Null: nobody else is on them.
  Gossip* gossip = nullptr;
  std::size_t worker = 0;  // Whose mailbox is ours.
};

// Which way an address of somebody else is.
struct Way {
  Reach reach = Reach::kUnreachable;
  splice_core::Hop hop = splice_core::kNoHop;  // kKnown only.
  std::span<const base::IpPort> sources;       // Of ours, to connect from. Until the next way_to().
};

// How much time packets take: every so many-th burst is measured.
inline constexpr std::uint32_t kSampledBursts = 64;
struct DatapathStats {
  std::uint64_t rounds = 0;
  std::uint64_t bursts = 0;  // With at least one frame.
  std::uint64_t sampled_packets = 0;
  std::uint64_t gossip_lost = 0;  // Another worker's mailbox was full.
  base::Nanos sampled{0};  // For all of them: link layer, core, and handing over to the device.
};

class Datapath final : private splice_core::Outbox {
 public:
  // devices[i] is port i, at most kPortsMax; they outlive this. `now` is the time of its making.
  Datapath(DatapathOptions options, std::span<Device* const> devices,
           splice_core::PortChoice choice, base::Nanos now);
  ~Datapath() override;

  // Time, timers, and one burst of each device. Returns the frames that came.
  std::size_t round(base::Nanos now);
  // Sends what calls of the core between two rounds have made.
  void flush();

  splice_core::SpliceCore& core() { return core_; }
  // Asks for the next station where it is not known: try again, the answer comes in a round().
  Way way_to(const base::IpPort& address);

  std::size_t ports() const { return ports_.size(); }
  Device& device(std::size_t port) { return *ports_[port].device; }
  LinkStats link_stats(std::size_t port) const { return ports_[port].link->stats(); }
  const DatapathStats& stats() const { return stats_; }
  const Capture* capture() const { return capture_.get(); }

 private:
  struct Port {
    Device* device = nullptr;
    std::unique_ptr<Link> link;
    // Frames on their way out; their Ethernet headers are written last, when the packets are
    // complete.
    std::array<Frame, kBurstMax> outgoing{};
    std::array<splice_core::Hop, kBurstMax> hops{};
    std::size_t waiting = 0;
  };

  std::byte* segment(std::size_t size, splice_core::Hop hop) override;
  std::size_t receive_from(Port& port, base::Nanos now);
  void queue(const Frame& frame, std::uint32_t size, splice_core::Hop hop);
  void flush(Port& port);
  template <typename Ip>
  Way way_of(const Routes<Ip>& routes, const base::IpPort& address);
  void offer(std::span<const Frame> frames);
  void tell_others(std::size_t port, std::span<const Frame> frames);

  std::vector<Port> ports_;
  Routes<splice_core::Ip4> routes4_;
  Routes<splice_core::Ip6> routes6_;
  std::vector<base::IpPort> sources_;  // Of the last way_to().
  std::unique_ptr<Capture> capture_;
  Gossip* gossip_;
  std::size_t worker_;
  base::Nanos now_;
  base::Nanos next_tick_{0};
  DatapathStats stats_;
  // The burst on its way; kept, because clearing it costs as much as a packet.
  std::array<Frame, kBurstMax> frames_;
  std::array<splice_core::Packet, kBurstMax> packets_;
  std::array<std::uint8_t, kBurstMax> frame_of_;  // Of each packet.
  std::array<Frame, kBurstMax> freed_;
  splice_core::SpliceCore core_;
};

}  // namespace backends::dpdk
