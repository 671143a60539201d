#include "proxy/outlier_detector.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

namespace proxy {
namespace {

using base::Nanos;

// An ejection is shortened by at most this part of it, at random: endpoints that were ejected
// together do not return together, and none is out longer than was said.
constexpr std::int64_t kJitterPart = 10;

// However short the file says; an ejection of nothing would be a spin.
constexpr Nanos kEjectionMin = TimerWheel::kTick;

// How many of so many endpoints may be out. Where others are left, one always may, unless nobody
// may at all.
std::size_t ejected_max(std::size_t endpoints, std::uint32_t percent) {
  if (endpoints < 2 || percent == 0) return 0;
  return std::max<std::size_t>(1, endpoints * percent / 100);
}

}  // namespace

// --- Configurations.

void OutlierDetector::apply(const SnapshotPtr& snapshot, Nanos now) {
  const SnapshotPtr old = std::exchange(snapshot_, snapshot);
  AllJudged before = std::exchange(judged_, {});
  groups_.clear();
  for (const UpstreamPlan& upstream : snapshot->upstreams) take_over(upstream, before);
  before.clear();  // The rest is gone; what is said of it stays said.
  for (const auto& group : groups_) {
    while (group->ejected > group->ejected_max) {
      release(*first_to_return(*group), now, "fewer may be out now");
    }
  }
  relent(now);
}

void OutlierDetector::take_over(const UpstreamPlan& upstream, AllJudged& before) {
  if (!upstream.config->outlier) {
    for (const EndpointPlan& endpoint : upstream.endpoints) {
      verdicts_.set_ejected(*endpoint.series, false, "it is not judged any more");
      Verdicts::set_suspected(*endpoint.series, false);
    }
    return;
  }
  Group& group = *groups_.emplace_back(std::make_unique<Group>());
  group.rules = &*upstream.config->outlier;
  for (const EndpointPlan& endpoint : upstream.endpoints) {
    if (judged_.contains(endpoint.series)) continue;  // Named twice.
    const auto known = before.find(endpoint.series);
    if (known == before.end()) {
      auto judged = std::make_unique<Judged>();
      judged->series = endpoint.series;
      verdicts_.begin_ejection(*endpoint.series);
      judged_.emplace(endpoint.series, std::move(judged));
    } else {
      judged_.insert(before.extract(known));
    }
    Judged& judged = *judged_[endpoint.series];
    judged.group = &group;
    judged.weight = endpoint.weight;
    group.ejected += judged.ejected ? 1U : 0U;
    group.members.push_back(&judged);
  }
  group.ejected_max = ejected_max(group.members.size(), group.rules->max_ejected_percent);
}

// --- Evidence.

void OutlierDetector::take(const EvidenceRecord& record, Nanos now) {
  const auto found = judged_.find(record.endpoint);
  if (found == judged_.end()) return;  // Of a configuration that is gone.
  Judged& judged = *found->second;
  // What sessions met that had begun before the ejection, or went there because nobody was left.
  if (judged.ejected || record.at < judged.returned) return;
  switch (record.outcome) {
    case Outcome::kConnected:
      judged.connect_failures = 0;
      suspect(judged);
      return;
    case Outcome::kServed:
      judged.connect_failures = 0;
      judged.resets = 0;
      suspect(judged);
      return;
    case Outcome::kConnectFailed:
      ++judged.connect_failures;
      failed(judged, EjectionCause::kConnectFailures, now);
      return;
    case Outcome::kResetEarly:
      ++judged.resets;
      failed(judged, EjectionCause::kResets, now);
      return;
  }
}

// Workers tell of successes, too, as long as there is something that they would clear.
void OutlierDetector::suspect(Judged& judged) const {
  Verdicts::set_suspected(*judged.series, judged.connect_failures > 0 || judged.resets > 0);
}

void OutlierDetector::failed(Judged& judged, EjectionCause cause, Nanos now) {
  suspect(judged);
  const std::uint32_t limit = judged.group->rules->consecutive_failures;
  if (std::max(judged.connect_failures, judged.resets) < limit) return;
  // If it may not be ejected now, the next failure asks again.
  if (may_eject(judged)) eject(judged, cause, now);
}

// --- Ejections.

bool OutlierDetector::usable(const Judged& judged) {
  return judged.weight > 0 && !judged.ejected &&
         judged.series->verdict.healthy.load(std::memory_order_relaxed);
}

bool OutlierDetector::may_eject(const Judged& judged) {
  const Group& group = *judged.group;
  if (group.ejected >= group.ejected_max) return false;
  return std::any_of(group.members.begin(), group.members.end(),
                     [&](const Judged* other) { return other != &judged && usable(*other); });
}

void OutlierDetector::eject(Judged& judged, EjectionCause cause, Nanos now) {
  const std::uint32_t failures = std::max(judged.connect_failures, judged.resets);
  const Nanos time = sentence(judged, now);
  judged.ejected = true;
  judged.connect_failures = 0;
  judged.resets = 0;
  suspect(judged);
  ++judged.group->ejected;
  wheel_.arm(judged, now + time);
  judged.series->monitored.ejected(cause);
  const std::string_view what = cause == EjectionCause::kConnectFailures
                                    ? "connects in a row failed"
                                    : "sessions in a row were reset before their first byte";
  verdicts_.set_ejected(
      *judged.series, true,
      fmt::format("{} {}; out for {:.3g} s", failures, what, base::to_seconds(time)));
}

// How long, and remembers that it was given.
Nanos OutlierDetector::sentence(Judged& judged, Nanos now) {
  const config::Outlier& rules = *judged.group->rules;
  const Nanos base = std::max(rules.ejection, kEjectionMin);
  const Nanos longest = std::max(rules.ejection_max, base);
  const std::int64_t forgiven = (now - judged.returned) / base;
  const auto lately = static_cast<std::int64_t>(judged.ejections);
  // Past the longest time more ejections change nothing, and would only take longer to forgive.
  const std::int64_t count =
      std::min(std::max<std::int64_t>(0, lately - forgiven) + 1, longest / base + 1);
  judged.ejections = static_cast<std::uint32_t>(std::min<std::int64_t>(count, UINT32_MAX));
  const Nanos time = count > longest / base ? longest : base * count;
  return time - Nanos{prng_.below(static_cast<std::uint64_t>((time / kJitterPart).count()) + 1)};
}

void OutlierDetector::expire(Nanos now) {
  while (TimerWheel::Timer* timer = wheel_.pop_expired(now)) {
    release(static_cast<Judged&>(*timer), now, "its time is over");
  }
}

void OutlierDetector::release(Judged& judged, Nanos now, std::string_view reason) {
  wheel_.cancel(judged);
  judged.ejected = false;
  judged.returned = now;
  --judged.group->ejected;
  verdicts_.set_ejected(*judged.series, false, reason);
}

OutlierDetector::Judged* OutlierDetector::first_to_return(const Group& group) {
  Judged* first = nullptr;
  for (Judged* judged : group.members) {
    if (!judged->ejected) continue;
    if (first == nullptr || judged->deadline() < first->deadline()) first = judged;
  }
  return first;
}

void OutlierDetector::relent(Nanos now) {
  for (const auto& group : groups_) {
    if (group->ejected == 0) continue;
    if (std::any_of(group->members.begin(), group->members.end(),
                    [](const Judged* judged) { return usable(*judged); })) {
      continue;
    }
    Judged* best = nullptr;
    for (Judged* judged : group->members) {
      const bool good = judged->ejected && judged->weight > 0 &&
                        judged->series->verdict.healthy.load(std::memory_order_relaxed);
      if (good && (best == nullptr || judged->deadline() < best->deadline())) best = judged;
    }
    if (best != nullptr) release(*best, now, "nobody else is left");
  }
}

}  // namespace proxy
