// One address of an upstream as one worker sees it. Plain data, owned by its Upstream, on the
// worker's thread. An endpoint that a reload removes stays in its place until its last session has
// ended.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "base/address.h"
#include "base/slab.h"
#include "base/time.h"
#include "proxy/worker_metrics.h"

namespace proxy {

inline constexpr std::uint16_t kNoTier = std::numeric_limits<std::uint16_t>::max();

struct Endpoint {
  base::Address address;  // Of no family for original_dst: each session has its own.
  std::uint32_t weight = 0;
  std::uint32_t priority = 0;
  std::uint32_t max_sessions = 0;  // All workers together; 0: no limit.
  std::uint32_t max_connecting = 0;
  std::uint16_t index = 0;       // What the balancer calls it.
  std::uint16_t tier = kNoTier;  // Which balancer knows it; kNoTier: no new session comes.
  bool removed = false;          // By a reload: it is in no tier any more.
  bool well = false;             // Has a weight and a good verdict, when last looked at.
  base::Nanos slow_since = base::kForever;  // When its slow start began; kForever: at full weight.
  base::Nanos cut_at = base::kForever;      // Removed: when its sessions are cut; kForever: never.
  std::uint32_t sessions = 0;               // This worker's, those still connecting included.
  const EndpointSeries* series = nullptr;
  EndpointCells* cells = nullptr;     // This worker's of the series.
  const std::string* name = nullptr;  // For the log; lives in the metrics catalog.
  base::SlotId pool;                  // In the worker's Pools; names nothing where there is none.
};

}  // namespace proxy
