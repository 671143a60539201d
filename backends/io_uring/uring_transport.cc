#include "backends/io_uring/uring_transport.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/assert.h"

namespace backends::io_uring {
namespace {

using State = socket::SocketConnection::State;

// Of one look, of which room is reserved: the kernel ends some 20 requests in one call, and a
// receive makes up to 33 completions. More of them make it larger, once.
constexpr std::size_t kUsualCompletions = 1024;

// POLLERR and POLLHUP are always told.
constexpr unsigned kConnected = socket::kCanWrite;
constexpr unsigned kAnEnd = socket::kSaidEnd;
constexpr unsigned kEverything =
    socket::kCanRead | socket::kCanWrite | socket::kUrgent | socket::kSaidEnd;

constexpr std::uint8_t kConnectionOps =
    bit_of(Op::kWatch) | bit_of(Op::kReady) | bit_of(Op::kReceive);

}  // namespace

UringTransport::UringTransport(const TransportOptions& options, const socket::Claims& claims,
                               std::unique_ptr<Ring> ring, std::unique_ptr<BufferRing> buffers,
                               base::UniqueFd wake_fd)
    : SocketTransport(options, claims, door_, std::move(wake_fd), kUsualCompletions),
      buffers_(std::move(buffers)),
      ring_(std::move(ring)),
      door_(*ring_, stats_, std::min(options.clients_max, options.connections_max)),
      batches_(buffers_->count()) {
  CHECK(connections_.capacity() < (1U << Token::kSlotBits));
  stats_.buffers_max = buffers_->count();
  collected_.reserve(kUsualCompletions);
  socket::SocketConnection wake;
  wake.fd = wake_fd_.get();
  arm_poll(Op::kWake, {}, wake, socket::kCanRead, true);
}

UringTransport::~UringTransport() {
  close_everything();
  door_.close_all();
  request_cancel(Op::kWake, {});
  // The kernel ends what it holds only when it is asked for completions; until then sockets stay
  // open, and a lent buffer could still be written to.
  for (int round = 0; round < kFarewellRounds && armed_ + door_.armed() != 0; ++round) {
    ring_->collect();
    collect();
    for (const io_uring_cqe& completion : collected_) on_completion(completion);
    collected_.clear();
  }
}

// ---- What the shared part asks for.

bool UringTransport::watch(base::SlotId id, socket::SocketConnection& connection) {
  if (connection.state == State::kConnecting) {
    arm_poll(Op::kWatch, id, connection, kConnected, false);
  } else {
    unwatched_.push_back(id);
  }
  return true;
}

void UringTransport::watch_exchange(base::SlotId id, socket::SocketConnection& connection) {
  connection.readable = connection.writable = true;  // A try tells.
  arm_poll(Op::kReady, id, connection, kEverything, true);
}

void UringTransport::watch_returned(base::SlotId id, socket::SocketConnection& connection) {
  const bool watched = (connection.armed & ~connection.cancelling & bit_of(Op::kReady)) != 0;
  if (!watched) unwatched_.push_back(id);
}

bool UringTransport::close_descriptor(base::SlotId id, socket::SocketConnection& connection) {
  for (const Op op : {Op::kWatch, Op::kReady, Op::kReceive}) cancel(op, id, connection);
  // Behind everything that was asked for it, a last send included.
  io_uring_sqe& closing = ring_->request();
  io_uring_prep_close(&closing, connection.fd);
  closing.user_data = Token{.op = Op::kClose, .id = id}.pack();
  closing.flags = IOSQE_CQE_SKIP_SUCCESS;
  connection.fd = -1;
  return connection.armed == 0;
}

bool UringTransport::has_work() const {
  return !collected_.empty() || !starved_.empty() || !uncancelled_.empty() || door_.has_waiting();
}

// A call that does not wait comes first: it hands over and lets the kernel finish what is due. Only
// when that brings nothing there is nothing to do.
base::Nanos UringTransport::wait(base::Nanos wait_max) {
  retry_cancels();
  arm_watches(unwatched_before_);
  std::swap(unwatched_, unwatched_before_);
  buffers_->publish();
  ring_->collect();
  collect();
  for (int round = 0; round < kOverflowRounds && ring_->has_overflowed(); ++round) {
    ring_->collect();
    collect();
  }
  base::Nanos slept{0};
  if (!doubted_.empty()) wait_max = std::clamp(next_doubts_ - now(), base::Nanos{0}, wait_max);
  if (collected_.empty() && wait_max.count() != 0) {
    // With what was sent the buffers go back before the sleep, and whoever is in the worker's hands
    // for longer than a moment is watched.
    settle_sends();
    buffers_->publish();
    arm_watches(unwatched_before_);
    if (leaving_.empty() && !has_events()) {
      const base::Nanos before = base::monotonic_now();
      ring_->wait(wait_max);
      slept = base::monotonic_now() - before;
    } else {
      ring_->collect();
    }
    collect();
  }
  stats_.buffers_in_use = buffers_->in_use();
  const Ring::Counts& counts = ring_->counts();
  stats_.submissions = counts.submissions;
  stats_.completions = counts.completions;
  stats_.completions_overflowed = counts.overflows;
  stats_.syscalls[static_cast<std::size_t>(Syscall::kEnter)] = counts.enters;
  return slept;
}

void UringTransport::handle_collected() {
  settle_sends();
  // The kernel could not take all that was handed over (it was out of memory), or could not yet say
  // what became of it: what came meanwhile has to wait, because it comes behind.
  if (!batches_.sending().empty()) return;
  feed_starved();
  for (const io_uring_cqe& completion : collected_) on_completion(completion);
  collected_.clear();
  for (const base::SlotId listener : door_.waiting()) {
    accept_burst(listener);
    door_.after_burst(listener);
  }
  door_.set_room(client_room());
  send_batches();
  if (!doubted_.empty() && now() >= next_doubts_) look_at_doubted();
  finish_leaving();
  stats_.buffers_in_use = buffers_->in_use();
}

// ---- Requests.

void UringTransport::arm_poll(Op op, base::SlotId id, socket::SocketConnection& connection,
                              unsigned events, bool again_and_again) {
  if ((connection.armed & bit_of(op)) != 0) return;
  io_uring_sqe& poll = ring_->request();
  if (again_and_again) {
    io_uring_prep_poll_multishot(&poll, connection.fd, events);
  } else {
    io_uring_prep_poll_add(&poll, connection.fd, events);
  }
  poll.user_data = Token{.op = op, .id = id}.pack();
  connection.armed |= bit_of(op);
  ++armed_;
}

void UringTransport::arm_receive(base::SlotId id, socket::SocketConnection& connection) {
  if ((connection.armed & bit_of(Op::kReceive)) != 0) return;
  io_uring_sqe& receive = ring_->request();
  io_uring_prep_recv_multishot(&receive, connection.fd, nullptr, 0, 0);
  receive.flags = IOSQE_BUFFER_SELECT;
  receive.buf_group = kBufferGroup;
  receive.user_data = Token{.op = Op::kReceive, .id = id}.pack();
  connection.armed |= bit_of(Op::kReceive);
  ++armed_;
}

void UringTransport::cancel(Op op, base::SlotId id, socket::SocketConnection& connection) {
  const auto bit = bit_of(op);
  if ((connection.armed & bit) == 0 || (connection.cancelling & bit) != 0) return;
  connection.cancelling |= bit;
  request_cancel(op, id);
}

void UringTransport::request_cancel(Op op, base::SlotId id) {
  io_uring_sqe& cancelling = ring_->request();
  io_uring_prep_cancel64(&cancelling, Token{.op = op, .id = id}.pack(), 0);
  cancelling.user_data = Token{.op = Op::kCancel, .id = id}.pack();
  cancelling.flags = IOSQE_CQE_SKIP_SUCCESS;
  ++stats_.cancellations;
}

void UringTransport::arm_watches(std::vector<base::SlotId>& waiting) {
  for (const base::SlotId id : waiting) {
    socket::SocketConnection* found = connections_.find(id);
    if (found == nullptr || found->state != State::kOpen) continue;
    // Many times: a FIN is one end, and a reset behind it another. (A poll that is made for each
    // would tell of the same FIN for ever: the kernel adds POLLRDHUP to whatever is asked for.)
    arm_poll(Op::kWatch, id, *found, kAnEnd, true);
  }
  waiting.clear();
}

// A request that was just running could not be found. It is asked for again until it has ended.
void UringTransport::retry_cancels() {
  for (const base::SlotId id : uncancelled_) {
    socket::SocketConnection* found = connections_.find(id);
    if (found == nullptr) continue;
    for (const Op op : {Op::kWatch, Op::kReady, Op::kReceive}) {
      if ((found->armed & found->cancelling & bit_of(op)) != 0) request_cancel(op, id);
    }
  }
  uncancelled_.clear();
}

// ---- Completions.

void UringTransport::collect() {
  ring_->drain([this](const io_uring_cqe& completion) {
    const Token token = Token::unpack(completion.user_data);
    if (token.op != Op::kSend) {
      collected_.push_back(completion);
      return;
    }
    Batch& batch = batches_.sending()[token.id.slot];
    batch.failed = true;
    batch.result = completion.res;
  });
}

void UringTransport::on_completion(const io_uring_cqe& completion) {
  const Token token = Token::unpack(completion.user_data);
  const bool more = (completion.flags & IORING_CQE_F_MORE) != 0;
  switch (token.op) {
    case Op::kWake:
      if (!more) --armed_;
      if (completion.res < 0) break;
      on_wake();
      if (!more) {
        socket::SocketConnection wake;
        wake.fd = wake_fd_.get();
        arm_poll(Op::kWake, {}, wake, socket::kCanRead, true);
      }
      break;
    case Op::kAccept:
      door_.on_accept(token.id, completion.res, more);
      break;
    case Op::kKnock:
      door_.on_knock(token.id, completion.res, more);
      break;
    case Op::kWatch:
    case Op::kReady:
      on_poll(completion, token);
      break;
    case Op::kReceive:
      on_receive(completion, token.id);
      break;
    case Op::kCancel:
      on_failed_cancel(token.id);
      break;
    case Op::kCancelAccept:
      door_.on_failed_cancel(token.id);
      break;
    case Op::kSend:  // Taken out by collect().
    case Op::kClose:
      break;
  }
}

socket::SocketConnection* UringTransport::ended(Op op, base::SlotId id, bool more) {
  if (!more) --armed_;
  socket::SocketConnection* found = connections_.find(id);
  if (found == nullptr) {
    ++stats_.stale_events;
    return nullptr;
  }
  if (!more) {
    found->armed = static_cast<std::uint8_t>(found->armed & ~bit_of(op));
    found->cancelling = static_cast<std::uint8_t>(found->cancelling & ~bit_of(op));
  }
  if (found->state != State::kClosing) return found;
  ++stats_.stale_events;
  if ((found->armed & kConnectionOps) == 0) forget_closed(id);
  return nullptr;
}

void UringTransport::on_poll(const io_uring_cqe& completion, Token token) {
  const bool more = (completion.flags & IORING_CQE_F_MORE) != 0;
  socket::SocketConnection* connection = ended(token.op, token.id, more);
  if (connection == nullptr) return;
  auto events = completion.res > 0 ? static_cast<socket::Readiness>(completion.res) : 0U;
  const bool hung_up = (events & (socket::kHungUp | socket::kHasError)) != 0;
  if (connection->state == State::kRelayed) {
    socket::Relay& relay = relays_[connection->relay];
    // A receive tells of the end, in order with the bytes; of what comes after a FIN only a poll
    // can.
    if (mode_of(relay) != Mode::kReadiness) {
      const auto stage = relay.flows[connection->side].stage;
      if (hung_up && stage != socket::Flow::Stage::kFlowing) {
        leave_completions(connection->relay, relay);
      }
      return;
    }
    // Also one that was taken back while the relay was served by completions for a moment.
    if (!more && token.op == Op::kReady && !hung_up) {
      arm_poll(Op::kReady, token.id, *connection, kEverything, true);
    }
  }
  if (events == 0) return;
  // The kernel passes on what woke it, and TCP wakes for "bytes, urgent ones perhaps" every time.
  if ((events & socket::kUrgent) != 0 && !connection->urgent) {
    count(Syscall::kPoll);
    if (!socket::has_urgent(connection->fd)) events &= ~socket::kUrgent;
  }
  on_ready(token.id, events);
  if (token.op != Op::kWatch || more || hung_up) return;
  // Connected; from now on its ends are of interest.
  connection = connections_.find(token.id);
  if (connection != nullptr && connection->state == State::kOpen) unwatched_.push_back(token.id);
}

void UringTransport::on_receive(const io_uring_cqe& completion, base::SlotId id) {
  const bool more = (completion.flags & IORING_CQE_F_MORE) != 0;
  const bool has_buffer = (completion.flags & IORING_CQE_F_BUFFER) != 0;
  const auto buffer = static_cast<BufferId>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
  if (has_buffer) {
    buffers_->note_filled(buffer,
                          completion.res > 0 ? static_cast<std::size_t>(completion.res) : 0);
  }
  socket::SocketConnection* connection = ended(Op::kReceive, id, more);
  if (connection == nullptr || connection->state != State::kRelayed || completion.res <= 0) {
    if (has_buffer) buffers_->give_back(buffer);
    if (connection == nullptr || connection->state != State::kRelayed) return;
  } else {
    received(connection->relay, *connection, buffer, static_cast<std::size_t>(completion.res));
  }
  socket::Relay& relay = relays_[connection->relay];
  const bool goes_on = mode_of(relay) == Mode::kCompletion;
  if (completion.res > 0) {
    if (!more && goes_on) arm_receive(id, *connection);
    return;
  }
  if (completion.res == -ECANCELED) return;
  if (completion.res == -ENOBUFS) {
    ++stats_.buffers_exhausted;
    if (goes_on) starved_.push_back(id);
    return;
  }
  // FIN or RST. Whoever reads after this finds it again, or its note.
  if (completion.res < 0) connection->lose(base::to_errno(-completion.res));
  connection->readable = connection->read_to_end = true;
  // Behind bytes that are on their way it has to wait for them (settle()).
  const std::size_t direction = connection->side;
  if (goes_on && relay.flows[direction].batch == 0) end_source(connection->relay, relay, direction);
}

void UringTransport::on_failed_cancel(base::SlotId id) {
  const socket::SocketConnection* found = connections_.find(id);
  if (found != nullptr && (found->armed & found->cancelling) != 0) uncancelled_.push_back(id);
}

}  // namespace backends::io_uring
