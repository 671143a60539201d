// What a service manager such as systemd wants to hear (man 3 sd_notify): that the program is
// ready, reloads, stops, needs more time, is alive, and what it is doing. Says nothing where nobody
// listens (no NOTIFY_SOCKET). Owned by run, on the main thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/time.h"
#include "proxy/watchdog.h"

namespace proxy {

// The program at one moment.
struct ServiceFacts {
  std::uint64_t generation = 0;
  std::int64_t sessions = 0;
  std::size_t workers = 0;
  bool workers_answered = true;  // What they were asked when tend() last said so.
  bool draining = false;
  base::Nanos drain_deadline = base::kForever;  // Of the monotonic clock.
};

class ServiceManager {
 public:
  // Reads the environment: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID.
  explicit ServiceManager(base::Nanos now);

  // Somebody listens.
  bool present() const { return present_; }

  void ready(const ServiceFacts& facts);
  // Until the next ready(), which also ends a reload that was refused.
  void reloading(base::Nanos now);
  void stopping(base::Nanos now, const ServiceFacts& facts);

  // Sends what is due. True: ask the workers whether they turn; see Watchdog.
  bool tend(base::Nanos now, const ServiceFacts& facts);
  // When to call tend() again.
  base::Nanos next() const;

 private:
  void send(const std::string& message) const;
  void extend_stopping(base::Nanos now, const ServiceFacts& facts);

  bool present_;
  Watchdog watchdog_;
  base::Nanos next_status_;
  std::string status_;  // As last sent.
};

}  // namespace proxy
