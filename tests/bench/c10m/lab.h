// The laboratory's experiments: what is done to the engine, in which order, and what is measured.
// lab.cc: opening, holding and closing many pairs; lab_load.cc: whole lives, the flood, and two
// threads. One thread, but for two_threads().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backends/dpdk/memory_device.h"
#include "base/prng.h"
#include "base/time.h"
#include "tests/bench/c10m/cpu_speed.h"
#include "tests/bench/c10m/engine.h"
#include "tests/bench/c10m/generator.h"

namespace bench::c10m {

enum class Mode : std::uint8_t {
  kOne,  // Engine and generator take turns on one thread; the engine's time is its own alone.
  kTwo   // A thread each while requests are exchanged: throughput and latency as they are.
};

struct LabOptions {
  Mode mode = Mode::kOne;
  std::uint32_t pairs = 1'000'000;
  std::uint64_t requests = 2'000'000;
  std::uint64_t lives = 1'000'000;
  std::uint32_t lives_at_once = 100'000;
  std::size_t payload = 64;
  bool flood = false;
  double flood_rate = 1e6;  // SYNs for each second of the engine's time.
  double latency_seconds = 2;
  std::uint64_t seed = 1;
  backends::dpdk::splice_core::PageWish pages = backends::dpdk::splice_core::PageWish::kTransparent;
};

// What one part took. Times of the engine are processor time of its own code only.
struct Phase {
  std::string name;
  std::uint64_t count = 0;  // Of what the phase is about: pairs, requests, lives.
  base::Nanos engine{0};
  base::Nanos wall{0};
  std::uint64_t received = 0;  // Packets of the engine,
  std::uint64_t sent = 0;      // either way.
  CpuSpeed::Sum speed{};       // Of the processor meanwhile.
};

struct LatencyAt {
  double share = 0;  // Of the peak.
  double rate = 0;   // Requests a second.
  double reached = 0;
  base::Nanos p50{0};
  base::Nanos p99{0};
  base::Nanos p999{0};
  base::Nanos longest{0};
};

struct Findings {
  std::vector<Phase> phases;
  std::uint64_t pairs_held = 0;  // At once, as the engine counts them.
  std::uint64_t mismatched = 0;  // Clients and servers that do not name each other.
  std::size_t resident_before = 0;
  std::size_t resident_after = 0;
  std::size_t table_bytes = 0;  // As the engine counts them.
  std::string pages;
  base::Nanos sweep{0};
  CpuSpeed::Sum sweep_speed;
  base::Nanos sweep_slice{0};   // The longest.
  base::Nanos longest_free{0};  // The longest turn of the engine while ended pairs were freed.
  double goodput_share = 0;     // With the flood, of that without. 0: not measured.
  double peak_rate = 0;         // Requests a second with two threads.
  std::vector<LatencyAt> latency;
  Integrity integrity;
  std::vector<std::string> leftovers;  // What should be zero at the end and is not.
  backends::dpdk::splice_core::CoreStats core;
  backends::dpdk::LinkStats link;
  GeneratorStats generator;
  std::uint64_t failed = 0;  // EngineCounts.
};

// Real time, and as much more as was skipped.
class LabClock {
 public:
  base::Nanos now() const { return base::monotonic_now() + skipped_; }
  void skip(base::Nanos time) { skipped_ += time; }

 private:
  base::Nanos skipped_{0};
};

// One engine, one wire, and whoever is at its other end.
template <typename Ip>
class Lab {
 public:
  Lab(const LabOptions& options, Work work);

  // All pairs at once: open, exchange, idle, close. Ends with the check for leftovers.
  void hold();
  // Short lives, a bounded number at once. The same end.
  void life();
  const Findings& findings() const { return findings_; }

 private:
  // Where counters stood when a phase began.
  struct Mark {
    base::Nanos engine{0};
    base::Nanos wall{0};
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
    CpuSpeed::Sum speed;
  };
  Mark mark();
  void add(Phase& phase, const Mark& since, std::uint64_t count);
  void step();
  // Steps until there is room on the wire for what is started next and what follows from it.
  void make_room();
  // Steps until `done`; an error when it takes too long.
  void steps_until(const char* what, const std::function<bool()>& done);

  void open_all();
  void park(std::uint32_t count);
  template <typename Each>
  void for_groups(std::uint32_t first, std::uint32_t end, Each each);
  void ask_random(std::size_t count);
  void exchange(Phase& phase, std::uint64_t requests, double flood_rate);
  void measure_flood();
  void sweep();
  void close_all();
  void forget_all();
  void finish();
  void two_threads();
  double closed_loop(base::Nanos time);
  LatencyAt open_loop(double share, double rate);

  LabOptions options_;
  std::uint32_t clients_;
  LabClock clock_;
  base::Prng prng_;
  backends::dpdk::MemoryWire wire_;
  backends::dpdk::Device& engine_end_;
  Generator<Ip> generator_;
  std::unique_ptr<Engine> engine_;
  CpuSpeed speed_;
  std::uint64_t steps_ = 0;
  Findings findings_;
};

extern template class Lab<Ip4>;
extern template class Lab<Ip6>;

}  // namespace bench::c10m
