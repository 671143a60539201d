// The io_uring engine: one worker's transport on io_uring(7).
// Made on the worker's thread and used only there, except wake().
//
// A relay whose two sides only send small pieces to each other is served by completions: a
// multishot receive on each side brings bytes in lent buffers, and one send request takes all that
// came for a receiver in one batch. Such sends never wait (MSG_DONTWAIT) and are quiet when they
// succeed, so when the call that handed them over returns, everything that has left no completion
// has been sent and its buffers go back: an idle relay holds none, and no send is ever in flight
// between two batches.
//
// Everything else (bulk, a slow receiver, a preamble) is served by readiness, as on the epoll
// engine and with the same code (socket/relay.h), which also knows what FIN and RST mean: the
// receives are taken back, multishot polls take their place, and splice(2), recv(2), send(2) and
// shutdown(2) are called directly; the kernel's requests for splice and shutdown would go through a
// thread of their own. A relay that has been calm for a while goes back to completions.
//
// A multishot receive may miss a reset: with more bytes waiting than it takes in one run (33
// buffers) and the RST behind them, it reads the bytes in two runs, counts all wakes as heard, and
// waits for another that never comes (kernel 6.18: one of a hundred clients that reset in the
// middle of 700 KB, tests/backends/io_uring/uring_relay_test.cc). FIN is not missed. So a
// connection that has brought bytes is asked for its error once it has been silent for a moment.
#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "backends/io_uring/buffer_ring.h"
#include "backends/io_uring/ring.h"
#include "backends/io_uring/send_batches.h"
#include "backends/io_uring/token.h"
#include "backends/io_uring/uring_door.h"
#include "backends/socket/socket_transport.h"

namespace backends::io_uring {

class UringTransport final : public socket::SocketTransport {
 public:
  // wake_fd is an eventfd(2); claims outlives the transport.
  UringTransport(const TransportOptions& options, const socket::Claims& claims,
                 std::unique_ptr<Ring> ring, std::unique_ptr<BufferRing> buffers,
                 base::UniqueFd wake_fd);
  ~UringTransport() override;

  std::string_view name() const override { return "io_uring"; }

 private:
  // How a relay is served: socket::Relay::mode.
  enum class Mode : std::uint8_t {
    kReadiness,  // By polls and the shared RelayRunner.
    kCompletion,
    kLeaving  // Its receives are being taken back, and then it is served by readiness.
  };
  // Runs without anything in the way before a relay goes back to completions: one that goes to and
  // fro would pay for both.
  static constexpr std::uint8_t kCalmRuns = 8;
  // A missed reset is found after one to two of these. Long against a round trip, so that a busy
  // connection is hardly ever asked; short against what people call a hang.
  static constexpr base::Nanos kDoubtInterval = std::chrono::milliseconds(100);
  // System calls of one look, so that many that fall silent together do not hold up the others.
  static constexpr std::size_t kDoubtsPerLook = 256;
  // Looks for completions that found no place in the queue, before the next poll has to.
  static constexpr int kOverflowRounds = 16;
  // Looks at the completions of a transport that is going away before it gives up.
  static constexpr int kFarewellRounds = 1000;

  bool watch(base::SlotId id, socket::SocketConnection& connection) override;
  void watch_exchange(base::SlotId id, socket::SocketConnection& connection) override;
  void watch_returned(base::SlotId id, socket::SocketConnection& connection) override;
  bool close_descriptor(base::SlotId id, socket::SocketConnection& connection) override;
  void begin_relay(base::SlotId id, socket::Relay& relay) override;
  void relay_ran(base::SlotId id, socket::Relay& relay) override;
  bool has_work() const override;
  base::Nanos wait(base::Nanos wait_max) override;
  void handle_collected() override;

  // Requests and their ends (uring_transport.cc).
  void arm_poll(Op op, base::SlotId id, socket::SocketConnection& connection, unsigned events,
                bool again_and_again);
  void arm_receive(base::SlotId id, socket::SocketConnection& connection);
  void cancel(Op op, base::SlotId id, socket::SocketConnection& connection);
  void request_cancel(Op op, base::SlotId id);
  void arm_watches(std::vector<base::SlotId>& waiting);
  void retry_cancels();
  void collect();
  void on_completion(const io_uring_cqe& completion);
  void on_poll(const io_uring_cqe& completion, Token token);
  void on_receive(const io_uring_cqe& completion, base::SlotId id);
  void on_failed_cancel(base::SlotId id);
  // The connection, if it is still somebody's; one that waited only for this is forgotten.
  socket::SocketConnection* ended(Op op, base::SlotId id, bool more);

  // Relays (uring_relay.cc).
  void received(base::SlotId id, socket::SocketConnection& connection, BufferId buffer,
                std::size_t bytes);
  void settle_sends();
  void settle(const Batch& batch);
  void keep_unsent(socket::Relay& relay, const Batch& batch, std::size_t sent);
  void send_batches();
  void send_batch(std::size_t place);
  void give_back(const Batch& batch);
  void serve_by_completions(base::SlotId id, socket::Relay& relay);
  void leave_completions(base::SlotId id, socket::Relay& relay);
  void end_source(base::SlotId id, socket::Relay& relay, std::size_t direction);
  void finish_leaving();
  bool may_use_completions(const socket::Relay& relay) const;
  void feed_starved();
  void doubt(base::SlotId id, socket::SocketConnection& connection);
  void look_at_doubted();
  bool still_doubted(base::SlotId id, std::size_t& looks);
  static Mode mode_of(const socket::Relay& relay) { return static_cast<Mode>(relay.mode); }

  std::unique_ptr<BufferRing> buffers_;  // Outlives the ring, which may still write into it.
  std::unique_ptr<Ring> ring_;
  UringDoor door_;
  SendBatches batches_;

  std::vector<io_uring_cqe> collected_;
  // Connections in the worker's hands, since this poll and since the one before. Most of them are
  // in a relay before anybody needs to watch them.
  std::vector<base::SlotId> unwatched_;
  std::vector<base::SlotId> unwatched_before_;
  std::deque<base::SlotId> starved_;       // Connections whose receive found no buffer.
  std::vector<base::SlotId> leaving_;      // Relays in Mode::kLeaving.
  std::vector<base::SlotId> doubted_;      // Connections that brought bytes.
  base::Nanos next_doubts_{0};             // When they are looked at.
  std::vector<base::SlotId> uncancelled_;  // Connections with requests to be taken back again.
  std::size_t armed_ = 0;                  // Requests that the kernel holds, accepts left out.
};

}  // namespace backends::io_uring
