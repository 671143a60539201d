#include "proxy/health_checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/assert.h"
#include "proxy/proxy_header.h"
#include "proxy/tag_kind.h"

namespace proxy {
namespace {

using base::Nanos;

// More endpoints than any configuration file can name; the slab takes memory only for those it has.
constexpr std::size_t kTargetsMax = std::size_t{1} << 22U;

// New endpoints are asked within this time for each of them, at random: a thousand of them take a
// second, and one is asked at once. Never later than their interval.
constexpr Nanos kStartSpacing = std::chrono::milliseconds(1);

// An interval is changed by at most this part of it either way, so that checks which began together
// (after a stall, on many instances of a fleet) do not stay together.
constexpr std::int64_t kJitterPart = 10;

// Whether two configurations ask the same question of an upstream's endpoints.
bool same_check(const config::Upstream& a, const config::Upstream& b) {
  return a.health == b.health && a.connect.sources == b.connect.sources;
}

base::Address address_to_check(const base::Address& endpoint, const config::Health& health) {
  base::Address address = endpoint;
  if (health.port != 0 && address.family() != base::Family::kUnix) address.ip.port = health.port;
  return address;
}

std::string request_of(const config::Health& health) {
  return std::string(local_proxy_header(health.proxy_protocol)) + health.send;
}

// Whether the reply can still become one that begins with `expected`.
bool begins_alike(std::span<const std::byte> reply, std::string_view expected) {
  const std::size_t size = std::min(reply.size(), expected.size());
  return std::equal(
      reply.begin(), reply.begin() + static_cast<std::ptrdiff_t>(size), expected.begin(),
      [](std::byte got, char wanted) { return got == static_cast<std::byte>(wanted); });
}

}  // namespace

HealthChecker::HealthChecker(std::size_t checks_max, std::uint64_t seed,
                             backends::Transport& transport, Verdicts& verdicts,
                             MonitorTotals& totals)
    : checks_max_(checks_max),
      prng_(seed),
      transport_(transport),
      verdicts_(verdicts),
      totals_(totals),
      targets_(kTargetsMax),
      wheel_(transport.now()) {
  CHECK(checks_max_ > 0);
  totals_.checks_max.set(static_cast<std::int64_t>(checks_max_));
}

// --- Configurations.

void HealthChecker::apply(const SnapshotPtr& snapshot) {
  const SnapshotPtr old = std::exchange(snapshot_, snapshot);  // Targets point into it.
  Targets before = std::exchange(by_series_, {});
  fresh_.clear();
  for (const UpstreamPlan& upstream : snapshot->upstreams) {
    for (const EndpointPlan& endpoint : upstream.endpoints) take_over(upstream, endpoint, before);
  }
  forget(before);
  spread_starts();
  start_waiting();  // Dropped checks have left places.
}

void HealthChecker::take_over(const UpstreamPlan& upstream, const EndpointPlan& endpoint,
                              Targets& before) {
  // Forgotten with its verdict, which no worker asks for: its weight is 0. When it is back it
  // begins like a new one.
  if (endpoint.admin_state() == AdminState::kMaintenance) return;
  const bool checked =
      upstream.config->health.has_value() && endpoint.address.family() != base::Family::kNone;
  if (!checked) {
    verdicts_.set_healthy(*endpoint.series, true, "it is not checked any more");
    return;
  }
  if (by_series_.contains(endpoint.series)) return;  // Named twice.
  const auto known = before.find(endpoint.series);
  if (known == before.end()) {
    const base::SlotId id = targets_.emplace();
    CHECK(id.generation != 0);
    Target& target = targets_[id];
    target.id = id;
    describe(target, upstream, endpoint);
    verdicts_.begin_health(*endpoint.series, target.health().initial == config::InitialHealth::kUp);
    by_series_.emplace(endpoint.series, id);
    fresh_.push_back(id);
    return;
  }
  Target& target = targets_[known->second];
  if (!same_check(*target.upstream, *upstream.config)) {
    drop_check(target);
    target.against = 0;
    fresh_.push_back(target.id);
  }
  describe(target, upstream, endpoint);
  by_series_.insert(before.extract(known));
}

void HealthChecker::describe(Target& target, const UpstreamPlan& upstream,
                             const EndpointPlan& endpoint) {
  target.series = endpoint.series;
  target.upstream_series = upstream.series;
  target.upstream = upstream.config;
  target.address = address_to_check(endpoint.address, target.health());
  target.request = request_of(target.health());
}

// Leaves it resting, without a timer.
void HealthChecker::drop_check(Target& target) {
  switch (target.state) {
    case State::kResting:
    case State::kWaiting:  // start_waiting() will pass it over.
      break;
    case State::kConnecting:
    case State::kExchanging:
      target.connection.close(backends::CloseMode::kReset);
      --under_way_;
      break;
  }
  wheel_.cancel(target);
  target.state = State::kResting;
}

void HealthChecker::forget(const Targets& gone) {
  for (const auto& [series, id] : gone) {
    drop_check(targets_[id]);
    targets_.erase(id);
  }
}

void HealthChecker::spread_starts() {
  for (const base::SlotId id : fresh_) {
    Target& target = targets_[id];
    const Nanos span = std::min(target.health().interval,
                                kStartSpacing * static_cast<std::int64_t>(fresh_.size()));
    const Nanos wait{prng_.below(static_cast<std::uint64_t>(span.count()) + 1)};
    wheel_.arm(target, transport_.now() + wait);
  }
}

// --- Checks.

void HealthChecker::expire() {
  while (TimerWheel::Timer* timer = wheel_.pop_expired(transport_.now())) {
    Target& target = static_cast<Target&>(*timer);
    switch (target.state) {
      case State::kResting:
        target.state = State::kWaiting;
        waiting_.push_back(target.id);
        break;
      case State::kWaiting:
        base::check_failed(__FILE__, __LINE__, "no timer while waiting");
      case State::kConnecting:
      case State::kExchanging:
        finish(target, CheckResult::kTimeout);
        break;
    }
  }
  start_waiting();
}

void HealthChecker::start_waiting() {
  while (under_way_ < checks_max_ && waiting_begin_ < waiting_.size()) {
    Target* target = targets_.find(waiting_[waiting_begin_++]);
    // Else a reload has dropped it since.
    if (target != nullptr && target->state == State::kWaiting) start(*target);
  }
  if (waiting_begin_ == waiting_.size()) {
    waiting_.clear();
    waiting_begin_ = 0;
  } else if (waiting_begin_ > waiting_.size() / 2) {
    // Moving the rest when it is the smaller half costs each entry less than one move.
    waiting_.erase(waiting_.begin(),
                   waiting_.begin() + static_cast<std::ptrdiff_t>(waiting_begin_));
    waiting_begin_ = 0;
  }
  publish();
}

void HealthChecker::publish() {
  totals_.checks_active.set(static_cast<std::int64_t>(under_way_));
  totals_.checks_waiting.set(static_cast<std::int64_t>(waiting_.size() - waiting_begin_));
}

void HealthChecker::start(Target& target) {
  const config::Health& health = target.health();
  target.state = State::kConnecting;
  target.began = transport_.now();
  ++under_way_;
  wheel_.arm(target, target.began + health.timeout);
  backends::ConnectSpec spec;
  spec.remote = target.address;
  spec.sources = target.upstream->connect.sources;
  spec.first_source = target.checks++;
  spec.probe = target.request.empty() && health.expect.empty();
  target.connection = transport_.connect(spec, make_tag(TagKind::kCheck, target.id));
}

void HealthChecker::connected(const backends::Event& event) {
  Target* target = targets_.find(event.tag.id);
  // Of a check that a reload has dropped.
  if (target == nullptr || target->state != State::kConnecting) return;
  if (event.error != base::Errno::kNone) {
    finish(*target, result_of_check_error(event.error));
  } else if (target->request.empty() && target->health().expect.empty()) {
    finish(*target, CheckResult::kPassed);
  } else {
    target->state = State::kExchanging;
    exchange(*target, target->request);
  }
}

void HealthChecker::exchange(Target& target, std::string_view request) {
  transport_.exchange(target.connection.id(), std::as_bytes(std::span(request)),
                      target.health().expect.size(), make_tag(TagKind::kCheck, target.id));
}

void HealthChecker::exchanged(const backends::Event& event) {
  Target* target = targets_.find(event.tag.id);
  if (target == nullptr || target->state != State::kExchanging) return;
  if (event.error != base::Errno::kNone) {
    finish(*target, result_of_check_error(event.error));
    return;
  }
  const std::string_view expected = target->health().expect;
  const std::span<const std::byte> reply = transport_.reply(target->connection.id());
  if (!begins_alike(reply, expected)) {
    finish(*target, CheckResult::kMismatch);
  } else if (reply.size() >= expected.size()) {
    finish(*target, CheckResult::kPassed);
  } else {
    exchange(*target, {});  // For the rest.
  }
}

void HealthChecker::finish(Target& target, CheckResult result) {
  target.connection.close(backends::CloseMode::kReset);
  --under_way_;
  target.series->monitored.checked(result);
  if (result == CheckResult::kPassed) {
    target.upstream_series->monitored.check_time.observe(transport_.now() - target.began);
  }
  judge(target, result);
  rest(target);
}

void HealthChecker::judge(Target& target, CheckResult result) {
  if (result == CheckResult::kResource) return;
  const bool passed = result == CheckResult::kPassed;
  if (passed == target.series->verdict.healthy.load(std::memory_order_relaxed)) {
    target.against = 0;
    return;
  }
  ++target.against;
  if (target.against < (passed ? target.health().rise : target.health().fall)) return;
  const std::string reason = passed ? fmt::format("{} checks in a row passed", target.against)
                                    : fmt::format("{} checks in a row failed, the last with {}",
                                                  target.against, name(result));
  target.against = 0;
  verdicts_.set_healthy(*target.series, passed, reason);
}

// Until the next check.
void HealthChecker::rest(Target& target) {
  const config::Health& health = target.health();
  const bool changing = target.against > 0 && health.fast_interval > Nanos{0};
  const Nanos interval = jittered(changing ? health.fast_interval : health.interval);
  target.state = State::kResting;
  wheel_.arm(target, std::max(transport_.now(), target.began + interval));
}

Nanos HealthChecker::jittered(Nanos interval) {
  const auto part = static_cast<std::uint64_t>((interval / kJitterPart).count());
  return interval - Nanos{part} + Nanos{prng_.below(2 * part + 1)};
}

}  // namespace proxy
