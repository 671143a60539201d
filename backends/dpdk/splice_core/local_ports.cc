#include "backends/dpdk/splice_core/local_ports.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "backends/dpdk/splice_core/wire.h"
#include "base/assert.h"

namespace backends::dpdk::splice_core {
namespace {

constexpr std::uint32_t kPorts = std::uint32_t{kLocalPortLast} - kLocalPortFirst + 1;

// Below so many pairs none is forgotten: there is nothing to gain.
constexpr std::size_t kForgetAtLeast = 256;

// What an element of the map costs besides itself: a link, the hash and its bucket.
constexpr std::size_t kNodeBytes = 3 * sizeof(void*);

HashSecret draw_secret(base::Prng& prng) {
  HashSecret secret;
  for (std::uint64_t& word : secret.words) word = prng.next();
  return secret;
}

// Coprime to the number of ports, or the strides would come round before they reached them all.
// Ends: kPorts - 1 is coprime.
std::uint32_t draw_stride(base::Prng& prng) {
  auto stride = static_cast<std::uint32_t>(prng.between(1, kPorts - 1));
  while (std::gcd(stride, kPorts) != 1) ++stride;
  return stride;
}

}  // namespace

template <typename Ip>
LocalPorts<Ip>::LocalPorts(const LocalPortsOptions& options, Mine mine)
    : mine_(std::move(mine)),
      quarantine_(options.quarantine),
      step_length_((options.quarantine / kWaitSteps) + base::Nanos(1)),  // Rounded up.
      prng_(options.seed),
      queues_(0, Hash{draw_secret(prng_)}),
      forget_at_(kForgetAtLeast) {
  CHECK(mine_);
  CHECK(options.quarantine >= base::Nanos::zero());
}

template <typename Ip>
std::optional<LocalPort<Ip>> LocalPorts<Ip>::take(std::span<const Ip> sources, std::size_t first,
                                                  const Ip& remote, std::uint16_t remote_port,
                                                  base::Nanos now) {
  advance(now);
  for (std::size_t tried = 0; tried < sources.size(); ++tried) {
    const Ip& source = sources[(first + tried) % sources.size()];
    const Key key{remote, source, remote_port, 0};
    Queue& queue = queue_of(key);
    settle(queue);
    std::optional<std::uint16_t> port = take_fresh(queue, key);
    if (!port.has_value() && queue.ready > 0) {
      port = queue.returned.pop(chunks_);
      --queue.ready;
    }
    if (!port.has_value()) continue;
    ++queue.in_use;
    ++in_use_;
    return LocalPort<Ip>{source, *port};
  }
  return std::nullopt;
}

template <typename Ip>
void LocalPorts<Ip>::give_back(const LocalPort<Ip>& port, const Ip& remote,
                               std::uint16_t remote_port, base::Nanos now) {
  advance(now);
  const auto found = queues_.find(Key{remote, port.address, remote_port, 0});
  CHECK(found != queues_.end());
  Queue& queue = found->second;
  CHECK(queue.in_use > 0);
  --queue.in_use;
  --in_use_;
  settle(queue);
  queue.returned.push(chunks_, port.port);
  if (quarantine_ == base::Nanos::zero()) {
    ++queue.ready;
  } else {
    ++queue.returned_in.at(step_ % kSteps);
    ++in_quarantine_;
  }
}

template <typename Ip>
std::size_t LocalPorts<Ip>::memory_bytes() const {
  return chunks_.memory_bytes() + (queues_.size() * (sizeof(Key) + sizeof(Queue) + kNodeBytes));
}

template <typename Ip>
typename LocalPorts<Ip>::Queue& LocalPorts<Ip>::queue_of(const Key& key) {
  const auto found = queues_.find(key);
  if (found != queues_.end()) return found->second;
  if (queues_.size() >= forget_at_) forget_idle();
  Queue& queue = queues_[key];
  queue.fresh = kPorts;
  queue.next = static_cast<std::uint32_t>(prng_.below(kPorts));
  queue.stride = draw_stride(prng_);
  return queue;
}

// A pair whose ports are all out of quarantine may begin anew as well.
template <typename Ip>
void LocalPorts<Ip>::forget_idle() {
  for (auto at = queues_.begin(); at != queues_.end();) {
    Queue& queue = at->second;
    settle(queue);
    if (queue.in_use > 0 || queue.returned.size() > queue.ready) {
      ++at;
    } else {
      queue.returned.clear(chunks_);
      at = queues_.erase(at);
    }
  }
  forget_at_ = std::max(kForgetAtLeast, queues_.size() * 2);
}

// Each port is asked about once, so in sum this costs a constant for each port that is taken,
// divided by this worker's share.
template <typename Ip>
std::optional<std::uint16_t> LocalPorts<Ip>::take_fresh(Queue& queue, const Key& key) {
  Key reply = key;
  while (queue.fresh > 0) {
    reply.local_port = swap_bytes(static_cast<std::uint16_t>(kLocalPortFirst + queue.next));
    queue.next = (queue.next + queue.stride) % kPorts;
    --queue.fresh;
    if (mine_(reply)) return reply.local_port;
  }
  return std::nullopt;
}

// To the step of `now`. Seldom a division: a step is about a second.
template <typename Ip>
void LocalPorts<Ip>::advance(base::Nanos now) {
  if (now < step_end_) return;
  const auto passed = static_cast<std::uint64_t>(now / step_length_);
  step_ = passed + kSteps;
  step_end_ = (static_cast<std::int64_t>(passed) + 1) * step_length_;
}

// Counts as ready what came back before the last kWaitSteps whole steps. At most kSteps rounds,
// and one for each step that passes.
template <typename Ip>
void LocalPorts<Ip>::settle(Queue& queue) {
  const std::uint64_t end = step_ - kWaitSteps;
  if (queue.settled >= end) return;
  const std::uint64_t last = std::min(end, queue.settled + kSteps);
  for (std::uint64_t step = queue.settled; step < last; ++step) {
    const std::uint16_t over = std::exchange(queue.returned_in.at(step % kSteps), std::uint16_t{0});
    queue.ready += over;
    in_quarantine_ -= over;
  }
  queue.settled = end;
}

template class LocalPorts<Ip4>;
template class LocalPorts<Ip6>;

}  // namespace backends::dpdk::splice_core
