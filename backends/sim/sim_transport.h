// The simulator's engine: the transport contract over a SimNetwork, in virtual time, with faults
// from the network's seed. Runs the whole proxy in tests; linked into nothing else.
// Owned by the test (one for each worker); one thread. Only wake() may come from another one.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "backends/sim/sim_exchange.h"
#include "backends/sim/sim_faults.h"
#include "backends/sim/sim_network.h"
#include "backends/sim/sim_relay.h"
#include "backends/transport.h"
#include "backends/transport_factory.h"
#include "base/slab.h"

namespace backends {

// Who moves virtual time; sim_network.h explains the two.
enum class SimClock : std::uint8_t { kOwn, kDriven };

struct SimTransportOptions {
  TransportOptions limits;  // pipes_* mean nothing here.
  SimClock clock = SimClock::kOwn;
  SimFaults faults;
};

// Who was joined with whom, by the numbers of the far ends' sockets: for checkers.
struct SimPair {
  std::uint64_t client = 0;
  std::uint64_t upstream = 0;
};

class SimTransport final : public Transport, private SimOwner {
 public:
  // network must outlive the transport.
  SimTransport(SimNetwork& network, const SimTransportOptions& options);
  SimTransport(const SimTransport&) = delete;
  SimTransport& operator=(const SimTransport&) = delete;
  ~SimTransport() override;

  std::string_view name() const override { return "sim"; }
  const TransportStats& stats() const override { return stats_; }

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
  void close(ConnId conn, CloseMode mode) override;
  void exchange(ConnId conn, std::span<const std::byte> request, std::size_t reply_bytes_max,
                Tag tag) override;
  std::span<const std::byte> reply(ConnId conn) const override;

  void abort(RelayId relay) override;
  PathFacts path(RelayId relay) override;

  // kOwn: moves the network on until there is an event or wait_max is over; with kForever and
  // nothing left to happen it really waits for a wake(). kDriven: takes what there is.
  std::span<const Event> poll(base::Nanos wait_max) override;
  base::Nanos now() const override { return now_; }
  void wake() override;

  // --- For the driver (kDriven).
  // True when poll() has something to look at, or the wait it was last given is over.
  bool runnable() const;
  // The end of that wait; nothing when it was kForever.
  std::optional<base::Nanos> deadline() const { return deadline_; }
  // The simulated socket under a connection: the handle of SimNetwork::cut().
  SimSocketId socket_of(ConnId conn) const { return entry(conn).socket; }
  // Every relay ever started, in order.
  const std::vector<SimPair>& pairs() const { return pairs_; }
  const SimFaults& faults() const { return options_.faults; }
  void set_faults(const SimFaults& faults) { options_.faults = faults; }

 private:
  struct Entry {
    enum class State : std::uint8_t { kConnecting, kOpen, kFailed, kRelayed };
    State state = State::kConnecting;
    bool accepted = false;
    bool ready = false;  // It is in ready_.
    bool fin_told = false;
    bool reset_told = false;
    Tag tag;
    SimSocketId socket;
    base::SlotId relay;  // kRelayed only.
  };
  struct Listening {
    enum class State : std::uint8_t { kOpen, kPaused, kDraining };
    SimListenerId listener;
    Tag tag;
    State state = State::kOpen;
    bool stopped = false;  // kAcceptFailed was told, kAcceptResumed was not.
    bool ready = false;
  };
  struct Relaying {
    Relaying(const SimRelay& moves, Tag of, base::SlotId from, base::SlotId to)
        : relay(moves), tag(of), client(from), upstream(to) {}
    SimRelay relay;
    Tag tag;
    base::SlotId client;
    base::SlotId upstream;
    bool ready = false;
  };
  enum class Kind : std::uint8_t { kConnection, kListener, kRelay };
  // Something to look at in the next poll.
  struct Ready {
    Kind kind;
    base::SlotId id;
  };

  // SimOwner. The cookie is a slot and a generation.
  void socket_ready(std::uint64_t cookie) override;
  void listener_ready(std::uint64_t cookie) override;

  RelayId start_relay(ConnId client, ConnId upstream, const RelaySpec& spec,
                      RelayProgress& progress, Tag tag) override;

  const Entry& entry(ConnId conn) const;
  Entry& entry(ConnId conn);
  template <typename Object>
  void mark(Object& object, Kind kind, base::SlotId id);
  bool has_work() const;
  void wait(base::Nanos wait_max);
  void shuffle_ready();
  void look_at(const Ready& ready);
  void look_at_connection(base::SlotId id);
  void look_at_listener(base::SlotId id);
  void look_at_relay(base::SlotId id);
  bool accept_one(Listening& listening);
  std::optional<AcceptFailure> no_room() const;
  void refuse_clients(Listening& listening, AcceptFailure failure);
  void forget(base::SlotId id);
  void forget_relay(base::SlotId id, RelayEnd end);
  void emit(const Event& event);
  void count(Syscall call) { ++stats_.syscalls[static_cast<std::size_t>(call)]; }

  SimNetwork& network_;
  SimTransportOptions options_;
  TransportStats stats_;
  base::Nanos now_;
  std::optional<base::Nanos> deadline_ = base::Nanos{0};  // Runnable from the start.
  std::size_t clients_ = 0;
  base::Slab<Entry> entries_;
  base::Slab<Listening> listeners_;
  base::Slab<Relaying> relays_;
  SimExchanges exchanges_;
  std::vector<Ready> ready_;
  std::vector<Event> owed_;  // Not of an object of ours any more: aborted relays, refused connects.
  std::vector<Event> events_;  // The batch of the last poll.
  std::vector<SimPair> pairs_;
  std::atomic<bool> woken_ = false;
};

}  // namespace backends
