#include "backends/socket/relay.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "backends/socket/socket_options.h"
#include "base/assert.h"

namespace backends::socket {
namespace {

using Next = Relay::Next;
using Stage = Flow::Stage;

// What one direction may move in one poll. Four full buffers: large enough that the cost of coming
// back (a fraction of one poll) disappears, small enough that a thousand small sessions wait for
// an elephant no longer than about 50 us.
constexpr std::size_t kShareOfPoll = 4 * kBufferBytes;

// SPLICE_F_MORE is never set: it corks the socket, and the last bytes before a pause would wait for
// 200 ms. SPLICE_F_NONBLOCK is about the pipe; the sockets have O_NONBLOCK of their own.
constexpr unsigned kSpliceFlags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;

bool cannot_splice(int error) {
  return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == EPERM;
}

bool out_of_memory(int error) { return error == ENOMEM || error == ENOBUFS; }

}  // namespace

bool RelayRunner::start(Relay& relay, std::span<const std::byte> preamble) {
  if (preamble.empty()) return true;
  relay.preamble = static_cast<std::uint16_t>(preamble.size());
  return keep(relay, index_of(Direction::kToUpstream), preamble);
}

Next RelayRunner::run(Relay& relay, base::Nanos now) {
  bool more = false;
  for (std::size_t direction = 0; direction < kDirections; ++direction) {
    pump(relay, direction, now, more);
  }
  return verdict(relay, more);
}

void RelayRunner::pump(Relay& relay, std::size_t direction, base::Nanos now, bool& more) {
  Flow& flow = relay.flows[direction];
  SocketConnection& from = relay.source(direction);
  if (flow.batch != 0) return;  // The engine is at it.
  std::size_t budget = kShareOfPoll;
  for (;;) {
    Step step = Step::kMoved;
    if (flow.holds()) {
      if (!relay.receiver(direction).writable) break;
      step = deliver_held(relay, direction, now);
    } else if (flow.stage != Stage::kFlowing || !from.readable) {
      break;
    } else if (budget == 0) {
      ++stats_.fairness_yields;
      more = true;
      break;
    } else if (flow.rule.bulk() && relay.skip == 0) {
      step = splice(relay, direction, now, budget);
    } else {
      step = copy(relay, direction, now, budget);
    }
    if (step == Step::kBlocked) break;
  }
  if (flow.pipe != nullptr && flow.piped() == 0) put_pipe(flow);
  if (!flow.holds()) pass_ending(relay, direction, now);
}

RelayRunner::Step RelayRunner::copy(Relay& relay, std::size_t direction, base::Nanos now,
                                    std::size_t& budget) {
  Flow& flow = relay.flows[direction];
  SocketConnection& from = relay.source(direction);
  SocketConnection& to = relay.receiver(direction);
  std::byte* const buffer = buffers_.working().data();
  count(Syscall::kReceive);
  const ssize_t got = ::recv(from.fd, buffer, kBufferBytes, 0);
  if (got <= 0) {
    // EAGAIN of a side that was given up: it is not dead, only unreachable, and has no more to say.
    const bool given_up = errno == EAGAIN && from.lost != base::Errno::kNone;
    if (got == 0 || given_up) {
      source_ended(relay, direction);
    } else if (errno == EAGAIN) {
      from.readable = false;
    } else if (out_of_memory(errno)) {
      fail(relay, base::last_errno());
    } else {
      from.lose(base::last_errno());
      source_ended(relay, direction);
    }
    return Step::kBlocked;
  }
  const auto bytes = static_cast<std::size_t>(got);
  // A read that did not fill the buffer has emptied the socket, so there is nothing to ask again;
  // bytes that came since are a new event.
  if (bytes < kBufferBytes && !from.read_to_end) from.readable = false;
  budget -= std::min(budget, bytes);

  std::size_t skipped = 0;
  if (direction == index_of(Direction::kToUpstream) && relay.skip != 0) {
    skipped = static_cast<std::size_t>(std::min<std::uint64_t>(relay.skip, bytes));
    relay.skip -= skipped;
    if (skipped == bytes) return Step::kMoved;
  }

  const std::size_t offered = bytes - skipped;
  count(Syscall::kSend);
  ssize_t sent = ::send(to.fd, buffer + skipped, offered, MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno != EAGAIN) {
      side_lost(relay, 1 - direction, base::last_errno());
      return Step::kMoved;
    }
    sent = 0;
  }
  const auto taken = static_cast<std::size_t>(sent);
  delivered(relay, direction, taken, Method::kCopy, now);
  if (taken == offered) {
    if (flow.rule.moved(bytes)) ++stats_.promotions;
    return Step::kMoved;
  }
  ++stats_.short_writes;
  to.writable = false;
  flow.kept = buffers_.keep_working(skipped + taken, bytes);
  if (!flow.kept) {
    fail(relay, base::to_errno(ENOMEM));
    return Step::kBlocked;
  }
  stats_.held_bytes += offered - taken;
  return Step::kBlocked;
}

