#include "proxy/endpoint_heap.h"

#include <algorithm>
#include <numeric>

#include "base/assert.h"
#include "base/prng.h"

namespace proxy {

namespace {

// The stride of weight 1. Large, so that 1/weight is exact enough for any 32-bit weight (to 1 in
// 4096); small, so that virtual time starts over only every 2^18 turns of it.
constexpr std::uint64_t kStrideOfOne = std::uint64_t{1} << 44U;
constexpr std::uint64_t kClockEnd = std::uint64_t{1} << 62U;

// A start somewhere among this many turns (or all endpoints, if they are more) sets workers apart;
// the whole period of unlucky weights could be billions of turns.
constexpr std::uint64_t kSkippedTurns = 1024;

}  // namespace

EndpointHeap::EndpointHeap(std::span<const BalancedEndpoint> endpoints, std::uint64_t seed) {
  entries_.reserve(endpoints.size());
  heap_.reserve(endpoints.size());
  held_.reserve(endpoints.size());
  for (const BalancedEndpoint& endpoint : endpoints) {
    const std::uint64_t stride = endpoint.weight == 0 ? 0 : kStrideOfOne / endpoint.weight;
    // The first turn comes after half a stride: the middle of the endpoint's first share of time.
    // With a whole one, every light endpoint's turn would fall on the same moment.
    entries_.push_back({.turn = stride / 2,
                        .stride = stride,
                        .weight = endpoint.weight,
                        .sessions = 0,
                        .place = 0});
    if (endpoint.weight != 0) push(static_cast<std::uint16_t>(entries_.size() - 1));
  }
  skip_turns(endpoints, seed);
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    entries_[i].sessions = endpoints[i].sessions;
    if (entries_[i].weight != 0) sift_down(entries_[i].place);
  }
}

std::uint16_t EndpointHeap::take(const Candidates& candidates) {
  if (now_ >= kClockEnd) restart_clock();
  held_.clear();
  while (!heap_.empty() && !candidates.has(heap_.front())) held_.push_back(pop());
  CHECK(!heap_.empty());
  const std::uint16_t taken = heap_.front();
  Entry& entry = entries_[taken];
  now_ = std::max(now_, entry.turn);
  entry.turn = now_ + entry.stride;
  sift_down(0);
  for (const std::uint16_t endpoint : held_) push(endpoint);
  return taken;
}

void EndpointHeap::session_started(std::uint16_t endpoint) {
  Entry& entry = entries_[endpoint];
  ++entry.sessions;
  if (entry.weight != 0) sift_down(entry.place);
}

void EndpointHeap::session_ended(std::uint16_t endpoint) {
  Entry& entry = entries_[endpoint];
  CHECK(entry.sessions > 0);
  --entry.sessions;
  if (entry.weight != 0) sift_up(entry.place);
}

// Sessions per weight, compared without a division; then the turn; then the file's order.
bool EndpointHeap::before(std::uint16_t a, std::uint16_t b) const {
  const Entry& first = entries_[a];
  const Entry& second = entries_[b];
  const std::uint64_t first_load = std::uint64_t{first.sessions} * second.weight;
  const std::uint64_t second_load = std::uint64_t{second.sessions} * first.weight;
  if (first_load != second_load) return first_load < second_load;
  if (first.turn != second.turn) return first.turn < second.turn;
  return a < b;
}

std::uint16_t EndpointHeap::pop() {
  const std::uint16_t top = heap_.front();
  const std::uint16_t last = heap_.back();
  heap_.pop_back();
  if (!heap_.empty()) {
    put(0, last);
    sift_down(0);
  }
  return top;
}

void EndpointHeap::push(std::uint16_t endpoint) {
  heap_.push_back(endpoint);
  put(heap_.size() - 1, endpoint);
  sift_up(heap_.size() - 1);
}

void EndpointHeap::put(std::size_t place, std::uint16_t endpoint) {
  heap_[place] = endpoint;
  entries_[endpoint].place = static_cast<std::uint32_t>(place);
}

void EndpointHeap::sift_up(std::size_t place) {
  const std::uint16_t endpoint = heap_[place];
  while (place > 0) {
    const std::size_t parent = (place - 1) / 2;
    if (!before(endpoint, heap_[parent])) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, endpoint);
}

void EndpointHeap::sift_down(std::size_t place) {
  const std::uint16_t endpoint = heap_[place];
  for (;;) {
    std::size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
    if (!before(heap_[child], endpoint)) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, endpoint);
}

void EndpointHeap::skip_turns(std::span<const BalancedEndpoint> endpoints, std::uint64_t seed) {
  Candidates everybody(endpoints);
  if (!everybody.begin({})) return;
  std::uint64_t sum = 0;
  std::uint64_t divisor = 0;
  for (const Entry& entry : entries_) {
    sum += entry.weight;
    divisor = std::gcd(divisor, std::uint64_t{entry.weight});
  }
  const std::uint64_t period = sum / divisor;
  const std::uint64_t most = std::max<std::uint64_t>(kSkippedTurns, entries_.size());
  const std::uint64_t turns = base::Prng(seed).below(std::min(period, most));
  for (std::uint64_t i = 0; i < turns; ++i) take(everybody);
}

// Virtual time starts at 0 again. Who was behind is then level with it, as take() would have put
// it.
void EndpointHeap::restart_clock() {
  for (Entry& entry : entries_) entry.turn -= std::min(entry.turn, now_);
  now_ = 0;
  for (std::size_t place = heap_.size() / 2; place-- > 0;) sift_down(place);
}

}  // namespace proxy
