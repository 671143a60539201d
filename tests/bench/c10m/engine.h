// The engine under measurement: the datapath that ships, and an owner that does what a proxy would,
// as little as that takes: it keeps a number of upstream connections parked, and joins each client
// to the one that has waited longest. Counts the processor time of all of it, and of nothing else.
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/dpdk/datapath.h"
#include "backends/dpdk/device.h"
#include "base/time.h"

namespace bench::c10m {

struct EngineOptions {
  backends::dpdk::splice_core::CoreOptions core;
  base::IpPort service;              // Where clients come.
  base::IpPort server;               // The one endpoint.
  std::vector<base::IpPort> locals;  // Addresses to connect from.
};

struct EngineCounts {
  std::uint64_t accepted = 0;
  std::uint64_t connected = 0;
  std::uint64_t attached = 0;
  std::uint64_t ended = 0;
  std::uint64_t failed = 0;  // Connects and attaches that did not work, legs and pairs that broke.
  std::uint64_t idle = 0;
};

// The processor time of this thread: others who have the core meanwhile do not count.
base::Nanos thread_time();

// Legs in the order in which they came; never more than it was made for.
class LegQueue {
 public:
  // A power of two.
  explicit LegQueue(std::size_t most) : legs_(most) {}
  bool empty() const { return first_ == last_; }
  std::size_t size() const { return last_ - first_; }
  void push(const backends::dpdk::splice_core::LegId& leg);
  backends::dpdk::splice_core::LegId pop();

 private:
  std::vector<backends::dpdk::splice_core::LegId> legs_;
  std::size_t first_ = 0;
  std::size_t last_ = 0;
};

class Engine {
 public:
  // The device outlives it.
  Engine(EngineOptions options, backends::dpdk::Device& device, base::Nanos now);

  // How many upstream connections shall be parked or on their way.
  void set_parked_target(std::size_t target) { parked_target_ = target; }
  // Closes up to `most` of those that are parked. False: there was none.
  bool close_parked(std::size_t most);
  // False while the server's station is being looked for.
  bool reaches_server();

  // Rounds until nothing comes, or until `out_max` frames were sent. Its time is counted.
  void turn(base::Nanos now, std::size_t out_max);
  // One round without counting time: for an engine that has its thread for itself. Returns the
  // frames that came.
  std::size_t round(base::Nanos now);

  backends::dpdk::splice_core::SpliceCore& core() { return datapath_.core(); }
  backends::dpdk::Datapath& datapath() { return datapath_; }
  const EngineCounts& counts() const { return counts_; }
  std::size_t parked() const { return parked_.size(); }
  base::Nanos busy() const { return busy_; }
  base::Nanos longest_turn() const { return longest_turn_; }
  void reset_longest_turn() { longest_turn_ = base::Nanos{0}; }

 private:
  void take_events();
  void connected(const backends::dpdk::splice_core::CoreEvent& event);
  void attach(const backends::dpdk::splice_core::LegId& client,
              const backends::dpdk::splice_core::LegId& upstream);
  void connect_some();

  EngineOptions options_;
  backends::dpdk::Device& device_;
  backends::dpdk::Datapath datapath_;
  backends::dpdk::splice_core::Hop server_hop_ = backends::dpdk::splice_core::kNoHop;
  LegQueue parked_;
  LegQueue waiting_;  // Clients that came while nothing was parked.
  std::size_t connecting_ = 0;
  std::size_t parked_target_ = 0;
  std::size_t next_local_ = 0;
  EngineCounts counts_;
  base::Nanos busy_{0};
  base::Nanos longest_turn_{0};
};

}  // namespace bench::c10m
