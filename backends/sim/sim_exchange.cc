#include "backends/sim/sim_exchange.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace backends {

void SimExchanges::begin(std::uint64_t conn, std::span<const std::byte> request,
                         std::size_t reply_bytes_max, Tag tag) {
  exchanges_[conn].begin(request, reply_bytes_max, tag);
}

std::optional<Event> SimExchanges::run(std::uint64_t conn, SimSocketId socket,
                                       const SimFaults& faults) {
  const auto found = exchanges_.find(conn);
  if (found == exchanges_.end()) return std::nullopt;
  Exchange& exchange = found->second;
  bool more = true;
  while (more) {
    switch (exchange.stage()) {
      case Exchange::Stage::kIdle:
        more = false;
        break;
      case Exchange::Stage::kSending:
        more = send_some(exchange, socket, faults);
        break;
      case Exchange::Stage::kReceiving:
        more = receive_some(exchange, socket, faults);
        break;
      case Exchange::Stage::kAnswered:
        return exchange.take_answer();
    }
  }
  return std::nullopt;
}

std::span<const std::byte> SimExchanges::reply(std::uint64_t conn) const {
  const auto found = exchanges_.find(conn);
  return found == exchanges_.end() ? std::span<const std::byte>{} : found->second.reply();
}

bool SimExchanges::send_some(Exchange& exchange, SimSocketId id, const SimFaults& faults) {
  const SimSocket& socket = network_.socket(id);
  if (socket.state != SimState::kOpen) {
    exchange.fail(socket.error);
    return true;
  }
  std::size_t offered = exchange.unsent().size();
  if (network_.prng().chance(faults.short_write)) offered = 1 + network_.prng().below(offered);
  ++stats_.syscalls[static_cast<std::size_t>(Syscall::kSend)];
  const std::size_t taken = network_.write(id, exchange.unsent().first(offered));
  exchange.sent(taken);
  return taken != 0;
}

bool SimExchanges::receive_some(Exchange& exchange, SimSocketId id, const SimFaults& faults) {
  const SimSocket& socket = network_.socket(id);
  std::size_t count = std::min(socket.receive.size(), exchange.room());
  if (count != 0) {
    if (network_.prng().chance(faults.short_read)) count = 1 + network_.prng().below(count);
    std::array<std::byte, kExchangeMax> buffer;
    ++stats_.syscalls[static_cast<std::size_t>(Syscall::kReceive)];
    exchange.received(std::span(buffer).first(network_.read(id, std::span(buffer).first(count))));
    return true;
  }
  if (socket.state != SimState::kOpen) {
    exchange.fail(socket.error);
  } else if (socket.fin_received) {
    exchange.fail(base::to_errno(ENODATA));
  } else {
    return false;
  }
  return true;
}

}  // namespace backends
