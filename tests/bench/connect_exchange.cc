// See connect_exchange.h. The client resets at the end unless told otherwise: an orderly close
// leaves its port in TIME_WAIT, and 28,000 of them last three seconds.
#include "tests/bench/connect_exchange.h"

#include <sys/socket.h>

namespace bench {

ConnectExchange::ConnectExchange(const LoadOptions& options)
    : options_(options),
      slots_(options.connections),
      message_(options.message_bytes, 'm'),
      reply_(options.message_bytes) {
  message_.at(0) =
      static_cast<char>(options.close_with_fin ? Purpose::kEchoThenClose : Purpose::kEchoThenReset);
}

void ConnectExchange::run(const Gate& gate, Outcome& outcome) {
  Outcome warmup;
  warmup.latency.emplace();
  if (options_.warmup_seconds > 0) sessions(to_nanos(options_.warmup_seconds), warmup);
  if (warmup.errors > 0) return outcome.add_error("warm-up: " + warmup.first_error);
  gate.ready();
  outcome.latency.emplace();
  sessions(to_nanos(options_.seconds), outcome);
}

void ConnectExchange::sessions(base::Nanos duration, Outcome& outcome) {
  const auto begin = base::monotonic_now();
  end_ = begin + duration;
  for (std::size_t index = 0; index < slots_.size(); ++index) start(index, outcome);
  auto now = begin;
  while (busy_ > 0 && now < end_ + kGrace) {
    for (const auto& event : poller_.wait(end_ + kGrace - now))
      step(static_cast<std::size_t>(event.data.u64), outcome);
    now = base::monotonic_now();
  }
  for (auto& slot : slots_) {
    if (slot.state == State::kFree) continue;
    outcome.add_error("a session did not end in time");
    release(slot);
  }
  outcome.elapsed = base::monotonic_now() - begin;
}

void ConnectExchange::start(std::size_t index, Outcome& outcome) {
  // Each failure may start the next attempt, so this loop and finish() are bounded by kErrorsMax.
  while (outcome.errors <= kErrorsMax) {
    auto& slot = slots_[index];
    slot.started = base::monotonic_now();
    if (slot.started >= end_) return;
    auto fd = start_connect(options_.target);
    if (!fd) {
      outcome.add_error("connect", fd.error());
      continue;
    }
    slot.fd = std::move(*fd);
    slot.state = State::kConnecting;
    slot.received = 0;
    ++busy_;
    poller_.add(slot.fd.get(), EPOLLOUT, index);
    return;
  }
}

void ConnectExchange::step(std::size_t index, Outcome& outcome) {
  switch (slots_[index].state) {
    case State::kFree:
      return;
    case State::kConnecting:
      return connected(index, outcome);
    case State::kAwaitingReply:
      return read_reply(index, outcome);
    case State::kAwaitingEnd:
      return read_end(index, outcome);
  }
}

void ConnectExchange::connected(std::size_t index, Outcome& outcome) {
  auto& slot = slots_[index];
  const auto sent = ::send(slot.fd.get(), message_.data(), message_.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(message_.size()))
    return fail(index, "connect or send", base::last_errno(), outcome);
  slot.state = State::kAwaitingReply;
  poller_.change(slot.fd.get(), EPOLLIN, index);
}

void ConnectExchange::read_reply(std::size_t index, Outcome& outcome) {
  auto& slot = slots_[index];
  const auto received = ::recv(slot.fd.get(), reply_.data(), reply_.size() - slot.received, 0);
  if (received < 0 && errno == EAGAIN) return;
  if (received < 0) return fail(index, "recv", base::last_errno(), outcome);
  if (received == 0)
    return fail(index, "end of file before the reply", base::Errno::kNone, outcome);
  slot.received += static_cast<std::size_t>(received);
  if (slot.received == reply_.size()) replied(index, outcome);
}

void ConnectExchange::replied(std::size_t index, Outcome& outcome) {
  auto& slot = slots_[index];
  outcome.latency->record(base::monotonic_now() - slot.started);
  if (!options_.close_with_fin) {
    reset_on_close(slot.fd.get());
    return finish(index, outcome);
  }
  if (::shutdown(slot.fd.get(), SHUT_WR) != 0)
    return fail(index, "shutdown", base::last_errno(), outcome);
  slot.state = State::kAwaitingEnd;
}

void ConnectExchange::read_end(std::size_t index, Outcome& outcome) {
  char byte = 0;
  const auto received = ::recv(slots_[index].fd.get(), &byte, 1, 0);
  if (received < 0 && errno == EAGAIN) return;
  if (received < 0) return fail(index, "recv at the end", base::last_errno(), outcome);
  if (received > 0) return fail(index, "bytes nobody asked for", base::Errno::kNone, outcome);
  finish(index, outcome);
}

void ConnectExchange::finish(std::size_t index, Outcome& outcome) {
  ++outcome.operations;
  outcome.bytes += message_.size();
  release(slots_[index]);
  start(index, outcome);
}

void ConnectExchange::fail(std::size_t index, std::string_view what, base::Errno why,
                           Outcome& outcome) {
  outcome.add_error(what, why);
  release(slots_[index]);
  start(index, outcome);
}

void ConnectExchange::release(Slot& slot) {
  slot.fd.close();
  slot.state = State::kFree;
  --busy_;
}

}  // namespace bench
