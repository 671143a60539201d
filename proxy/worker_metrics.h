// What the workers count, in words that one worker writes and a scrape reads. Each worker has its
// own copy of every cell, on cache lines of its own, so counting is two plain moves and no worker
// ever waits for another or for a scrape.
//
// MetricsCatalog is owned by main and outlives the workers. It knows the cells by name and keeps
// them for the life of the process: a listener that is removed and comes back goes on counting
// where it stopped, so a counter never falls. Workers get pointers to their cells through the
// snapshot.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/transport.h"
#include "metrics/counter.h"
#include "metrics/histogram.h"
#include "proxy/dns_cells.h"
#include "proxy/end_reason.h"
#include "proxy/monitor_cells.h"

namespace proxy {

inline constexpr std::size_t kCacheLine = 64;
inline constexpr std::size_t kActors = static_cast<std::size_t>(Actor::kCount);
inline constexpr std::size_t kCauses = static_cast<std::size_t>(Cause::kCount);

// Why a client was turned away before it became a session.
enum class Rejection : std::uint8_t { kLimit, kResource, kCount };

struct alignas(kCacheLine) ListenerCells {
  metrics::Counter accepted;
  std::array<metrics::Counter, static_cast<std::size_t>(Rejection::kCount)> rejected;
  metrics::Gauge paused;
  metrics::Gauge sessions;  // Over all upstreams: what max_sessions is about.
  metrics::DurationHistogram duration;
  metrics::LatencyHistogram setup;         // Over a connect of the session's own,
  metrics::LatencyHistogram setup_pooled;  // and over a connection that stood already.

  void reject(Rejection why) { rejected[static_cast<std::size_t>(why)].add(); }
};

// One listener's sessions on one upstream.
struct alignas(kCacheLine) RouteCells {
  metrics::Gauge sessions;
  std::array<metrics::Counter, backends::kDirections> bytes;
  std::array<std::array<metrics::Counter, kCauses>, kActors> ended;

  void end(EndReason reason) {
    ended[static_cast<std::size_t>(reason.actor)][static_cast<std::size_t>(reason.cause)].add();
  }
};

// What became of a check-out, and why a pooled connection was thrown away.
enum class Checkout : std::uint8_t { kHit, kMiss, kStale, kCount };
enum class Discard : std::uint8_t { kAged, kClosed, kExcess, kCount };

struct alignas(kCacheLine) UpstreamCells {
  metrics::LatencyHistogram connect;
  metrics::Gauge sessions;    // Past the queue: what limits.max_sessions is about.
  metrics::Gauge connecting;  // Connects under way, those of pools included.
  metrics::Gauge queued;
  metrics::LatencyHistogram queue_time;  // Of those that left the queue, whatever came then.
  metrics::Counter retries;
  metrics::Counter retries_refused;  // By the retry budget.
  metrics::Gauge pool_idle;
  metrics::Gauge pool_connecting;
  metrics::Gauge pool_target;  // What the pools should have, by demand and configuration.
  std::array<metrics::Counter, static_cast<std::size_t>(Checkout::kCount)> checkouts;
  std::array<metrics::Counter, static_cast<std::size_t>(Discard::kCount)> discarded;
  metrics::Counter saved_nanoseconds;  // Connect time that hits did not wait for.

  void checked_out(Checkout result) { checkouts[static_cast<std::size_t>(result)].add(); }
  void discard(Discard cause) { discarded[static_cast<std::size_t>(cause)].add(); }
};

struct alignas(kCacheLine) EndpointCells {
  metrics::Gauge sessions;
  metrics::Gauge connecting;
  metrics::Gauge pooled;          // Idle in the worker's pool and connecting for it.
  metrics::LatencyHistogram rtt;  // Of session ends, and once a minute of long ones.
  metrics::Counter retransmits;
  metrics::Counter path_samples;
  std::array<metrics::Counter, kCauses> connect_failures;

  void connect_failed(Cause cause) { connect_failures[static_cast<std::size_t>(cause)].add(); }
};

// A copy of the transport's plain statistics that other threads may read.
class TransportCells {
 public:
  void publish(const backends::TransportStats& stats);  // The worker.
  backends::TransportStats read() const;                // Any thread; words may be one poll apart.

  // The engine that this worker really has: a constant word, as Transport::name() is. Once, by the
  // worker.
  void publish_engine(std::string_view name);
  // Any thread; empty before that.
  std::string_view engine() const;

 private:
  static_assert(sizeof(backends::TransportStats) % sizeof(std::uint64_t) == 0);
  static constexpr std::size_t kWords = sizeof(backends::TransportStats) / sizeof(std::uint64_t);
  std::array<std::atomic<std::uint64_t>, kWords> words_{};
  std::atomic<const char*> engine_ = nullptr;  // After its length, so that both are read together.
  std::atomic<std::size_t> engine_length_ = 0;
};

// Numbers of an engine that handles packets itself. What there is to count is known when the engine
// is; from then on the names are constant and the values single words, as in TransportCells.
class PacketCells {
 public:
  struct Row {
    backends::PacketNumberKind kind = backends::PacketNumberKind::kCounted;
    std::string port;
    std::string name;
    std::uint64_t value = 0;
  };
  // The worker. The first call that has any numbers fixes their names.
  void publish(std::span<const backends::PacketNumber> numbers);
  std::vector<Row> read() const;  // Any thread.

