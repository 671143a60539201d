// Which local port the next upstream connection gets: constant time, whatever is in use. For each
// pair of a local address and an endpoint the ports go round as a queue: never-used ones first,
// from a random place on, then the one that was given back longest ago, and not before its
// quarantine is over: the server's side may be in TIME_WAIT (RFC 9293, 3.6.1; facts/dpdk.md, 2.5
// and 2.7). 2 bytes for each port in use or in quarantine, about 300 for each pair. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <unordered_map>

#include "backends/dpdk/splice_core/flow_key.h"
#include "backends/dpdk/splice_core/port_fifo.h"
#include "base/prng.h"
#include "base/time.h"

namespace backends::dpdk::splice_core {

inline constexpr std::uint16_t kLocalPortFirst = 1024;
inline constexpr std::uint16_t kLocalPortLast = 65535;

template <typename Ip>
struct LocalPort {
  Ip address;
  std::uint16_t port = 0;  // Wire order, as in FlowKey.
  friend bool operator==(const LocalPort&, const LocalPort&) = default;
};

struct LocalPortsOptions {
  // At least this long; at most a thirtieth longer (when each was given back is noted in steps).
  base::Nanos quarantine = std::chrono::seconds(60);
  std::uint64_t seed = 0;  // Where the ports begin, so that a restart does not begin where we did.
};

template <typename Ip>
class LocalPorts {
 public:
  // True when replies of `remote` to this address and port come to this worker: all ports where the
  // device has one queue, a share of them where it spreads by RSS (facts/dpdk.md, 2.8). Must give
  // the same answer for the same arguments for ever.
  using Mine = std::function<bool(const FlowKey<Ip>& reply)>;

  LocalPorts(const LocalPortsOptions& options, Mine mine);
  LocalPorts(const LocalPorts&) = delete;
  LocalPorts& operator=(const LocalPorts&) = delete;

  // Tries `sources` from `first` on, round and round. Nothing: every port of all of them is in use
  // or in quarantine.
  std::optional<LocalPort<Ip>> take(std::span<const Ip> sources, std::size_t first,
                                    const Ip& remote, std::uint16_t remote_port, base::Nanos now);
  // It was taken for the same remote. Quarantined from `now` on.
  void give_back(const LocalPort<Ip>& port, const Ip& remote, std::uint16_t remote_port,
                 base::Nanos now);

  std::size_t in_use() const { return in_use_; }
  // Of ports whose quarantine is not known to be over: a pair is looked at when it is asked for.
  std::size_t in_quarantine() const { return in_quarantine_; }
  // Pairs of an address and an endpoint. Those without a port in use or in quarantine are forgotten
  // when there have come to be twice as many, so endpoints that come and go leave nothing behind.
  std::size_t pairs() const { return queues_.size(); }
  std::size_t memory_bytes() const;

 private:
  // Quarantine runs in steps: a queue counts how many ports came back in each of the last ones.
  static constexpr std::uint64_t kSteps = 64;
  // The step a port came back in, 62 whole ones, and the one that begins: 64 are never crowded.
  static constexpr std::uint64_t kWaitSteps = kSteps - 2;

  struct Queue {
    // Never used: `fresh` of them, from `next` on in strides that reach each port once.
    std::uint32_t fresh = 0;
    std::uint32_t next = 0;
    std::uint32_t stride = 0;
    std::uint32_t in_use = 0;
    // Given back, in this order: the first `ready` of them may be taken, the rest is waiting.
    PortFifo returned;
    std::uint32_t ready = 0;
    std::uint64_t settled = 0;  // The first step whose ports are not in `ready`.
    std::array<std::uint16_t, kSteps> returned_in{};  // By step, modulo kSteps.
  };

  // A pair is named by the flow of its replies with local port 0.
  using Key = FlowKey<Ip>;
  struct Hash {
    HashSecret secret;
    std::size_t operator()(const Key& key) const { return hash_of(key, secret); }
  };

  Queue& queue_of(const Key& key);
  void forget_idle();
  std::optional<std::uint16_t> take_fresh(Queue& queue, const Key& key);
  void advance(base::Nanos now);
  void settle(Queue& queue);

  Mine mine_;
  base::Nanos quarantine_;
  base::Nanos step_length_;
  std::uint64_t step_ = kSteps;  // Begins there, so that none before it is below 0.
  base::Nanos step_end_{};
  base::Prng prng_;
  PortChunks chunks_;
  std::unordered_map<Key, Queue, Hash> queues_;
  std::size_t forget_at_;
  std::size_t in_use_ = 0;
  std::size_t in_quarantine_ = 0;
};

extern template class LocalPorts<Ip4>;
extern template class LocalPorts<Ip6>;

}  // namespace backends::dpdk::splice_core
