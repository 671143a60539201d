// The demo's clients: real sockets, every byte checked. Four kinds of work, each one function that
// returns when its time is over and its connections have ended in good order. They run on the
// demo's load thread, one after the other.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/errno.h"
#include "base/fd.h"
#include "base/time.h"
#include "metrics/counter.h"
#include "proxy/demo_latencies.h"

namespace proxy {

// Where the load goes and what became of it. Written by the load thread; the counters and stop may
// be used by others meanwhile.
struct LoadContext {
  base::Address target;
  metrics::Counter sessions;  // That were opened.
  metrics::Counter requests;  // Round trips that were completed.
  metrics::Counter bytes;     // That came back, the same as they were sent.
  metrics::Counter failed;    // Sessions that did not do what they should.
  std::string first_failure;  // For people; empty without failures.
  std::atomic<bool> stop{false};

  void fail(std::string_view what, base::Errno why = base::Errno::kNone);
};

// How long a client waits for something that takes microseconds.
inline constexpr base::Nanos kClientPatience = std::chrono::seconds(5);
// How long a wait may last before stop is looked at again.
inline constexpr base::Nanos kStopDelay = std::chrono::milliseconds(50);

struct RoundTrips {
  std::uint64_t count = 0;
  base::Nanos elapsed{0};
  DemoLatencies latencies;

  double per_second() const;
};
// Messages of 64 bytes there and back, each connection sending its next one when the reply is
// complete.
RoundTrips run_round_trips(LoadContext& context, std::size_t connections, base::Nanos duration);

struct ShortSessions {
  std::uint64_t count = 0;
  base::Nanos elapsed{0};

  double per_second() const;
};
// Connect, 64 bytes there and back, FIN there and back. At most kShortSessionsMax of them.
ShortSessions run_short_sessions(LoadContext& context, base::Nanos duration);

struct Bulk {
  std::uint64_t bytes = 0;  // Each way.
  base::Nanos elapsed{0};

  double gigabits_per_second() const;
};
// One connection, as much as it takes, there and back.
Bulk run_bulk(LoadContext& context, base::Nanos duration);

// Opens sessions and lets each exchange one byte, so that both legs exist. What could be opened.
std::vector<base::UniqueFd> open_idle(LoadContext& context, std::size_t count);
// FIN there and back for each. Empties the list.
void close_idle(LoadContext& context, std::vector<base::UniqueFd>& sessions);

// Each ended session leaves a local port behind for a minute (TIME_WAIT), and there are 28,232 by
// default (net.ipv4.ip_local_port_range): the demo leaves some to others.
inline constexpr std::uint64_t kShortSessionsMax = 20'000;

}  // namespace proxy