RelayRunner::Step RelayRunner::deliver_held(Relay& relay, std::size_t direction, base::Nanos now) {
  Flow& flow = relay.flows[direction];
  if (flow.kept == nullptr) {
    if (!flow.rule.refused()) return drain_pipe(relay, direction, now);
    if (unpipe(relay, direction) == Step::kBlocked) return Step::kBlocked;
  }
  SocketConnection& to = relay.receiver(direction);
  const std::span<const std::byte> unsent = flow.kept->unsent();
  count(Syscall::kSend);
  const ssize_t sent = ::send(to.fd, unsent.data(), unsent.size(), MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno == EAGAIN) {
      to.writable = false;
      return Step::kBlocked;
    }
    side_lost(relay, 1 - direction, base::last_errno());
    return Step::kMoved;
  }
  const auto taken = static_cast<std::size_t>(sent);
  std::size_t header = 0;
  if (direction == index_of(Direction::kToUpstream)) {
    header = std::min<std::size_t>(relay.preamble, taken);
    relay.preamble = static_cast<std::uint16_t>(relay.preamble - header);
  }
  delivered(relay, direction, taken - header, Method::kCopy, now);
  stats_.held_bytes -= taken;
  flow.kept->begin += static_cast<std::uint32_t>(taken);
  if (taken == unsent.size()) {
    flow.kept = buffers_.give_back(std::move(flow.kept));
    return Step::kMoved;
  }
  ++stats_.short_writes;
  to.writable = false;
  return Step::kBlocked;
}

RelayRunner::Step RelayRunner::splice(Relay& relay, std::size_t direction, base::Nanos now,
                                      std::size_t& budget) {
  Flow& flow = relay.flows[direction];
  SocketConnection& from = relay.source(direction);
  if (!get_pipe(flow, now)) return copy(relay, direction, now, budget);
  count(Syscall::kSplice);
  const ssize_t got =
      ::splice(from.fd, nullptr, flow.pipe->in.get(), nullptr, flow.pipe->bytes, kSpliceFlags);
  if (got <= 0) {
    // EAGAIN means an empty socket, because the pipe is empty too; unless an urgent mark is next,
    // which splice(2) does not pass.
    if (got == 0) {
      source_ended(relay, direction);
    } else if (errno == EAGAIN && !from.urgent && from.lost == base::Errno::kNone) {
      from.readable = false;
    } else if (errno == EAGAIN || cannot_splice(errno)) {
      refuse_splice(flow);
      return Step::kMoved;
    } else if (out_of_memory(errno)) {
      fail(relay, base::last_errno());
    } else {
      from.lose(base::last_errno());
      source_ended(relay, direction);
    }
    return Step::kBlocked;
  }
  const auto bytes = static_cast<std::size_t>(got);
  budget -= std::min(budget, bytes);
  flow.pipe->held = bytes;
  stats_.held_bytes += bytes;
  const Step step = drain_pipe(relay, direction, now);
  if (!flow.holds() && flow.rule.bulk() && flow.rule.moved(bytes)) ++stats_.demotions;
  return step;
}

RelayRunner::Step RelayRunner::drain_pipe(Relay& relay, std::size_t direction, base::Nanos now) {
  Flow& flow = relay.flows[direction];
  SocketConnection& to = relay.receiver(direction);
  count(Syscall::kSplice);
  // Exactly what the pipe holds: for a longer length the kernel would cork the last piece.
  const ssize_t sent =
      ::splice(flow.pipe->out.get(), nullptr, to.fd, nullptr, flow.pipe->held, kSpliceFlags);
  if (sent <= 0) {
    if (sent < 0 && errno == EAGAIN) {
      to.writable = false;
      return Step::kBlocked;
    }
    if (sent < 0 && cannot_splice(errno)) {
      refuse_splice(flow);  // deliver_held() takes the bytes out by read(2).
      return Step::kMoved;
    }
    side_lost(relay, 1 - direction, sent < 0 ? base::last_errno() : base::to_errno(EPIPE));
    return Step::kMoved;
  }
  const auto taken = static_cast<std::size_t>(sent);
  delivered(relay, direction, taken, Method::kSplice, now);
  stats_.held_bytes -= taken;
  flow.pipe->held -= taken;
  if (flow.pipe->held == 0) return Step::kMoved;
  ++stats_.short_writes;
  to.writable = false;
  return Step::kBlocked;
}

