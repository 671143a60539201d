// Asks endpoints whether they are well: connects, sends what the configuration says, compares what
// comes back, and hangs up with a reset, so that a check leaves no TIME_WAIT behind. Owned by the
// monitor, on its thread, over the monitor's transport.
//
// Every endpoint of an upstream with `health` is checked, those of weight 0 too, except for those
// that the operator has put into maintenance. Checks of one
// endpoint begin an interval apart, give or take a tenth, and never overlap. A bounded number is
// under way; what is due beyond that waits in order, and its interval begins when it begins.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "backends/transport.h"
#include "base/prng.h"
#include "base/slab.h"
#include "proxy/snapshot.h"
#include "proxy/timer_wheel.h"
#include "proxy/verdicts.h"

namespace proxy {

class HealthChecker {
 public:
  // checks_max: under way at one time. The references must outlive the checker.
  HealthChecker(std::size_t checks_max, std::uint64_t seed, backends::Transport& transport,
                Verdicts& verdicts, MonitorTotals& totals);
  HealthChecker(const HealthChecker&) = delete;
  HealthChecker& operator=(const HealthChecker&) = delete;
  ~HealthChecker() = default;

  // Takes over a configuration. An endpoint that is checked as before goes on where it was; one
  // that is checked differently keeps its verdict and is asked soon; a new one begins with
  // health.initial; one that is not checked any more is healthy. One that is gone keeps its last
  // verdict: workers may still use the configuration that names it.
  void apply(const SnapshotPtr& snapshot);

  // Events of the transport with a tag of kind kCheck.
  void connected(const backends::Event& event);
  void exchanged(const backends::Event& event);

  // What is due by now: checks that begin, and checks that took too long.
  void expire();
  // The latest time for the next expire(); kForever when nothing is checked.
  base::Nanos next_deadline() const { return wheel_.next_deadline(); }

 private:
  enum class State : std::uint8_t {
    kResting,     // The timer is the beginning of the next check.
    kWaiting,     // Due, without a place. In waiting_; no timer.
    kConnecting,  // The timer is the check's timeout, in this state
    kExchanging   // and in this one.
  };
  // One endpoint.
  struct Target : TimerWheel::Timer {
    base::SlotId id;
    const EndpointSeries* series = nullptr;
    const UpstreamSeries* upstream_series = nullptr;
    const config::Upstream* upstream = nullptr;  // In snapshot_.
    base::Address address;                       // With the port to check.
    std::string request;
    State state = State::kResting;
    std::uint32_t against = 0;  // Results in a row that contradict the verdict.
    std::uint32_t checks = 0;   // Begun; also the turn of the source addresses.
    base::Nanos began{0};
    backends::Connection connection;

    const config::Health& health() const { return *upstream->health; }
  };
  using Targets = std::unordered_map<const EndpointSeries*, base::SlotId>;

  void take_over(const UpstreamPlan& upstream, const EndpointPlan& endpoint, Targets& before);
  void describe(Target& target, const UpstreamPlan& upstream, const EndpointPlan& endpoint);
  void drop_check(Target& target);
  void forget(const Targets& gone);
  void spread_starts();

  void start(Target& target);
  void exchange(Target& target, std::string_view request);
  void finish(Target& target, CheckResult result);
  void judge(Target& target, CheckResult result);
  void rest(Target& target);
  void start_waiting();
  base::Nanos jittered(base::Nanos interval);
  void publish();

  std::size_t checks_max_;
  base::Prng prng_;
  backends::Transport& transport_;
  Verdicts& verdicts_;
  MonitorTotals& totals_;
  SnapshotPtr snapshot_;
  base::Slab<Target> targets_;
  Targets by_series_;
  std::vector<base::SlotId> fresh_;  // Of this apply(): to be started soon.
  // First come, first served; a vector with a start, because it is short or the checks are in
  // trouble, and then nothing allocates once it has grown.
  std::vector<base::SlotId> waiting_;
  std::size_t waiting_begin_ = 0;
  std::size_t under_way_ = 0;
  TimerWheel wheel_;
};

}  // namespace proxy
