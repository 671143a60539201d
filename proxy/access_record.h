// One ended session as the access log needs it: plain data, made by a worker at the end of a
// session and copied into its ring. No string is built on the worker: names are pointers, times
// stay on the monotonic clock, and addresses stay binary until the log's own thread writes them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "backends/transport.h"
#include "base/address.h"
#include "base/time.h"
#include "proxy/end_reason.h"

namespace proxy {

// Where the upstream connection came from.
enum class PoolUse : std::uint8_t { kMiss, kHit };
constexpr std::string_view name(PoolUse pool) { return pool == PoolUse::kHit ? "hit" : "miss"; }

// A duration that never began: the session ended before it got there.
inline constexpr base::Nanos kNever{-1};

struct AccessRecord {
  // Owned by whoever owns the AccessLog, and alive for as long as the process runs: a line may be
  // written after its listener went with a reload.
  const std::string* listener = nullptr;  // Must be there.
  const std::string* upstream = nullptr;  // Null when none was chosen.
  const std::string* endpoint = nullptr;  // As configured. Null when none was chosen, and for an
                                          // original_dst upstream: endpoint_address is printed.
  std::string_view transport;             // The engine's constant word.

  base::IpPort client;
  base::IpPort local;             // Where the client connected to.
  base::IpPort endpoint_address;  // kNone when no endpoint was tried.

  base::Nanos ended{0};          // base::monotonic_now() at the end.
  base::Nanos setup = kNever;    // Accept until relaying.
  base::Nanos connect = kNever;  // The successful connect alone.
  base::Nanos total{0};          // Accept until the end.
  std::array<std::uint64_t, backends::kDirections> bytes{};

  std::uint32_t attempts = 0;  // Connects started.
  std::uint16_t worker = 0;
  PoolUse pool = PoolUse::kMiss;
  EndReason reason;
};
// A ring copies records as they are.
static_assert(std::is_trivially_copyable_v<AccessRecord>);

}  // namespace proxy
