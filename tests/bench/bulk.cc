// See bulk.h. The payload is one buffer sent again and again, and received bytes are thrown away in
// the kernel: the load shares its core with the server, and what costs there hides the proxy. That
// bytes keep their order and value is the contract suite's business, not measured work.
#include "tests/bench/bulk.h"

#include <sys/socket.h>

namespace bench {
namespace {

// Fits the second-level cache; larger was no faster.
constexpr std::size_t kPayloadBytes = std::size_t{256} * 1024;
constexpr int kSendsPerTurn = 4;
constexpr std::size_t kReceiveBytes = std::size_t{8} * 1024 * 1024;

// Down: what one request asks for, and when to ask again. Enough under way that the server never
// waits, little enough that what is left at the end is gone within a fraction of a second.
constexpr std::uint64_t kRequestBytes = std::uint64_t{4} * 1024 * 1024;

}  // namespace

Bulk::Bulk(const LoadOptions& options, BulkDirection direction)
    : options_(options), direction_(direction), payload_(kPayloadBytes, 'x') {}

void Bulk::run(const Gate& gate, Outcome& outcome) {
  connect(outcome);
  if (outcome.errors > 0) return;
  gate.ready();
  const auto begin = base::monotonic_now();
  const auto end = begin + to_nanos(options_.seconds);
  for (auto& stream : streams_) {
    if (direction_ == BulkDirection::kDown) request(stream, outcome);
  }
  auto now = begin;
  bool ending = false;
  while (open_ > 0 && now < end + kGrace) {
    if (!ending && now >= end) {
      ending = true;
      end_all(outcome);
    }
    const auto until = ending ? end + kGrace : end;
    for (const auto& event : poller_.wait(until - now))
      step(static_cast<std::size_t>(event.data.u64), outcome);
    now = base::monotonic_now();
  }
  for (auto& stream : streams_) {
    if (stream.state != State::kDone)
      fail(stream, "a stream did not end in time", base::Errno::kNone, outcome);
  }
  outcome.elapsed = base::monotonic_now() - begin;
}

void Bulk::connect(Outcome& outcome) {
  const bool up = direction_ == BulkDirection::kUp;
  for (std::size_t index = 0; index < options_.connections; ++index) {
    auto fd = connect_and_greet(options_.target, up ? Purpose::kSink : Purpose::kSource);
    if (!fd) return outcome.add_error("connect", fd.error());
    poller_.add(fd->get(), up ? EPOLLOUT : EPOLLIN, index);
    streams_.emplace_back().fd = std::move(*fd);
    ++open_;
  }
}

void Bulk::step(std::size_t index, Outcome& outcome) {
  auto& stream = streams_[index];
  if (stream.state == State::kDone) return;
  switch (direction_) {
    case BulkDirection::kUp:
      return stream.state == State::kMoving ? send(stream, outcome) : read_count(stream, outcome);
    case BulkDirection::kDown:
      return receive(stream, outcome);
  }
}

void Bulk::end_all(Outcome& outcome) {
  for (std::size_t index = 0; index < streams_.size(); ++index) {
    auto& stream = streams_[index];
    if (stream.state == State::kDone) continue;
    stream.state = State::kEnding;
    if (::shutdown(stream.fd.get(), SHUT_WR) != 0) {
      fail(stream, "shutdown", base::last_errno(), outcome);
      continue;
    }
    poller_.change(stream.fd.get(), EPOLLIN, index);
  }
}

void Bulk::send(Stream& stream, Outcome& outcome) {
  for (int i = 0; i < kSendsPerTurn; ++i) {
    const auto sent = ::send(stream.fd.get(), payload_.data(), payload_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) return fail(stream, "send", base::last_errno(), outcome);
    stream.moved += static_cast<std::uint64_t>(sent);
  }
}

void Bulk::read_count(Stream& stream, Outcome& outcome) {
  // One byte more than the count, so that anything after it is seen.
  std::array<std::uint8_t, std::tuple_size_v<WireNumber> + 1> bytes{};
  const auto received = ::recv(stream.fd.get(), bytes.data(), bytes.size() - stream.count_bytes, 0);
  if (received < 0 && errno == EAGAIN) return;
  if (received < 0) return fail(stream, "recv of the count", base::last_errno(), outcome);
  if (received == 0) {
    const bool whole = stream.count_bytes == stream.count.size();
    return settle(stream, whole && decode_number(stream.count) == stream.moved, outcome);
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(received); ++i) {
    if (stream.count_bytes == stream.count.size()) return settle(stream, false, outcome);
    stream.count.at(stream.count_bytes++) = bytes.at(i);
  }
}

void Bulk::request(Stream& stream, Outcome& outcome) {
  while (stream.requested < stream.moved + 2 * kRequestBytes) {
    const auto number = encode_number(kRequestBytes);
    const auto sent = ::send(stream.fd.get(), number.data(), number.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(number.size()))
      return fail(stream, "send of a request", base::last_errno(), outcome);
    stream.requested += kRequestBytes;
  }
}

void Bulk::receive(Stream& stream, Outcome& outcome) {
  // MSG_TRUNC: thrown away, not copied (man 7 tcp).
  const auto received = ::recv(stream.fd.get(), nullptr, kReceiveBytes, MSG_TRUNC);
  if (received < 0 && errno == EAGAIN) return;
  if (received < 0) return fail(stream, "recv", base::last_errno(), outcome);
  if (received == 0)
    return settle(stream, stream.state == State::kEnding && stream.moved == stream.requested,
                  outcome);
  stream.moved += static_cast<std::uint64_t>(received);
  if (stream.state == State::kMoving) request(stream, outcome);
}

void Bulk::settle(Stream& stream, bool complete, Outcome& outcome) {
  if (!complete)
    return fail(stream, "the ends disagree about the bytes", base::Errno::kNone, outcome);
  ++outcome.operations;
  outcome.bytes += stream.moved;
  stream.state = State::kDone;
  stream.fd.close();
  --open_;
}

void Bulk::fail(Stream& stream, std::string_view what, base::Errno why, Outcome& outcome) {
  outcome.add_error(what, why);
  stream.state = State::kDone;
  reset_on_close(stream.fd.get());
  stream.fd.close();
  --open_;
}

}  // namespace bench
