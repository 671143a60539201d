// What a run of the load generator is asked for and what it found. Plain data, owned by main; every
// kind of load is one function of these two and a gate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/errno.h"
#include "base/time.h"
#include "tests/bench/latency_histogram.h"

namespace bench {

struct LoadOptions {
  base::Address target;          // Where to connect: a proxy, or the echo server itself.
  std::size_t connections = 64;  // Open at once.
  std::size_t message_bytes = 64;
  double seconds = 3;         // Measured time.
  double warmup_seconds = 0;  // The same work before, not measured.
  double rate =
      0;  // Ping-pong: messages a second over all connections; 0: as fast as replies come.
  bool close_with_fin = false;  // Connect-exchange; otherwise RST.
  bool handshake = false;       // See Gate.
};

// More errors than this end a run: what is left would measure the errors.
inline constexpr std::uint64_t kErrorsMax = 100;
// How long replies may still come after the measured time.
inline constexpr base::Nanos kGrace = std::chrono::seconds(5);

struct Outcome {
  std::uint64_t operations = 0;  // Round trips, connections, or streams.
  std::uint64_t bytes = 0;       // Payload, one way.
  std::uint64_t errors = 0;
  std::string first_error;  // For people; empty without errors.
  base::Nanos elapsed{0};
  std::optional<LatencyHistogram> latency;  // None where a single operation has no latency.

  void add_error(std::string_view what, base::Errno why = base::Errno::kNone) {
    if (++errors > 1) return;
    first_error = what;
    if (why != base::Errno::kNone) first_error += ": " + base::errno_text(why);
  }
};

inline base::Nanos to_nanos(double seconds) {
  return std::chrono::duration_cast<base::Nanos>(std::chrono::duration<double>(seconds));
}

// Lets the driver read the proxy's CPU time and memory exactly before and after the measured work.
// With the handshake, ready() prints {"event":"ready"} and waits for a line on stdin; main waits
// for another one after the result, while the connections are still open. Without it nothing waits.
class Gate {
 public:
  explicit Gate(bool handshake) : handshake_(handshake) {}
  void ready() const;
  void wait_for_line() const;

 private:
  bool handshake_;
};

// One kind of load. run() opens the connections, warms up, passes the gate and does the measured
// work; the connections that are then open stay so until the object is destroyed. Errors are in the
// outcome. Lives on main's thread.
class Load {
 public:
  Load() = default;
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  virtual ~Load() = default;
  virtual void run(const Gate& gate, Outcome& outcome) = 0;
};

}  // namespace bench
