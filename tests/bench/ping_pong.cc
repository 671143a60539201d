// See ping_pong.h. Every reply is compared with what was sent: a message carries its connection and
// its sequence number.
#include "tests/bench/ping_pong.h"

#include <sys/socket.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "tests/bench/wire.h"

namespace bench {

PingPong::PingPong(const LoadOptions& options)
    : options_(options), message_(options.message_bytes, 'm') {
  message_.at(0) = static_cast<char>(Purpose::kEchoThenReset);
}

void PingPong::run(const Gate& gate, Outcome& outcome) {
  connect(outcome);
  if (outcome.errors > 0) return;
  Outcome warmup;
  warmup.latency.emplace();
  if (options_.warmup_seconds > 0) exchange(to_nanos(options_.warmup_seconds), warmup);
  if (warmup.errors > 0) return outcome.add_error("warm-up: " + warmup.first_error);
  gate.ready();
  outcome.latency.emplace();
  exchange(to_nanos(options_.seconds), outcome);
}

void PingPong::connect(Outcome& outcome) {
  for (std::size_t index = 0; index < options_.connections; ++index) {
    auto fd = connect_and_greet(options_.target, Purpose::kEchoThenReset);
    if (!fd) return outcome.add_error("connect", fd.error());
    reset_on_close(fd->get());
    poller_.add(fd->get(), EPOLLIN, index);
    auto& connection = connections_.emplace_back();
    connection.fd = std::move(*fd);
    connection.reply.resize(options_.message_bytes);
  }
}

void PingPong::exchange(base::Nanos duration, Outcome& outcome) {
  for (auto& connection : connections_) connection.due = connection.sent = 0;
  start_ = base::monotonic_now();
  end_ = start_ + duration;
  released_ = 0;
  scheduled_ =
      paced() ? static_cast<std::uint64_t>(std::llround(base::to_seconds(duration) * options_.rate))
              : 0;
  if (!paced()) {
    for (std::size_t index = 0; index < connections_.size(); ++index) send(index, start_, outcome);
  }
  auto now = start_;
  while (waiting_ > 0 || released_ < scheduled_) {
    if (now > end_ + kGrace || outcome.errors > kErrorsMax) break;
    release_due(now, outcome);
    for (const auto& event : poller_.wait(longest_wait(now)))
      read(static_cast<std::size_t>(event.data.u64), outcome);
    now = base::monotonic_now();
  }
  outcome.elapsed = base::monotonic_now() - start_;
  for (const auto& connection : connections_) {
    const bool unfinished = connection.waits_for_reply || connection.due > connection.sent;
    if (unfinished && connection.fd) outcome.add_error("a reply did not come in time");
  }
}

void PingPong::release_due(base::Nanos now, Outcome& outcome) {
  for (; released_ < scheduled_ && intended_time(released_) <= now; ++released_) {
    const auto index = static_cast<std::size_t>(released_ % connections_.size());
    auto& connection = connections_[index];
    ++connection.due;
    if (!connection.waits_for_reply) send(index, intended_time(released_), outcome);
  }
}

base::Nanos PingPong::longest_wait(base::Nanos now) const {
  if (released_ < scheduled_) return intended_time(released_) - now;
  return end_ + kGrace - now;
}

base::Nanos PingPong::intended_time(std::uint64_t message) const {
  return start_ + to_nanos(static_cast<double>(message) / options_.rate);
}

void PingPong::compose(std::size_t index, std::uint64_t sequence) {
  WireNumber header = encode_number(static_cast<std::uint64_t>(index) << 40U | sequence);
  const std::size_t room = std::min(header.size(), message_.size() - 1);
  std::memcpy(message_.data() + 1, header.data() + (header.size() - room), room);
}

void PingPong::send(std::size_t index, base::Nanos intended, Outcome& outcome) {
  auto& connection = connections_[index];
  if (!connection.fd) return outcome.add_error("the connection is gone");
  compose(index, connection.sent);
  const auto sent = ::send(connection.fd.get(), message_.data(), message_.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(message_.size()))
    return fail(connection, "send", base::last_errno(), outcome);
  ++connection.sent;
  connection.intended = intended;
  connection.received = 0;
  connection.waits_for_reply = true;
  ++waiting_;
}

void PingPong::read(std::size_t index, Outcome& outcome) {
  auto& connection = connections_[index];
  if (!connection.fd) return;
  const auto received =
      ::recv(connection.fd.get(), connection.reply.data() + connection.received,
             std::max<std::size_t>(connection.reply.size() - connection.received, 1), 0);
  if (received < 0 && errno == EAGAIN) return;
  if (received < 0) return fail(connection, "recv", base::last_errno(), outcome);
  if (received == 0) return fail(connection, "unexpected end of file", base::Errno::kNone, outcome);
  if (!connection.waits_for_reply)
    return fail(connection, "bytes nobody asked for", base::Errno::kNone, outcome);
  connection.received += static_cast<std::size_t>(received);
  if (connection.received == connection.reply.size()) replied(index, outcome);
}

void PingPong::replied(std::size_t index, Outcome& outcome) {
  auto& connection = connections_[index];
  compose(index, connection.sent - 1);
  if (connection.reply != message_)
    return fail(connection, "a wrong reply", base::Errno::kNone, outcome);
  const auto now = base::monotonic_now();
  outcome.latency->record(now - connection.intended);
  ++outcome.operations;
  outcome.bytes += message_.size();
  connection.waits_for_reply = false;
  --waiting_;
  if (paced()) {
    // The schedule deals messages round robin, so the connection's n-th is n * connections + index.
    if (connection.due > connection.sent)
      send(index, intended_time(connection.sent * connections_.size() + index), outcome);
  } else if (now < end_) {
    send(index, now, outcome);
  }
}

void PingPong::fail(Connection& connection, std::string_view what, base::Errno why,
                    Outcome& outcome) {
  outcome.add_error(what, why);
  connection.fd.close();
  if (!connection.waits_for_reply) return;
  connection.waits_for_reply = false;
  --waiting_;
}

}  // namespace bench
