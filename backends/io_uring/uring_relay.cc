// The half of UringTransport that moves the bytes of relays by completions. A file of its own
// because the other half (requests, polls, connections) does not know what a byte is.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "backends/io_uring/uring_transport.h"

namespace backends::io_uring {
namespace {

// MSG_WAITALL: the kernel goes on after a short count by itself. MSG_DONTWAIT: and gives up, with a
// completion, as soon as it would have to wait.
constexpr int kSendFlags = MSG_NOSIGNAL | MSG_WAITALL | MSG_DONTWAIT;

// Buffers that one message may have (UIO_MAXIOV, man 2 sendmsg).
constexpr std::uint16_t kBatchBuffersMax = 1024;

}  // namespace

// ---- Which way a relay goes.

void UringTransport::begin_relay(base::SlotId id, socket::Relay& relay) {
  if (may_use_completions(relay)) {
    serve_by_completions(id, relay);
    return;
  }
  // A preamble, bytes to be skipped, or a side that was lost already. Most of them are done with in
  // one run.
  relay.mode = static_cast<std::uint8_t>(Mode::kReadiness);
  relay.calm = kCalmRuns;
  for (socket::SocketConnection* side : relay.sides) side->readable = true;
  queue_ready(id, relay);
}

void UringTransport::relay_ran(base::SlotId id, socket::Relay& relay) {
  // Another look at a pending reset: finish_leaving() sees to the rest.
  if (mode_of(relay) == Mode::kLeaving) return;
  if (mode_of(relay) == Mode::kCompletion) {
    // One direction has ended. Its source is not read any more, and may still be reset.
    for (std::size_t side = 0; side < relay.sides.size(); ++side) {
      if (relay.flows[side].stage == socket::Flow::Stage::kFlowing) continue;
      arm_poll(Op::kWatch, relay.connections[side], *relay.sides[side], 0, true);
    }
    return;
  }
  const bool calm = may_use_completions(relay);
  relay.calm = calm ? std::min<std::uint8_t>(kCalmRuns, relay.calm + 1) : 0;
  if (calm && relay.calm == kCalmRuns && !relay.queued) {
    serve_by_completions(id, relay);
    return;
  }
  for (std::size_t side = 0; side < relay.sides.size(); ++side) {
    arm_poll(Op::kReady, relay.connections[side], *relay.sides[side],
             socket::kCanRead | socket::kCanWrite | socket::kUrgent | socket::kSaidEnd, true);
  }
}

bool UringTransport::may_use_completions(const socket::Relay& relay) const {
  if (relay.skip != 0 || relay.lingering) return false;
  for (std::size_t direction = 0; direction < kDirections; ++direction) {
    const socket::Flow& flow = relay.flows[direction];
    if (flow.stage != socket::Flow::Stage::kFlowing || flow.holds()) return false;
    if (flow.rule.bulk() || flow.rule.refused()) return false;
    if (relay.sides[direction]->lost != base::Errno::kNone) return false;
  }
  return true;
}

void UringTransport::serve_by_completions(base::SlotId /*id*/, socket::Relay& relay) {
  relay.mode = static_cast<std::uint8_t>(Mode::kCompletion);
  for (std::size_t side = 0; side < relay.sides.size(); ++side) {
    socket::SocketConnection& connection = *relay.sides[side];
    connection.readable = false;  // The receive finds out.
    connection.writable = true;
    cancel(Op::kReady, relay.connections[side], connection);
    arm_receive(relay.connections[side], connection);
  }
}

void UringTransport::leave_completions(base::SlotId id, socket::Relay& relay) {
  // One that only waits for its reset has nothing to move in any way.
  if (mode_of(relay) != Mode::kCompletion || relay.lingering) return;
  relay.mode = static_cast<std::uint8_t>(Mode::kLeaving);
  relay.calm = 0;
  for (std::size_t side = 0; side < relay.sides.size(); ++side) {
    cancel(Op::kReceive, relay.connections[side], *relay.sides[side]);
  }
  leaving_.push_back(id);
}

// The source's last byte was sent. A client that may leave its upstream unused goes the long way,
// because the receive of the upstream has to be taken back before anybody can tell.
void UringTransport::end_source(base::SlotId id, socket::Relay& relay, std::size_t direction) {
  const auto& moved = relay.progress->bytes;
  const bool maybe_unused = relay.return_unused != ReturnUnused::kNever &&
                            std::ranges::all_of(moved, [](auto bytes) { return bytes == 0; });
  if (maybe_unused) {
    leave_completions(id, relay);
    return;
  }
  runner().source_ended(relay, direction);
  run_relay(id);
}

void UringTransport::finish_leaving() {
  for (std::size_t i = 0; i < leaving_.size();) {
    const base::SlotId id = leaving_[i];
    socket::Relay* relay = relays_.find(id);
    const auto receives = [](const socket::SocketConnection* side) {
      return (side->armed & bit_of(Op::kReceive)) != 0;
    };
    if (relay != nullptr && std::ranges::any_of(relay->sides, receives)) {
      ++i;
      continue;
    }
    leaving_[i] = leaving_.back();
    leaving_.pop_back();
    if (relay == nullptr) continue;
    relay->mode = static_cast<std::uint8_t>(Mode::kReadiness);
    run_relay(id);
  }
}

// ---- Bytes.

void UringTransport::received(base::SlotId id, socket::SocketConnection& connection,
                              BufferId buffer, std::size_t bytes) {
  socket::Relay& relay = relays_[id];
  socket::Flow& flow = relay.flows[connection.side];
  if (flow.stage != socket::Flow::Stage::kFlowing) {  // Nobody is left to get it.
    buffers_->give_back(buffer);
    return;
  }
  doubt(relay.connections[connection.side], connection);
  stats_.held_bytes += bytes;
  std::vector<Batch>& filling = batches_.filling();
  if (flow.batch == 0) {
    filling.push_back({.relay = id,
                       .first = buffer,
                       .last = buffer,
                       .buffers = 1,
                       .direction = connection.side,
                       .bytes = static_cast<std::uint32_t>(bytes)});
    flow.batch = static_cast<std::uint16_t>(filling.size());
    return;
  }
  Batch& batch = filling[flow.batch - 1U];
  buffers_->link(batch.last, buffer);
  batch.last = buffer;
  batch.bytes += static_cast<std::uint32_t>(bytes);
  if (++batch.buffers == kBatchBuffersMax) leave_completions(id, relay);
}

void UringTransport::settle_sends() {
  // A send that failed says so, but perhaps not in a queue that is full.
  if (ring_->has_unsubmitted() || ring_->has_overflowed()) return;
  for (const Batch& batch : batches_.sending()) settle(batch);
  batches_.sending().clear();
}

void UringTransport::settle(const Batch& batch) {
  socket::Relay* relay = relays_.find(batch.relay);
  stats_.held_bytes -= batch.bytes;
  if (relay == nullptr) {
    give_back(batch);
    return;
  }
  socket::Flow& flow = relay->flows[batch.direction];
  flow.batch = 0;
  const bool error = batch.failed && batch.result < 0 && batch.result != -EAGAIN;
  const std::size_t sent =
      batch.failed ? static_cast<std::size_t>(std::max(0, batch.result)) : batch.bytes;
  runner().delivered(*relay, batch.direction, sent, Method::kUring, now());
  if (error) {
    runner().receiver_lost(*relay, batch.direction, base::to_errno(-batch.result));
    leave_completions(batch.relay, *relay);
  } else if (sent < batch.bytes) {
    ++stats_.short_writes;
    relay->receiver(batch.direction).writable = false;
    keep_unsent(*relay, batch, sent);
    leave_completions(batch.relay, *relay);
  } else if (flow.rule.moved(batch.bytes)) {
    ++stats_.promotions;
    leave_completions(batch.relay, *relay);
  }
  give_back(batch);
  // While it is served by completions, a side that can be read is one that has ended.
  if (mode_of(*relay) == Mode::kCompletion && relay->source(batch.direction).readable &&
      flow.stage == socket::Flow::Stage::kFlowing) {
    end_source(batch.relay, *relay, batch.direction);
  }
}

// A slow receiver must not keep lent buffers from others: its bytes move to the heap.
void UringTransport::keep_unsent(socket::Relay& relay, const Batch& batch, std::size_t sent) {
  BufferId id = batch.first;
  for (std::uint16_t i = 0; i < batch.buffers; ++i, id = buffers_->next(id)) {
    const auto bytes = buffers_->filled(id);
    const std::size_t skipped = std::min(sent, bytes.size());
    sent -= skipped;
    if (runner().keep(relay, batch.direction, bytes.subspan(skipped))) continue;
    runner().fail(relay, base::to_errno(ENOMEM));
    return;
  }
}

void UringTransport::send_batches() {
  batches_.turn();
  for (std::size_t place = 0; place < batches_.sending().size(); ++place) send_batch(place);
  const auto nothing_left = [](const Batch& batch) { return batch.buffers == 0; };
  if (std::ranges::all_of(batches_.sending(), nothing_left)) batches_.sending().clear();
}

void UringTransport::send_batch(std::size_t place) {
  Batch& batch = batches_.sending()[place];
  socket::Relay* relay = relays_.find(batch.relay);
  if (relay == nullptr || mode_of(*relay) != Mode::kCompletion) {
    stats_.held_bytes -= batch.bytes;
    if (relay != nullptr) {
      socket::Flow& flow = relay->flows[batch.direction];
      flow.batch = 0;
      if (flow.stage == socket::Flow::Stage::kFlowing) keep_unsent(*relay, batch, 0);
    }
    give_back(batch);
    batch = Batch{};
    return;
  }
  relay->flows[batch.direction].batch = SendBatches::kSending;
  const int fd = relay->receiver(batch.direction).fd;
  io_uring_sqe& send = ring_->request();
  if (batch.buffers == 1) {
    const auto bytes = buffers_->filled(batch.first);
    io_uring_prep_send(&send, fd, bytes.data(), bytes.size(), kSendFlags);
  } else {
    io_uring_prep_sendmsg(&send, fd, &batches_.message(batch, *buffers_), kSendFlags);
  }
  send.user_data =
      Token{.op = Op::kSend, .id = {.slot = static_cast<std::uint32_t>(place), .generation = 1}}
          .pack();
  send.flags = IOSQE_CQE_SKIP_SUCCESS;
}

void UringTransport::give_back(const Batch& batch) {
  BufferId id = batch.first;
  for (std::uint16_t i = 0; i < batch.buffers; ++i) {
    const BufferId next = buffers_->next(id);
    buffers_->give_back(id);
    id = next;
  }
}

// Receives that found no buffer are asked for again when those of the last batch have gone back, in
// the order in which they failed and no more of them than there are buffers: asking at once, or for
// all, would find none again.
void UringTransport::feed_starved() {
  std::size_t free = buffers_->count() - buffers_->in_use();
  for (; free != 0 && !starved_.empty(); starved_.pop_front()) {
    const base::SlotId id = starved_.front();
    socket::SocketConnection* found = connections_.find(id);
    if (found == nullptr || found->state != socket::SocketConnection::State::kRelayed) continue;
    if (mode_of(relays_[found->relay]) != Mode::kCompletion) continue;
    arm_receive(id, *found);
    --free;
  }
}

// ---- Resets that a receive has missed.

void UringTransport::doubt(base::SlotId id, socket::SocketConnection& connection) {
  if (std::exchange(connection.doubted, true)) return;
  if (doubted_.empty()) next_doubts_ = now() + kDoubtInterval;
  doubted_.push_back(id);
}

void UringTransport::look_at_doubted() {
  std::size_t looks = 0;
  std::erase_if(doubted_, [&](base::SlotId id) { return !still_doubted(id, looks); });
  // What is left over of a look that was full is due at once.
  if (looks < kDoubtsPerLook) next_doubts_ = now() + kDoubtInterval;
}

bool UringTransport::still_doubted(base::SlotId id, std::size_t& looks) {
  socket::SocketConnection* found = connections_.find(id);
  if (found == nullptr) return false;
  const bool waits = found->state == socket::SocketConnection::State::kRelayed &&
                     mode_of(relays_[found->relay]) == Mode::kCompletion &&
                     (found->armed & bit_of(Op::kReceive)) != 0;
  if (!waits) {  // Whoever reads from it now sees for himself.
    found->doubted = false;
    return false;
  }
  socket::Relay& relay = relays_[found->relay];
  if (now() - relay.progress->last_active < kDoubtInterval || looks == kDoubtsPerLook) return true;
  ++looks;
  found->doubted = false;
  count(Syscall::kOption);
  const base::Errno error = socket::take_error(found->fd);
  if (error == base::Errno::kNone) return false;
  ++stats_.resets_missed;
  found->lose(error);
  found->readable = found->read_to_end = true;
  leave_completions(found->relay, relay);
  return false;
}

}  // namespace backends::io_uring
