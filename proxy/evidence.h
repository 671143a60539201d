// What sessions meet at endpoints, on its way from a worker to the monitor: one log for each
// worker, which alone writes it, and the monitor reads them all. Bounded: what does not fit is
// dropped and counted, because the next failure says the same. Owned by the supervisor; outlives
// the worker and its reader.
//
// A worker reports every failure of an endpoint whose upstream has `outlier`, and anything good
// only while the endpoint's verdict is suspected: well endpoints cost nothing.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "backends/transport.h"
#include "base/spsc_ring.h"
#include "base/time.h"
#include "metrics/counter.h"
#include "proxy/worker_metrics.h"

namespace proxy {

// What became of one connection to an endpoint. Our own troubles (no descriptor, no port) are none
// of these. A connect says nothing about resets: an endpoint that takes every connection and resets
// it connects well each time.
enum class Outcome : std::uint8_t {
  kConnected,      // The endpoint took a connection,
  kServed,         // and a session ended that had got a byte from it.
  kConnectFailed,  // Refused, unreachable, or no answer in time.
  kResetEarly      // It reset a session before its first byte.
};

struct EvidenceRecord {
  const EndpointSeries* endpoint = nullptr;
  base::Nanos at{0};  // The worker's now().
  Outcome outcome = Outcome::kConnected;
};

class EvidenceLog {
 public:
  // Records that wait for the monitor. It is woken by the first of them and reads all, so only a
  // burst within its wake-up time (some 50 us; some hundred connects of a worker) must fit.
  static constexpr std::size_t kRecords = 1024;

  EvidenceLog() : ring_(kRecords) {}
  EvidenceLog(const EvidenceLog&) = delete;
  EvidenceLog& operator=(const EvidenceLog&) = delete;

  // --- The worker's thread.
  // Leaves the record and wakes the monitor, once until it reads.
  void push(const EvidenceRecord& record);

  // --- The monitor's thread.
  // Its transport, to be woken; null before it goes. Until then records only wait. Nobody may push
  // while a transport that was attached is destroyed.
  void attach(backends::Transport* monitor);
  // Before a run of try_pop(): what is pushed from here on wakes again.
  void begin_reading() { woken_.store(false); }
  bool try_pop(EvidenceRecord& record) { return ring_.try_pop(record); }

  // Any thread.
  std::uint64_t dropped() const { return dropped_.value(); }

 private:
  base::SpscRing<EvidenceRecord> ring_;
  metrics::Counter dropped_;
  std::atomic<bool> woken_ = false;
  std::atomic<backends::Transport*> monitor_ = nullptr;
};

}  // namespace proxy
