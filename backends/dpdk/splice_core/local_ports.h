// Which local port the next upstream connection gets: constant time, whatever is in use. For each
// pair of a local address and an endpoint the ports go round as a queue: never-used ones first,
// from a random place on, then the one that was given back longest ago, and not before its
// quarantine is over: the server's side may be in TIME_WAIT (RFC 9293, 3.6.1; facts/dpdk.md, 2.5
// and 2.7). 2 bytes for each port in use or in quarantine. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "backends/dpdk/splice_core/flow_key.h"
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
  ~LocalPorts();
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
  std::size_t in_quarantine() const;  // Of ports whose quarantine is not known to be over.

 private:
  std::size_t in_use_ = 0;
  // The implementation's own.
};

extern template class LocalPorts<Ip4>;
extern template class LocalPorts<Ip6>;

}  // namespace backends::dpdk::splice_core
