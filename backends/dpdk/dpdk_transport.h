// The transport contract over a splice core and the devices of one worker (docs/dpdk.md says what
// is different from the kernel's sockets). It asks its devices again and again and never sleeps in
// the kernel, unless it is told to. Owned by its worker; one thread, except wake().
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "backends/dpdk/datapath.h"
#include "backends/transport.h"
#include "backends/transport_factory.h"
#include "base/slab.h"

namespace backends::dpdk {

enum class Idle : std::uint8_t {
  kSpin,  // Asks the devices again at once.
  kSleep  // Sleeps for 50 us when nothing has come for a while.
};

struct DpdkTransportOptions {
  TransportOptions limits;  // pipes_* and receive_buffers_bytes mean nothing here.
  DatapathOptions datapath;
  splice_core::PortChoice choice;
  Idle idle = Idle::kSpin;
  // Kept until everything else is gone: what ties the worker's thread to the devices' driver.
  std::shared_ptr<void> place;
};

class DpdkTransport final : public Transport {
 public:
  // The devices outlive it.
  DpdkTransport(DpdkTransportOptions options, std::span<Device* const> devices);
  // Resets every connection, so that no endpoint keeps a stale one.
  ~DpdkTransport() override;

  std::string_view name() const override { return "dpdk"; }
  const TransportStats& stats() const override { return stats_; }
  std::span<const PacketNumber> packet_numbers() override;

  base::Result<ListenerId> listen(const ListenSpec& spec, Tag tag) override;
  base::Address local(ListenerId listener) const override;
  void pause(ListenerId listener, bool paused) override;
  void unlisten(ListenerId listener) override;

  Connection connect(const ConnectSpec& spec, Tag tag) override;
  void retag(ConnId conn, Tag tag) override;
  base::Address peer(ConnId conn) const override;
  base::Address local(ConnId conn) const override;
  base::Result<base::Address> original_destination(ConnId conn) const override;
  bool alive(ConnId conn) override;
  bool may_pool(ConnId client) override;
  void close(ConnId conn, CloseMode mode) override;
  // ENOTSUP, in the event: health checks go through the kernel.
  void exchange(ConnId conn, std::span<const std::byte> request, std::size_t reply_bytes_max,
                Tag tag) override;
  std::span<const std::byte> reply(ConnId conn) const override;

  void abort(RelayId relay) override;
  // The round trip is that of the upstream's handshake; retransmissions are the endpoints' own.
  PathFacts path(RelayId relay) override;

  std::span<const Event> poll(base::Nanos wait_max) override;
  base::Nanos now() const override { return now_; }
  void wake() override { woken_.store(true, std::memory_order_release); }

  Datapath& datapath() { return datapath_; }

 private:
  // A connection in the worker's hands.
  struct Entry {
    splice_core::LegId leg;
    Tag tag;
    base::IpPort peer;
    base::IpPort local;
    bool is_client = false;
    bool has_leg = true;  // False: the connect failed before there was one.
    bool fin_told = false;
    bool reset_told = false;
  };
  struct Listening {
    base::Address address;
    Tag tag;
    std::size_t backlog = 0;
    bool paused = false;
    bool draining = false;  // unlisten() was called: what is waiting is still delivered.
    bool stopped = false;   // kAcceptFailed was told, kAcceptResumed was not.
    std::deque<splice_core::LegId> waiting;
  };
  // What belongs to a pair; in the table by the pair's slot.
  struct Relaying {
    RelayProgress* progress = nullptr;  // Null: none.
    Tag tag;
    std::array<std::uint32_t, kDirections> acknowledged{};
    std::array<bool, kDirections> fin_counted{};
    std::uint32_t rtt_us = 0;
    std::uint16_t stamp = 0;
    bool sample_path = false;
  };
  // A connect that waits for the Ethernet address of its next station.
  struct Resolving {
    base::SlotId entry;
    base::IpPort remote;
  };

  RelayId start_relay(ConnId client, ConnId upstream, const RelaySpec& spec,
                      RelayProgress& progress, Tag tag) override;

  base::Result<void> start_connect(const ConnectSpec& spec, base::SlotId id);
  std::span<const base::IpPort> choose_sources(const ConnectSpec& spec,
                                               std::span<const base::IpPort> ours);
  void resolve();
  void round();
  void take_core_events();
  void take_leg_event(const splice_core::CoreEvent& event);
  void arrived(const splice_core::CoreEvent& event);
  void deliver_waiting();
  bool deliver_one(base::SlotId id, Listening& listening);
  void told_closed(base::SlotId id, Entry& entry, base::Errno error);
  Relaying* relaying(const splice_core::PairId& pair);
  void fold(Relaying& relaying, const splice_core::PairFacts& facts);
  void end_relay(const splice_core::PairId& pair, RelayEnd end,
                 const splice_core::PairFacts& facts);
  void erase(base::SlotId id);
  void emit(const Event& event) { events_.push_back(event); }
  bool idle_wait(base::Nanos deadline, std::size_t idle_rounds);
  void publish();

  DpdkTransportOptions options_;
  TransportStats stats_;
  base::Nanos now_;
  Datapath datapath_;
  base::Slab<Entry> entries_;
  base::Slab<Listening> listeners_;
  std::array<std::vector<Relaying>, 2> relays_;  // By family, then by the pair's slot.
  std::size_t relay_count_ = 0;
  std::size_t clients_ = 0;
  std::vector<Resolving> resolving_;
  std::vector<base::IpPort> sources_;  // Of the connect under way.
  std::vector<PacketNumber> numbers_;  // Of the last packet_numbers().
  std::vector<Event> owed_;            // For the next poll: refused connects, aborted relays.
  std::vector<Event> events_;          // The batch of the last poll.
  std::atomic<bool> woken_ = false;
};

}  // namespace backends::dpdk
