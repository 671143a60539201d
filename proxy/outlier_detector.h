// Takes endpoints out of use that sessions keep failing on: judges by the evidence of all workers
// together, which arrives as records (evidence.h). Owned by the monitor, on its thread.
//
// An endpoint is ejected after outlier.consecutive_failures failed connects in a row, or as many
// resets before the first byte. Connects clear only the first count: an endpoint that takes every
// connection and resets it connects well. It is out for outlier.ejection times how often it was
// ejected lately: once less for each such time that it was in use without being ejected again.
//
// Records of different workers are taken in the order in which the monitor finds them; within one
// wake-up that is not their order in time, which can only matter where good and bad are mixed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/prng.h"
#include "proxy/evidence.h"
#include "proxy/snapshot.h"
#include "proxy/timer_wheel.h"
#include "proxy/verdicts.h"

namespace proxy {

class OutlierDetector {
 public:
  // now: as in every call below, the monitor's; it does not go back.
  OutlierDetector(std::uint64_t seed, Verdicts& verdicts, base::Nanos now)
      : prng_(seed), verdicts_(verdicts), wheel_(now) {}
  OutlierDetector(const OutlierDetector&) = delete;
  OutlierDetector& operator=(const OutlierDetector&) = delete;
  ~OutlierDetector() = default;

  // Takes over a configuration. Endpoints that are judged before and after it keep their counts and
  // their ejection; one that is not judged any more comes back at once; one that is gone keeps its
  // verdict, and begins anew should it return.
  void apply(const SnapshotPtr& snapshot, base::Nanos now);

  void take(const EvidenceRecord& record, base::Nanos now);

  // Ends the ejections whose time is over.
  void expire(base::Nanos now);
  base::Nanos next_deadline() const { return wheel_.next_deadline(); }

  // An upstream that has nobody left to use, because health checks found the others ill, gets one
  // of its ejected endpoints back: a doubtful one is better than none.
  void relent(base::Nanos now);

 private:
  struct Group;
  // One endpoint. The timer is the end of its ejection.
  struct Judged : TimerWheel::Timer {
    const EndpointSeries* series = nullptr;
    Group* group = nullptr;
    std::uint32_t weight = 0;
    std::uint32_t connect_failures = 0;  // In a row, both.
    std::uint32_t resets = 0;
    std::uint32_t ejections = 0;  // Lately.
    bool ejected = false;
    base::Nanos returned{0};  // From the last ejection.
  };
  // The endpoints of an upstream. At most max_ejected of them may be out.
  struct Group {
    const config::Outlier* rules = nullptr;  // In snapshot_.
    std::vector<Judged*> members;
    std::size_t ejected = 0;
    std::size_t ejected_max = 0;
  };
  using AllJudged = std::unordered_map<const EndpointSeries*, std::unique_ptr<Judged>>;

  void take_over(const UpstreamPlan& upstream, AllJudged& before);
  void failed(Judged& judged, EjectionCause cause, base::Nanos now);
  void suspect(Judged& judged) const;
  static bool usable(const Judged& judged);
  static bool may_eject(const Judged& judged);
  void eject(Judged& judged, EjectionCause cause, base::Nanos now);
  base::Nanos sentence(Judged& judged, base::Nanos now);
  void release(Judged& judged, base::Nanos now, std::string_view reason);
  static Judged* first_to_return(const Group& group);

  base::Prng prng_;
  Verdicts& verdicts_;
  SnapshotPtr snapshot_;
  TimerWheel wheel_;
  std::vector<std::unique_ptr<Group>> groups_;
  AllJudged judged_;
};

}  // namespace proxy
