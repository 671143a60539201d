#include "proxy/service_manager.h"

#include <fmt/core.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <chrono>

namespace proxy {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::seconds;

// For people who look at `systemctl status`: often enough, and nothing for a machine to notice.
constexpr base::Nanos kStatusInterval = seconds(5);
// While sessions drain the service manager is asked for so much time from now on, again with each
// status. Three times the interval: a main thread that is late does not lose the drain.
constexpr base::Nanos kExtension = 3 * kStatusInterval;
// What is left at the deadline is cut then, which takes a moment. Past it no more time is asked
// for, so a worker that hangs does not keep the service manager from ending the program.
constexpr base::Nanos kDrainGrace = seconds(5);

base::Nanos watchdog_timeout() {
  std::uint64_t timeout_us = 0;
  if (sd_watchdog_enabled(0, &timeout_us) <= 0) return base::Nanos{0};
  return microseconds(timeout_us);
}

std::string status_text(const ServiceFacts& facts) {
  if (facts.draining) return fmt::format("STATUS=stopping, {} sessions open", facts.sessions);
  return fmt::format("STATUS=configuration {} in force, {} sessions open on {} workers",
                     facts.generation, facts.sessions, facts.workers);
}

}  // namespace

ServiceManager::ServiceManager(base::Nanos now)
    : present_(::getenv("NOTIFY_SOCKET") != nullptr),
      watchdog_(present_ ? watchdog_timeout() : base::Nanos{0}, now),
      next_status_(present_ ? now + kStatusInterval : base::kForever) {}

// A message that cannot be sent is the service manager's to miss: it has timeouts for all of them.
void ServiceManager::send(const std::string& message) const {
  if (present_) static_cast<void>(sd_notify(0, message.c_str()));
}

void ServiceManager::ready(const ServiceFacts& facts) {
  status_ = status_text(facts);
  send("READY=1\n" + status_);
}

void ServiceManager::reloading(base::Nanos now) {
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", duration_cast<microseconds>(now).count()));
}

void ServiceManager::stopping(base::Nanos now, const ServiceFacts& facts) {
  status_ = status_text(facts);
  send("STOPPING=1\n" + status_);
  extend_stopping(now, facts);
}

void ServiceManager::extend_stopping(base::Nanos now, const ServiceFacts& facts) {
  const bool forever = facts.drain_deadline == base::kForever;
  if (!forever && now >= facts.drain_deadline + kDrainGrace) return;
  const base::Nanos left = forever ? kExtension : facts.drain_deadline + kDrainGrace - now;
  send(fmt::format("EXTEND_TIMEOUT_USEC={}",
                   duration_cast<microseconds>(std::min(left, kExtension)).count()));
}

bool ServiceManager::tend(base::Nanos now, const ServiceFacts& facts) {
  if (now >= next_status_) {
    next_status_ = now + kStatusInterval;
    if (std::string status = status_text(facts); status != status_) {
      status_ = std::move(status);
      send(status_);
    }
    if (facts.draining) extend_stopping(now, facts);
  }
  switch (watchdog_.step(now, facts.workers_answered)) {
    case Watchdog::Step::kNothing:
      return false;
    case Watchdog::Step::kAsk:
      return true;
    case Watchdog::Step::kAlive:
      send("WATCHDOG=1");
      return false;
  }
  return false;
}

base::Nanos ServiceManager::next() const { return std::min(next_status_, watchdog_.next()); }

}  // namespace proxy
