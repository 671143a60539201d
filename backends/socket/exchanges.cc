#include "backends/socket/exchanges.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace backends::socket {

void Exchanges::begin(base::SlotId id, std::span<const std::byte> request,
                      std::size_t reply_bytes_max, Tag tag) {
  exchanges_[key(id)].begin(request, reply_bytes_max, tag);
  started_.push_back(id);
}

std::vector<base::SlotId> Exchanges::take_started() { return std::exchange(started_, {}); }

void Exchanges::run(base::SlotId id, SocketConnection& connection, std::vector<Event>& events) {
  const auto found = exchanges_.find(key(id));
  if (found == exchanges_.end()) return;
  Exchange& exchange = found->second;
  bool more = true;
  while (more) {
    switch (exchange.stage()) {
      case Exchange::Stage::kIdle:
        more = false;
        break;
      case Exchange::Stage::kSending:
        more = send_some(connection, exchange);
        break;
      case Exchange::Stage::kReceiving:
        more = receive_some(connection, exchange);
        break;
      case Exchange::Stage::kAnswered:
        events.push_back(exchange.take_answer());
        break;
    }
  }
}

std::span<const std::byte> Exchanges::reply(base::SlotId id) const {
  const auto found = exchanges_.find(key(id));
  return found == exchanges_.end() ? std::span<const std::byte>{} : found->second.reply();
}

bool Exchanges::send_some(SocketConnection& connection, Exchange& exchange) {
  if (!connection.writable) return false;
  const std::span<const std::byte> bytes = exchange.unsent();
  ++stats_.syscalls[static_cast<std::size_t>(Syscall::kSend)];
  const ssize_t taken = ::send(connection.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (taken >= 0) {
    exchange.sent(static_cast<std::size_t>(taken));
    return true;
  }
  if (errno == EAGAIN) {
    connection.writable = false;
    return false;
  }
  connection.lose(base::last_errno());
  exchange.fail(connection.lost);
  return true;
}

bool Exchanges::receive_some(SocketConnection& connection, Exchange& exchange) {
  if (!connection.readable && connection.lost == base::Errno::kNone) return false;
  std::array<std::byte, kExchangeMax> buffer;
  const std::size_t room = exchange.room();
  ++stats_.syscalls[static_cast<std::size_t>(Syscall::kReceive)];
  const ssize_t got = ::recv(connection.fd, buffer.data(), room, 0);
  if (got > 0) {
    const auto bytes = static_cast<std::size_t>(got);
    if (bytes < room && !connection.read_to_end) connection.readable = false;
    exchange.received(std::span(buffer).first(bytes));
    return true;
  }
  if (got < 0 && errno == EAGAIN && connection.lost == base::Errno::kNone) {
    connection.readable = false;
    return false;
  }
  if (got < 0 && errno != EAGAIN) connection.lose(base::last_errno());
  // After a loss that somebody else was told of, the end looks like FIN (or, of a side that was
  // given up, like silence).
  const bool lost = connection.lost != base::Errno::kNone;
  exchange.fail(lost ? connection.lost : base::to_errno(ENODATA));
  return true;
}

}  // namespace backends::socket