 private:
  std::vector<Row> rows_;  // Values unused. Written before size_.
  std::atomic<std::size_t> size_ = 0;
  std::array<std::atomic<std::uint64_t>, backends::Transport::kPacketNumbersMax> words_{};
};

struct alignas(kCacheLine) WorkerCells {
  metrics::Counter busy_nanoseconds;
  metrics::Gauge sessions;
  metrics::LatencyHistogram loop;
  TransportCells transport;
  PacketCells packets;
};

// Whichever of the three the counted thing has.
struct SeriesNames {
  std::string listener;
  std::string upstream;
  std::string endpoint;

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 reads one into the comparison it makes up.
  friend auto operator<=>(const SeriesNames&, const SeriesNames&) = default;
};

// What the monitor says of an endpoint: written by its thread only, read by every worker when it is
// told that something has changed (Command::Kind::kVerdicts) and when it takes over a snapshot.
struct Verdict {
  std::atomic<bool> healthy = true;
  std::atomic<bool> ejected = false;
  // Somebody's last connect failed: workers report successes too until this is off again.
  std::atomic<bool> suspected = false;
};

// The cells of one thing, one for each worker. Names and cells never change after construction.
template <typename Cells>
struct Series {
  Series(std::size_t workers, SeriesNames own_names) : names(std::move(own_names)) {
    for (std::size_t i = 0; i < workers; ++i) cells.push_back(std::make_unique<Cells>());
  }
  const SeriesNames names;
  std::vector<std::unique_ptr<Cells>> cells;
  mutable Verdict verdict;         // Of endpoints only.
  mutable MonitorCells monitored;  // Of endpoints and upstreams.
  bool configured = true;  // In the configuration in force. Main and the scrape, under the lock.
};
template <typename Cells>
using SeriesMap = std::map<SeriesNames, std::unique_ptr<Series<Cells>>>;
using ListenerSeries = Series<ListenerCells>;
using RouteSeries = Series<RouteCells>;
using UpstreamSeries = Series<UpstreamCells>;
using EndpointSeries = Series<EndpointCells>;
using DnsSeries = Series<DnsCells>;  // With one copy of the cells, the resolver's.

class MetricsCatalog {
 public:
  explicit MetricsCatalog(std::size_t workers);

  std::size_t workers() const { return workers_.size(); }
  WorkerCells& worker(std::size_t index) { return *workers_[index]; }
  const WorkerCells& worker(std::size_t index) const { return *workers_[index]; }
  MonitorTotals& monitor() { return monitor_; }
  const MonitorTotals& monitor() const { return monitor_; }

  // Found or made; they live as long as the catalog. Main thread only.
  ListenerSeries& listener(const std::string& name);
  RouteSeries& route(const std::string& listener, const std::string& upstream);
  UpstreamSeries& upstream(const std::string& name);
  EndpointSeries& endpoint(const std::string& upstream, const std::string& endpoint);
  DnsSeries& dns(const std::string& upstream);

  // Marks everything as gone from the configuration; what the next one names is marked again by the
  // calls above. Main thread only.
  void forget_configuration();

  // The scrape: visits while main cannot add.
  template <typename Visitor>
  void read(Visitor visit) const {
    const std::lock_guard lock(mutex_);
    visit(Contents{listeners_, routes_, upstreams_, endpoints_, dns_});
  }

  struct Contents {
    const SeriesMap<ListenerCells>& listeners;
    const SeriesMap<RouteCells>& routes;
    const SeriesMap<UpstreamCells>& upstreams;
    const SeriesMap<EndpointCells>& endpoints;
    const SeriesMap<DnsCells>& dns;
  };

 private:
  template <typename Cells>
  Series<Cells>& find_or_add(SeriesMap<Cells>& all, SeriesNames names, std::size_t copies);

  std::vector<std::unique_ptr<WorkerCells>> workers_;
  MonitorTotals monitor_;
  mutable std::mutex mutex_;  // Main against the scrape. No worker ever takes it.
  SeriesMap<ListenerCells> listeners_;
  SeriesMap<RouteCells> routes_;
  SeriesMap<UpstreamCells> upstreams_;
  SeriesMap<EndpointCells> endpoints_;
  SeriesMap<DnsCells> dns_;
};

// The sum of a gauge over all workers: what other workers have may be a moment old.
template <typename Cells>
std::int64_t sum_over_workers(const Series<Cells>& series, const metrics::Gauge Cells::*gauge) {
  std::int64_t sum = 0;
  for (const auto& cells : series.cells) sum += ((*cells).*gauge).value();
  return sum;
}

}  // namespace proxy
