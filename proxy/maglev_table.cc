#include "proxy/maglev_table.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>

#include "base/prng.h"

namespace proxy {

namespace {

constexpr std::uint16_t kNobody = std::numeric_limits<std::uint16_t>::max();

// An endpoint's order of preference over the entries: offset, offset + skip, offset + 2 skip, ...
// The size is a prime, so this meets every entry.
struct Preference {
  std::uint16_t endpoint = 0;
  std::uint64_t key = 0;
  std::uint64_t next = 0;
  std::uint64_t skip = 0;
  std::uint64_t turn = 0;  // In virtual time, as in endpoint_heap.h.
  std::uint64_t stride = 0;
};

// The stride of weight 1: large, so that 1/weight is exact enough for any 32-bit weight; small, so
// that kSize turns of weight 1 do not overflow.
constexpr std::uint64_t kStrideOfOne = std::uint64_t{1} << 44U;
static_assert(MaglevTable::kSize < (std::uint64_t{1} << 63U) / kStrideOfOne);

std::vector<Preference> preferences_of(std::span<const BalancedEndpoint> endpoints) {
  std::vector<Preference> preferences;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const BalancedEndpoint& endpoint = endpoints[i];
    if (endpoint.weight == 0) continue;
    const std::uint64_t stride = kStrideOfOne / endpoint.weight;
    // Two hashes of the name that have nothing to do with each other.
    preferences.push_back({.endpoint = static_cast<std::uint16_t>(i),
                           .key = endpoint.key,
                           .next = base::splitmix64(endpoint.key) % MaglevTable::kSize,
                           .skip = base::splitmix64(~endpoint.key) % (MaglevTable::kSize - 1) + 1,
                           .turn = stride / 2,
                           .stride = stride});
  }
  return preferences;
}

// Whose turn is later. Ties go by key, so that the order in the file does not matter.
bool later(const Preference& a, const Preference& b) {
  return a.turn != b.turn ? a.turn > b.turn : a.key > b.key;
}

}  // namespace

// The paper lets the endpoints take turns, and each turn take the first free entry of the
// endpoint's preference; weights change how often one has its turn. Here turns come from strides,
// which makes the shares exact and the time independent of how uneven the weights are.
MaglevTable::MaglevTable(std::span<const BalancedEndpoint> endpoints) {
  std::vector<Preference> heap = preferences_of(endpoints);
  if (heap.empty()) return;
  std::make_heap(heap.begin(), heap.end(), later);
  entries_.assign(kSize, kNobody);
  for (std::size_t filled = 0; filled < kSize; ++filled) {
    std::pop_heap(heap.begin(), heap.end(), later);
    Preference& mine = heap.back();
    while (entries_[mine.next] != kNobody) mine.next = (mine.next + mine.skip) % kSize;
    entries_[mine.next] = mine.endpoint;
    mine.turn += mine.stride;
    std::push_heap(heap.begin(), heap.end(), later);
  }
}

}  // namespace proxy
