#include "tests/backends/dpdk/fault_wire.h"

#include <algorithm>

namespace dpdk_test {

bool FaultWire::happens(std::uint32_t per_thousand, std::uint64_t& count) {
  const bool yes = prng_.chance(per_thousand);
  if (yes) ++count;
  return yes;
}

void FaultWire::send(std::size_t side, std::span<const std::byte> packet, base::Nanos now) {
  Arrivals& arrivals = to_.at(1 - side);
  if (happens(faults_.loss, stats_.lost)) return;
  carry(arrivals, packet, now);
  if (happens(faults_.duplicate, stats_.duplicated)) carry(arrivals, packet, now);
}

void FaultWire::carry(Arrivals& arrivals, std::span<const std::byte> packet, base::Nanos now) {
  if (arrivals.size() >= kUnderWayMax) {
    ++stats_.overflowed;
    return;
  }
  base::Nanos at = now + faults_.latency;
  if (happens(faults_.reorder, stats_.reordered)) {
    const auto most = static_cast<std::uint64_t>(faults_.reorder_delay.count());
    at += base::Nanos(static_cast<base::Nanos::rep>(prng_.between(0, most)));
  }
  std::vector<std::byte> bytes(packet.begin(), packet.end());
  if (!bytes.empty() && happens(faults_.corrupt, stats_.corrupted)) {
    const std::uint64_t bit = prng_.below(bytes.size() * 8);
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
  }
  arrivals.emplace(std::pair(at, sent_++), std::move(bytes));
}

bool FaultWire::receive(std::size_t side, std::vector<std::byte>& packet, base::Nanos now) {
  Arrivals& arrivals = to_.at(side);
  if (arrivals.empty() || arrivals.begin()->first.first > now) return false;
  packet = std::move(arrivals.begin()->second);
  arrivals.erase(arrivals.begin());
  ++stats_.carried;
  return true;
}

std::optional<base::Nanos> FaultWire::next_arrival() const {
  std::optional<base::Nanos> next;
  for (const Arrivals& arrivals : to_) {
    if (arrivals.empty()) continue;
    const base::Nanos first = arrivals.begin()->first.first;
    next = next ? std::min(*next, first) : first;
  }
  return next;
}

}  // namespace dpdk_test
