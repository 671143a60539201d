// One relay of a simulated transport: moves bytes between two simulated sockets with bounded held
// bytes, and keeps half-close and reset exact. It never closes a relay by itself for another
// reason. Owned by SimTransport; its worker's thread.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "backends/sim/byte_queue.h"
#include "backends/sim/sim_faults.h"
#include "backends/sim/sim_network.h"
#include "backends/transport.h"

namespace backends {

class SimRelay {
 public:
  // At most so many bytes are read from one side and not yet taken by the other.
  static constexpr std::size_t kHeldMax = 16U << 10U;
  // At most so many bytes are moved in one poll and direction: one relay does not starve the rest.
  static constexpr std::size_t kBudget = 64U << 10U;

  struct Outcome {
    // Set once: both sockets are closed then; after kUnused the upstream's is not.
    std::optional<RelayEnd> end;
    base::Errno error = base::Errno::kNone;
    bool more = false;  // There is more to do at once.
  };

  // progress must stay in its place for the relay's life.
  SimRelay(SimNetwork& network, SimSocketId client, SimSocketId upstream, const RelaySpec& spec,
           RelayProgress& progress);

  // Moves what can be moved now. stats: the engine's counters.
  Outcome pump(const SimFaults& faults, TransportStats& stats);
  // RST to both sides at once.
  void reset_both();

  std::size_t held_bytes() const;
  // Of the way to the upstream; sampled(): only where RelaySpec asked for it.
  PathFacts path() const { return path_; }
  PathFacts sampled() const { return sample_path_ ? path_ : PathFacts{}; }
  bool reset_pending() const { return reset_by_.has_value(); }

 private:
  enum class Side : std::uint8_t { kClient, kUpstream };
  struct Flow {
    ByteQueue held;
    std::uint64_t skip = 0;          // Bytes of the source still to be dropped.
    bool finished = false;           // The source's FIN was passed on.
    std::size_t preamble_bytes = 0;  // Of held: not the client's payload.
  };

  static constexpr std::array kSides = {Side::kClient, Side::kUpstream};
  static Side source_of(Direction direction);
  static Side sink_of(Direction direction);

  SimSocketId socket_id(Side side) const { return sockets_[static_cast<std::size_t>(side)]; }
  const SimSocket& socket(Side side) const { return network_.socket(socket_id(side)); }

  void notice_resets();
  void move(Direction direction, const SimFaults& faults, TransportStats& stats);
  std::size_t fill(Direction direction, std::size_t budget, const SimFaults& faults,
                   TransportStats& stats);
  void drain(Direction direction, const SimFaults& faults, TransportStats& stats);
  void pass_on_fin(Direction direction);
  bool more_to_do() const;
  std::optional<RelayEnd> finish_reset();
  bool unused() const;

  SimNetwork& network_;
  std::array<SimSocketId, 2> sockets_;
  std::array<Flow, kDirections> flows_;
  RelayProgress& progress_;
  ReturnUnused return_unused_;
  PathFacts path_;
  bool sample_path_;
  std::optional<Side> reset_by_;  // The side whose RST arrived first.
};

}  // namespace backends