RelayRunner::Step RelayRunner::unpipe(Relay& relay, std::size_t direction) {
  Flow& flow = relay.flows[direction];
  count(Syscall::kReceive);
  const ssize_t got = ::read(flow.pipe->out.get(), buffers_.working().data(),
                             std::min(flow.pipe->held, kBufferBytes));
  CHECK(got > 0);  // The pipe holds these bytes and nobody else has it.
  const auto bytes = static_cast<std::size_t>(got);
  flow.kept = buffers_.keep_working(0, bytes);
  if (!flow.kept) {
    fail(relay, base::to_errno(ENOMEM));
    return Step::kBlocked;
  }
  flow.pipe->held -= bytes;
  if (flow.pipe->held == 0) put_pipe(flow);
  return Step::kMoved;
}

bool RelayRunner::get_pipe(Flow& flow, base::Nanos now) {
  if (flow.pipe == nullptr) flow.pipe = pipes_.borrow(now);
  if (flow.pipe == nullptr) flow.rule.no_pipe();
  return flow.pipe != nullptr;
}

void RelayRunner::put_pipe(Flow& flow) { pipes_.give_back(std::exchange(flow.pipe, nullptr)); }

void RelayRunner::refuse_splice(Flow& flow) {
  ++stats_.splice_refused;
  flow.rule.refuse();
}

void RelayRunner::source_ended(Relay& relay, std::size_t direction) {
  Flow& flow = relay.flows[direction];
  SocketConnection& from = relay.source(direction);
  from.readable = false;
  if (flow.stage != Stage::kFlowing) return;
  if (unused(relay, direction)) {
    relay.end = RelayEnd::kUnused;
    relay.error = from.lost;
    for (Flow& each : relay.flows) each.stage = Stage::kDropped;
    return;
  }
  if (from.lost == base::Errno::kNone) {
    flow.stage = Stage::kEnding;
    return;
  }
  // Perhaps found earlier, by a send or while the connection waited: only its bytes were still to
  // be read.
  side_lost(relay, direction, from.lost);
  if (flow.stage == Stage::kFlowing) flow.stage = Stage::kCutting;
}

// The client has left, its bytes were all read, and there were none; the upstream has said nothing,
// which only the kernel knows for sure.
bool RelayRunner::unused(const Relay& relay, std::size_t direction) {
  if (direction != kClientSide || relay.return_unused == ReturnUnused::kNever) return false;
  const bool reset = relay.sides[kClientSide]->lost != base::Errno::kNone;
  if (!reset && relay.return_unused != ReturnUnused::kAfterResetOrFin) return false;
  const RelayProgress& progress = *relay.progress;
  // A reset that a send has found is noted in relay.end: there were bytes, and they are lost.
  if (relay.end != RelayEnd::kBothClosed || progress.bytes != decltype(progress.bytes){}) {
    return false;
  }
  for (const Flow& flow : relay.flows) {
    if (flow.holds() || flow.stage != Stage::kFlowing) return false;
  }
  SocketConnection& upstream = *relay.sides[kUpstreamSide];
  if (upstream.lost != base::Errno::kNone) return false;
  count(Syscall::kReceive);
  const base::Errno found = look_for_bytes(upstream.fd);
  if (found == base::to_errno(EAGAIN)) return true;
  // An error that the kernel has told now it will not tell again.
  if (found != base::Errno::kNone) {
    upstream.lose(found);
    upstream.readable = upstream.read_to_end = true;
  }
  return false;
}

void RelayRunner::side_lost(Relay& relay, std::size_t side, base::Errno error) {
  SocketConnection& lost = *relay.sides[side];
  lost.lose(error);
  if (relay.end == RelayEnd::kBothClosed) {
    relay.end = side == 0 ? RelayEnd::kClientReset : RelayEnd::kUpstreamReset;
    relay.error = lost.lost;
  }
  Flow& to_lost = relay.flows[1 - side];
  drop_held(to_lost);
  to_lost.stage = Stage::kDropped;
  Flow& from_lost = relay.flows[side];
  switch (from_lost.stage) {
    case Stage::kFlowing:
      // What it sent before the reset is still in its receive queue and goes first.
      lost.readable = true;
      lost.read_to_end = true;
      break;
    case Stage::kEnding:
      from_lost.stage = Stage::kCutting;
      break;
    case Stage::kFinished:
      from_lost.stage = Stage::kCut;
      break;
    case Stage::kCutting:
    case Stage::kCut:
    case Stage::kDropped:
      break;
  }
}

