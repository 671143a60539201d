// The monitor's word on endpoints: written into the atomics of EndpointSeries, told to the workers,
// and logged. Owned by the monitor, on its thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/log.h"
#include "proxy/worker_metrics.h"

namespace proxy {

// Tells every worker that verdicts have changed (Command::Kind::kVerdicts).
class Announcer {
 public:
  Announcer() = default;
  Announcer(const Announcer&) = delete;
  Announcer& operator=(const Announcer&) = delete;
  virtual ~Announcer() = default;

  // The monitor's thread. False when some worker could not be told: announce again, soon.
  virtual bool announce_verdicts() = 0;
};

class Verdicts {
 public:
  // Both must outlive it. log: null for none.
  Verdicts(Announcer& announcer, Log* log) : announcer_(announcer), log_(log) {}

  // What is said before anything was found out: no line in the log.
  void begin_health(const EndpointSeries& endpoint, bool healthy);
  void begin_ejection(const EndpointSeries& endpoint);

  // A change is logged with its reason ("3 checks in a row failed"); no change does nothing.
  void set_healthy(const EndpointSeries& endpoint, bool healthy, std::string_view reason);
  void set_ejected(const EndpointSeries& endpoint, bool ejected, std::string_view reason);
  // Workers look at it whenever they have something to report, so it is not announced.
  static void set_suspected(const EndpointSeries& endpoint, bool suspected);

  // Tells the workers of everything that changed since the last time.
  void announce();
  // A worker could not be told yet.
  bool pending() const { return pending_; }
  // Goes up with every change of health and ejection.
  std::uint64_t changes() const { return changes_; }

 private:
  bool change(std::atomic<bool>& word, bool value);
  void say(const EndpointSeries& endpoint, bool good, std::string_view what,
           std::string_view reason);

  Announcer& announcer_;
  Log* log_;
  bool pending_ = false;
  std::uint64_t changes_ = 0;
};

}  // namespace proxy
