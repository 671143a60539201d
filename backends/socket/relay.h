// One relay of a kernel engine: two connections, two flows of bytes, and the rules by which FIN and
// RST pass from one side to the other. Relays live in SocketTransport's slab; RelayRunner moves
// their bytes when a socket is ready for it. The worker's thread only.
//
// Bytes go through the worker's one buffer: one recv(2), one send(2), no probe for EAGAIN. What the
// receiver does not take stays in that buffer, which the flow then keeps, and its source is not
// read until it is gone: the sender feels it. A flow that moves bulk splices instead, through a
// borrowed pipe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "backends/socket/bulk_rule.h"
#include "backends/socket/held_buffers.h"
#include "backends/socket/pipe_pool.h"
#include "backends/socket/socket_connection.h"
#include "backends/transport.h"
#include "base/errno.h"
#include "base/time.h"

namespace backends::socket {

// Indices of Relay::sides: each is the source of the direction with the same index.
inline constexpr std::size_t kClientSide = index_of(Direction::kToUpstream);
inline constexpr std::size_t kUpstreamSide = index_of(Direction::kToClient);

// One direction.
struct Flow {
  enum class Stage : std::uint8_t {
    kFlowing,   // The source may send more.
    kEnding,    // Its FIN was read; held bytes come before it.
    kFinished,  // The FIN was passed on.
    kCutting,   // The source was reset, and every byte before that was read; held bytes come first.
    kCut,       // They are in the receiver's send queue; its RST has to wait for them there.
    kDropped    // The receiver was reset: nobody is left to deliver to.
  };

  // Bytes read and not yet taken by the receiver: in kept buffers, or in a borrowed pipe, or in
  // both when a pipe had to be emptied by hand.
  std::unique_ptr<Buffer> kept;
  Pipe* pipe = nullptr;  // It knows how many bytes it holds.
  Stage stage = Stage::kFlowing;
  BulkRule rule;
  // The engine's own: not 0 while it has bytes of this flow on their way itself.
  std::uint16_t batch = 0;

  std::size_t piped() const { return pipe == nullptr ? 0 : pipe->held; }
  bool holds() const { return kept != nullptr || piped() != 0 || batch != 0; }
};

struct Relay {
  // What to do with a relay after it was run.
  enum class Next : std::uint8_t {
    kWait,    // For an event.
    kAgain,   // It used up its share of this poll and has more.
    kLinger,  // A reset waits until the bytes before it have left our send queue.
    kEnd      // Over: close both and deliver kRelayDone.
  };

  std::array<SocketConnection*, kDirections>
      sides{};  // Client, upstream. Slab addresses are stable.
  std::array<base::SlotId, kDirections> connections{};  // Their names.
  std::array<Flow, kDirections> flows;
  RelayProgress* progress = nullptr;
  std::uint64_t skip = 0;  // Of the client's bytes, still to be dropped.
  Tag tag;
  base::Errno error = base::Errno::kNone;
  std::uint16_t preamble = 0;  // Kept bytes to the upstream that are not payload.
  RelayEnd end = RelayEnd::kBothClosed;
  ReturnUnused return_unused = ReturnUnused::kNever;
  bool sample_path = false;
  bool queued = false;     // On the transport's ready list.
  bool lingering = false;  // On its list of pending resets.
  // The engine's own: how it moves the bytes now, and for how many runs nothing was in the way.
  std::uint8_t mode = 0;
  std::uint8_t calm = 0;

  SocketConnection& source(std::size_t direction) { return *sides[direction]; }
  SocketConnection& receiver(std::size_t direction) { return *sides[1 - direction]; }
};

class RelayRunner {
 public:
  // All outlive the runner.
  RelayRunner(HeldBuffers& buffers, PipePool& pipes, TransportStats& stats)
      : buffers_(buffers), pipes_(pipes), stats_(stats) {}

  // Puts the preamble before the client's bytes. False: no memory.
  bool start(Relay& relay, std::span<const std::byte> preamble);

  // Moves what can be moved now.
  Relay::Next run(Relay& relay, base::Nanos now);

  // The engine cannot go on with this relay: it ends with RST to both.
  void fail(Relay& relay, base::Errno error);

  // The kernel said kHasError of a side. Where nothing is read from it any more, nobody else would
  // find out.
  void look_for_reset(Relay& relay, std::size_t side);

  // How both sides are to be closed once run() said kEnd.
  static CloseMode close_mode(const Relay& relay, std::size_t side);

  // Gives back what the relay holds.
  void release(Relay& relay);

  // For an engine that moves bytes itself as well, between two runs. Delivered: they count as
  // payload that moved. Kept: bytes that the receiver did not take go behind those that the flow
  // holds; false: no memory.
  void delivered(Relay& relay, std::size_t direction, std::size_t bytes, Method method,
                 base::Nanos now);
  bool keep(Relay& relay, std::size_t direction, std::span<const std::byte> bytes);
  // Nothing more will come from the direction's source, and every byte before that was received:
  // it said FIN, or what is noted in its `lost` happened.
  void source_ended(Relay& relay, std::size_t direction);
  // A send found that the other side is gone.
  void receiver_lost(Relay& relay, std::size_t direction, base::Errno error) {
    side_lost(relay, 1 - direction, error);
  }

 private:
  enum class Step : std::uint8_t { kMoved, kBlocked };

  void pump(Relay& relay, std::size_t direction, base::Nanos now, bool& more);
  Step deliver_held(Relay& relay, std::size_t direction, base::Nanos now);
  Step copy(Relay& relay, std::size_t direction, base::Nanos now, std::size_t& budget);
  Step splice(Relay& relay, std::size_t direction, base::Nanos now, std::size_t& budget);
  Step drain_pipe(Relay& relay, std::size_t direction, base::Nanos now);
  Step unpipe(Relay& relay, std::size_t direction);
  bool get_pipe(Flow& flow, base::Nanos now);
  void put_pipe(Flow& flow);
  void refuse_splice(Flow& flow);

  bool unused(const Relay& relay, std::size_t direction);
  void side_lost(Relay& relay, std::size_t side, base::Errno error);
  void pass_ending(Relay& relay, std::size_t direction, base::Nanos now);
  void drop_held(Flow& flow);
  Relay::Next verdict(const Relay& relay, bool more) const;
  void count(Syscall call) { ++stats_.syscalls[static_cast<std::size_t>(call)]; }

  HeldBuffers& buffers_;
  PipePool& pipes_;
  TransportStats& stats_;
};

}  // namespace backends::socket