void RelayRunner::pass_ending(Relay& relay, std::size_t direction, base::Nanos now) {
  Flow& flow = relay.flows[direction];
  if (flow.stage == Stage::kCutting) flow.stage = Stage::kCut;
  if (flow.stage != Stage::kEnding) return;
  // The last direction needs no shutdown: the close that follows sends the FIN. It cannot become an
  // RST, because both sides have sent their FIN and everything before it was read.
  if (relay.flows[1 - direction].stage != Stage::kFinished) {
    count(Syscall::kShutdown);
    if (::shutdown(relay.receiver(direction).fd, SHUT_WR) != 0) {
      side_lost(relay, 1 - direction, base::to_errno(ECONNRESET));
      return;
    }
  }
  flow.stage = Stage::kFinished;
  RelayProgress& progress = *relay.progress;
  if (progress.half_closed.count() == 0) {
    progress.half_closed = now;
    progress.first_closed = static_cast<Direction>(direction);
  }
}

void RelayRunner::look_for_reset(Relay& relay, std::size_t side) {
  if (relay.flows[side].stage == Stage::kFlowing) return;  // recv(2) will find it, in order.
  count(Syscall::kOption);
  const base::Errno error = take_error(relay.sides[side]->fd);
  if (error != base::Errno::kNone) side_lost(relay, side, error);
}

void RelayRunner::fail(Relay& relay, base::Errno error) {
  relay.end = RelayEnd::kFailed;
  relay.error = error;
  for (Flow& flow : relay.flows) {
    drop_held(flow);
    flow.stage = Stage::kDropped;
  }
}

void RelayRunner::delivered(Relay& relay, std::size_t direction, std::size_t bytes, Method method,
                            base::Nanos now) {
  if (bytes == 0) return;
  relay.progress->bytes[direction] += bytes;
  relay.progress->last_active = now;
  stats_.method_bytes[static_cast<std::size_t>(method)] += bytes;
}

bool RelayRunner::keep(Relay& relay, std::size_t direction, std::span<const std::byte> bytes) {
  if (!buffers_.append(relay.flows[direction].kept, bytes)) return false;
  stats_.held_bytes += bytes.size();
  return true;
}

void RelayRunner::drop_held(Flow& flow) {
  while (flow.kept != nullptr) {
    stats_.held_bytes -= flow.kept->unsent().size();
    flow.kept = buffers_.give_back(std::move(flow.kept));
  }
  if (flow.pipe == nullptr) return;
  stats_.held_bytes -= flow.pipe->held;
  Pipe* const pipe = std::exchange(flow.pipe, nullptr);
  if (pipe->held == 0) {
    pipes_.give_back(pipe);
  } else {
    pipes_.discard(pipe);
  }
}

void RelayRunner::release(Relay& relay) {
  for (Flow& flow : relay.flows) drop_held(flow);
}

Next RelayRunner::verdict(const Relay& relay, bool more) const {
  const Flow& first = relay.flows[0];
  const Flow& second = relay.flows[1];
  if (first.stage == second.stage &&
      (first.stage == Stage::kFinished || first.stage == Stage::kDropped)) {
    return Next::kEnd;
  }
  for (std::size_t direction = 0; direction < kDirections; ++direction) {
    const Flow& flow = relay.flows[direction];
    const SocketConnection& to = *relay.sides[1 - direction];
    if (flow.stage == Stage::kCut) {
      // A close that resets throws away our send queue, so the bytes before the reset have to be
      // acknowledged first. A UNIX socket's bytes are with the receiver already.
      if (to.family == base::Family::kUnix) return Next::kEnd;
      return unacknowledged(to.fd) == 0 ? Next::kEnd : Next::kLinger;
    }
    // A loss found while sending leaves the lost side's last bytes to be read.
    if (flow.stage == Stage::kFlowing && relay.sides[direction]->lost != base::Errno::kNone &&
        !flow.holds()) {
      return Next::kAgain;
    }
  }
  return more ? Next::kAgain : Next::kWait;
}

CloseMode RelayRunner::close_mode(const Relay& relay, std::size_t side) {
  const base::Errno lost = relay.sides[side]->lost;
  const bool clean = relay.end == RelayEnd::kBothClosed ||
                     (relay.end == RelayEnd::kUnused && lost == base::Errno::kNone);
  const bool gone = lost == base::to_errno(ECONNRESET);
  return clean || gone ? CloseMode::kGraceful : CloseMode::kReset;
}

}  // namespace backends::socket
