#include "backends/sim/sim_relay.h"

#include <algorithm>
#include <chrono>

#include "base/assert.h"

namespace backends {

namespace {

// Twice the mean of one way; nothing is ever lost here.
PathFacts facts_of(const SimSocket& socket) {
  if (socket.local.family() == base::Family::kUnix) return {};
  const auto there_and_back = socket.path.latency_min + socket.path.latency_max;
  return {.rtt_us = static_cast<std::uint32_t>(
              std::chrono::duration_cast<std::chrono::microseconds>(there_and_back).count())};
}

}  // namespace

SimRelay::Side SimRelay::source_of(Direction direction) {
  return direction == Direction::kToUpstream ? Side::kClient : Side::kUpstream;
}

SimRelay::Side SimRelay::sink_of(Direction direction) {
  return direction == Direction::kToUpstream ? Side::kUpstream : Side::kClient;
}

SimRelay::SimRelay(SimNetwork& network, SimSocketId client, SimSocketId upstream,
                   const RelaySpec& spec, RelayProgress& progress)
    : network_(network),
      sockets_{client, upstream},
      progress_(progress),
      return_unused_(spec.preamble.empty() ? spec.return_unused : ReturnUnused::kNever),
      path_(facts_of(network.socket(upstream))),
      sample_path_(spec.sample_path) {
  Flow& to_upstream = flows_[index_of(Direction::kToUpstream)];
  to_upstream.held.append(spec.preamble);
  to_upstream.preamble_bytes = spec.preamble.size();
  to_upstream.skip = spec.skip;
}

std::size_t SimRelay::held_bytes() const {
  std::size_t held = 0;
  for (const Flow& flow : flows_) held += flow.held.size();
  return held;
}

SimRelay::Outcome SimRelay::pump(const SimFaults& faults, TransportStats& stats) {
  if (faults.relay_failure > 0 && network_.prng().chance(faults.relay_failure)) {
    reset_both();
    return {RelayEnd::kFailed, base::to_errno(ENOMEM), false};
  }
  notice_resets();
  for (std::size_t i = 0; i < kDirections; ++i) {
    const auto direction = static_cast<Direction>(i);
    // After a reset only the bytes before it still matter: those of the side that sent it.
    if (reset_by_ && *reset_by_ != source_of(direction)) continue;
    move(direction, faults, stats);
    if (direction == Direction::kToUpstream && unused()) {
      const SimSocket& client = socket(Side::kClient);
      const bool reset = client.state == SimState::kReset;
      const base::Errno error = reset ? client.error : base::Errno::kNone;
      network_.close(socket_id(Side::kClient));
      return {RelayEnd::kUnused, error, false};
    }
    if (!reset_by_) pass_on_fin(direction);
  }
  if (reset_by_) {
    const std::optional<RelayEnd> end = finish_reset();
    return {end, base::Errno::kNone, !end && more_to_do()};
  }
  if (flows_[0].finished && flows_[1].finished) {
    for (const Side side : kSides) network_.close(socket_id(side));
    return {RelayEnd::kBothClosed, base::Errno::kNone, false};
  }
  return {std::nullopt, base::Errno::kNone, more_to_do()};
}

void SimRelay::reset_both() {
  for (const Side side : kSides) network_.reset(socket_id(side));
}

void SimRelay::notice_resets() {
  if (reset_by_) return;
  for (const Side side : kSides) {
    const SimSocket& here = socket(side);
    if (here.state != SimState::kReset) continue;
    if (!reset_by_ || here.reset_at < socket(*reset_by_).reset_at) reset_by_ = side;
  }
}

// Alternates between reading and writing until one of them stops or the budget is used up.
void SimRelay::move(Direction direction, const SimFaults& faults, TransportStats& stats) {
  Flow& flow = flows_[index_of(direction)];
  std::size_t budget = kBudget;
  drain(direction, faults, stats);
  while (flow.held.empty() && budget > 0) {
    const std::size_t count = fill(direction, budget, faults, stats);
    if (count == 0) return;
    budget -= count;
    drain(direction, faults, stats);
  }
  if (budget == 0) ++stats.fairness_yields;
}

// Reads once; returns how many bytes of the source it took.
std::size_t SimRelay::fill(Direction direction, std::size_t budget, const SimFaults& faults,
                           TransportStats& stats) {
  Flow& flow = flows_[index_of(direction)];
  const SimSocketId source = socket_id(source_of(direction));
  std::size_t count = std::min({network_.socket(source).receive.size(), budget, kHeldMax});
  if (count == 0) return 0;
  if (network_.prng().chance(faults.short_read)) count = 1 + network_.prng().below(count);
  std::array<std::byte, kHeldMax> buffer;
  const auto bytes = std::span(buffer).first(network_.read(source, std::span(buffer).first(count)));
  const auto dropped = static_cast<std::size_t>(std::min<std::uint64_t>(flow.skip, bytes.size()));
  flow.skip -= dropped;
  flow.held.append(bytes.subspan(dropped));
  ++stats.syscalls[static_cast<std::size_t>(Syscall::kReceive)];
  return bytes.size();
}

// Writes once, if there is anything to write and room for it.
void SimRelay::drain(Direction direction, const SimFaults& faults, TransportStats& stats) {
  Flow& flow = flows_[index_of(direction)];
  if (flow.held.empty()) return;
  std::size_t offered = flow.held.size();
  if (network_.prng().chance(faults.short_write)) offered = 1 + network_.prng().below(offered);
  const std::size_t taken = network_.write(socket_id(sink_of(direction)), flow.held.front(offered));
  flow.held.discard(taken);
  ++stats.syscalls[static_cast<std::size_t>(Syscall::kSend)];
  if (!flow.held.empty()) ++stats.short_writes;
  const std::size_t preamble = std::min(taken, flow.preamble_bytes);
  flow.preamble_bytes -= preamble;
  const std::size_t payload = taken - preamble;
  if (payload == 0) return;
  progress_.bytes[index_of(direction)] += payload;
  progress_.last_active = network_.now();
  stats.method_bytes[static_cast<std::size_t>(Method::kCopy)] += payload;
}

void SimRelay::pass_on_fin(Direction direction) {
  Flow& flow = flows_[index_of(direction)];
  const SimSocket& source = socket(source_of(direction));
  const bool drained = source.receive.empty() && flow.held.empty();
  if (flow.finished || !source.fin_received || !drained) return;
  network_.shutdown_write(socket_id(sink_of(direction)));
  flow.finished = true;
  if (progress_.half_closed.count() > 0) return;
  progress_.half_closed = network_.now();
  progress_.first_closed = direction;
}

// The client has left without a byte, and the upstream is open and has said nothing.
bool SimRelay::unused() const {
  if (return_unused_ == ReturnUnused::kNever) return false;
  const SimSocket& client = socket(Side::kClient);
  const SimSocket& upstream = socket(Side::kUpstream);
  const bool finished = client.fin_received && return_unused_ == ReturnUnused::kAfterResetOrFin;
  if (client.state != SimState::kReset && !finished) return false;
  if (held_bytes() != 0 || progress_.bytes != decltype(progress_.bytes){}) return false;
  if (!client.receive.empty() || flows_[0].finished || flows_[1].finished) return false;
  return upstream.state == SimState::kOpen && upstream.receive.empty() && !upstream.fin_received;
}

bool SimRelay::more_to_do() const {
  for (std::size_t i = 0; i < kDirections; ++i) {
    const auto direction = static_cast<Direction>(i);
    if (reset_by_ && *reset_by_ != source_of(direction)) continue;
    const bool held = !flows_[i].held.empty();
    if (held ? socket(sink_of(direction)).send_space() > 0
             : !socket(source_of(direction)).receive.empty()) {
      return true;
    }
  }
  return false;
}

// The reset goes on when the other side's machine has every byte that came before it, or has gone
// itself.
std::optional<RelayEnd> SimRelay::finish_reset() {
  const Side by = *reset_by_;
  const Side to = by == Side::kClient ? Side::kUpstream : Side::kClient;
  const Direction direction = by == Side::kClient ? Direction::kToUpstream : Direction::kToClient;
  const bool delivered = socket(by).receive.empty() && flows_[index_of(direction)].held.empty() &&
                         socket(to).undelivered() == 0;
  if (!delivered && socket(to).state != SimState::kReset) return std::nullopt;
  reset_both();
  return by == Side::kClient ? RelayEnd::kClientReset : RelayEnd::kUpstreamReset;
}

}  // namespace backends
