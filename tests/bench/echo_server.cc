// See echo_server.h. A connection that breaks the rules is dropped with RST, and the client counts
// the error: the server reports nothing itself.
#include "tests/bench/echo_server.h"

#include <sys/socket.h>

#include <algorithm>

#include "base/assert.h"
#include "tests/bench/wire.h"

namespace bench {
namespace {

constexpr std::uint64_t kListenerTag = ~std::uint64_t{0};
constexpr std::uint64_t kStopTag = kListenerTag - 1;

// Large enough that the calls are few, small enough to stay in the second-level cache.
constexpr std::size_t kBufferBytes = std::size_t{256} * 1024;
// A sink asks for more than a socket holds: one call takes everything.
constexpr std::size_t kSinkBytes = std::size_t{8} * 1024 * 1024;
// Bounds the work for one connection before the others have their turn.
constexpr int kSendsPerTurn = 4;
constexpr int kAcceptsPerTurn = 64;

}  // namespace

base::Result<EchoServer> EchoServer::listen(const base::Address& address) {
  auto listener = listen_on(address);
  if (!listener) return base::failure(listener.error());
  return EchoServer(std::move(*listener));
}

EchoServer::EchoServer(base::UniqueFd listener)
    : listener_(std::move(listener)), buffer_(kBufferBytes, 'x') {
  poller_.add(listener_.get(), EPOLLIN, kListenerTag);
}

void EchoServer::run(int stop_fd) {
  poller_.add(stop_fd, EPOLLIN, kStopTag);
  for (;;) {
    for (const auto& event : poller_.wait(std::chrono::seconds(1))) {
      if (event.data.u64 == kStopTag) return;
      if (event.data.u64 == kListenerTag) {
        accept_burst();
      } else {
        // A descriptor closed and given out again within this batch is asked once for nothing.
        serve(connections_.at(event.data.u64));
      }
    }
  }
}

void EchoServer::accept_burst() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    base::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return;
    const auto index = static_cast<std::size_t>(fd.get());
    if (index >= connections_.size()) connections_.resize(index + 1);
    poller_.add(fd.get(), EPOLLIN, index);
    connections_[index] = Connection{};
    connections_[index].fd = std::move(fd);
  }
}

void EchoServer::serve(Connection& connection) {
  if (!connection.fd) return;
  if (!connection.ended) read(connection);
  if (connection.fd && connection.owed > 0) pump(connection);
}

void EchoServer::read(Connection& connection) {
  // MSG_TRUNC throws bytes away without copying them (man 7 tcp): the load core has enough to do.
  const bool sink = connection.purpose == Purpose::kSink;
  const auto received = sink ? ::recv(connection.fd.get(), nullptr, kSinkBytes, MSG_TRUNC)
                             : ::recv(connection.fd.get(), buffer_.data(), buffer_.size(), 0);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (received < 0) return drop(connection);
  if (received == 0) return end(connection);
  take(connection, static_cast<std::size_t>(received));
}

// The bytes are in buffer_, except those of a kSink after its first.
void EchoServer::take(Connection& connection, std::size_t bytes) {
  const bool first = !connection.purpose;
  if (first) connection.purpose = static_cast<Purpose>(buffer_.front());
  const std::size_t header = first ? 1 : 0;
  switch (*connection.purpose) {
    case Purpose::kEchoThenReset:
    case Purpose::kEchoThenClose:
      return answer(connection, buffer_.data(), bytes);
    case Purpose::kSink:
      connection.received += bytes - header;
      if (first) answer(connection, buffer_.data(), 1);
      return;
    case Purpose::kSource:
      if (first) answer(connection, buffer_.data(), 1);
      return take_requests(connection, header, bytes);
  }
  drop(connection);  // Not one of ours.
}

void EchoServer::take_requests(Connection& connection, std::size_t offset, std::size_t bytes) {
  for (; offset < bytes; ++offset) {
    connection.request.at(connection.request_bytes++) = static_cast<std::uint8_t>(buffer_[offset]);
    if (connection.request_bytes < connection.request.size()) continue;
    connection.owed += decode_number(connection.request);
    connection.request_bytes = 0;
  }
}

void EchoServer::end(Connection& connection) {
  if (!connection.purpose) return drop(connection);
  switch (*connection.purpose) {
    case Purpose::kEchoThenReset:
      return drop(connection);
    case Purpose::kEchoThenClose:
      connection.fd.close();
      return;
    case Purpose::kSink: {
      const auto count = encode_number(connection.received);
      answer(connection, count.data(), count.size());
      connection.fd.close();
      return;
    }
    case Purpose::kSource:
      connection.ended = true;
      if (connection.owed == 0) return connection.fd.close();
      // End of file stays readable for ever: look only for room to send the rest.
      poller_.change(connection.fd.get(), EPOLLOUT,
                     static_cast<std::uint64_t>(connection.fd.get()));
      connection.waits_for_room = true;
      return;
  }
}

void EchoServer::pump(Connection& connection) {
  for (int i = 0; i < kSendsPerTurn && connection.owed > 0; ++i) {
    const auto bytes = std::min<std::uint64_t>(connection.owed, buffer_.size());
    const auto sent = ::send(connection.fd.get(), buffer_.data(), bytes, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0) return drop(connection);
    connection.owed -= static_cast<std::uint64_t>(sent);
  }
  if (connection.owed == 0 && connection.ended) return connection.fd.close();
  const bool waits = connection.owed > 0;
  if (waits == connection.waits_for_room) return;
  connection.waits_for_room = waits;
  const std::uint32_t events = (waits ? EPOLLOUT : 0U) | (connection.ended ? 0U : EPOLLIN);
  poller_.change(connection.fd.get(), events, static_cast<std::uint64_t>(connection.fd.get()));
}

// Answers are one message for one message, so a full send buffer cannot happen to an honest client.
void EchoServer::answer(Connection& connection, const void* data, std::size_t bytes) {
  const auto sent = ::send(connection.fd.get(), data, bytes, MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(bytes)) drop(connection);
}

void EchoServer::drop(Connection& connection) {
  if (!connection.fd) return;
  reset_on_close(connection.fd.get());
  connection.fd.close();
}

}  // namespace bench
