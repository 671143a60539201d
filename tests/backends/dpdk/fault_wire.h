// Carries packets between two parties in virtual time and loses, repeats, delays and damages some
// of them. The same seed and the same packets give the same faults. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/prng.h"
#include "base/time.h"

namespace dpdk_test {

// Of a thousand packets, in each direction.
struct Faults {
  std::uint32_t loss = 0;
  std::uint32_t duplicate = 0;  // The second copy has a fate of its own from there on.
  std::uint32_t reorder = 0;    // Delayed by up to reorder_delay: later ones overtake it.
  std::uint32_t corrupt = 0;    // One bit is turned.
  base::Nanos latency = std::chrono::milliseconds(1);
  base::Nanos reorder_delay = std::chrono::milliseconds(5);
};

struct FaultStats {
  std::uint64_t carried = 0;  // Handed to the receiver.
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
  std::uint64_t corrupted = 0;
  std::uint64_t overflowed = 0;  // More than kUnderWayMax under way: dropped.
};

class FaultWire {
 public:
  static constexpr std::size_t kUnderWayMax = 1U << 16U;  // Each direction.

  FaultWire(const Faults& faults, std::uint64_t seed) : faults_(faults), prng_(seed) {}

  // From side 0 or 1 to the other one.
  void send(std::size_t side, std::span<const std::byte> packet, base::Nanos now);
  // The oldest packet that has reached `side` by now. False when there is none.
  bool receive(std::size_t side, std::vector<std::byte>& packet, base::Nanos now);
  // When the next packet reaches anybody.
  std::optional<base::Nanos> next_arrival() const;

  void set_faults(const Faults& faults) { faults_ = faults; }
  const FaultStats& stats() const { return stats_; }

 private:
  // In the order of arrival; the second number keeps the order of sending where times are equal.
  using Arrivals = std::map<std::pair<base::Nanos, std::uint64_t>, std::vector<std::byte>>;

  bool happens(std::uint32_t per_thousand, std::uint64_t& count);
  void carry(Arrivals& arrivals, std::span<const std::byte> packet, base::Nanos now);

  Faults faults_;
  base::Prng prng_;
  std::uint64_t sent_ = 0;
  std::array<Arrivals, 2> to_;  // By the side that receives.
  FaultStats stats_;
};

}  // namespace dpdk_test
