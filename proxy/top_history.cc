#include "proxy/top_history.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/assert.h"

namespace proxy {
namespace {

// Rates are over at least this long: workers fold the bytes of long sessions in once a second, so
// that a shorter time would show a saw.
constexpr double kRateSeconds = 1.9;
// As many as the shortest interval (0.2 s) needs for a rate, with some to spare.
constexpr std::size_t kDocumentsMax = 16;
// Of the charts: more than any terminal is wide.
constexpr std::size_t kSamplesMax = 256;

// What fell is of a counter that began again.
double rate(double now, double before, double seconds) {
  return std::max(0.0, now - before) / seconds;
}

TopCounters rates(const TopCounters& now, const TopCounters& before, double seconds) {
  TopCounters result;
  for (double TopCounters::*counter :
       {&TopCounters::accepted, &TopCounters::rejected, &TopCounters::connect_failures,
        &TopCounters::pool_hits, &TopCounters::pool_misses, &TopCounters::pool_stale}) {
    result.*counter = rate(now.*counter, before.*counter, seconds);
  }
  for (std::size_t i = 0; i < result.bytes.size(); ++i) {
    result.bytes.at(i) = rate(now.bytes.at(i), before.bytes.at(i), seconds);
  }
  return result;
}

// Of each element, what make() says of it and the one of the same key before; none for a new one.
template <typename Value, typename Element, typename Key, typename Make>
std::vector<std::optional<Value>> compare(const std::vector<Element>& now,
                                          const std::vector<Element>* before, Key key, Make make) {
  std::unordered_map<std::string, const Element*> earlier;
  if (before != nullptr) {
    for (const Element& element : *before) earlier.emplace(key(element), &element);
  }
  std::vector<std::optional<Value>> result;
  result.reserve(now.size());
  for (const Element& element : now) {
    const auto found = earlier.find(key(element));
    if (found == earlier.end()) {
      result.emplace_back();
    } else {
      result.emplace_back(make(element, *found->second));
    }
  }
  return result;
}

void compare_lists(TopFigures& figures, const TopStatus* before, double seconds) {
  const TopStatus& now = figures.status;
  const auto name = [](const auto& element) { return element.name; };
  const auto counters = [seconds](const auto& latest, const auto& earlier) {
    return rates(latest.counters, earlier.counters, seconds);
  };
  figures.listeners = compare<TopCounters>(
      now.listeners, before != nullptr ? &before->listeners : nullptr, name, counters);
  figures.upstreams = compare<TopCounters>(
      now.upstreams, before != nullptr ? &before->upstreams : nullptr, name, counters);
  figures.busy = compare<double>(
      now.workers, before != nullptr ? &before->workers : nullptr,
      [](const TopWorker& worker) { return std::to_string(worker.index); },
      [seconds](const TopWorker& latest, const TopWorker& earlier) {
        return std::min(1.0, rate(latest.busy_seconds, earlier.busy_seconds, seconds));
      });
  figures.ends = compare<double>(
      now.ends, before != nullptr ? &before->ends : nullptr,
      [](const TopEnd& end) { return end.actor + " " + end.cause; },
      [seconds](const TopEnd& latest, const TopEnd& earlier) {
        return rate(latest.count, earlier.count, seconds);
      });
  if (before == nullptr) return;
  // A way to end that the document before did not list had not been taken.
  for (std::size_t i = 0; i < figures.ends.size(); ++i) {
    if (!figures.ends[i]) figures.ends[i] = rate(now.ends[i].count, 0, seconds);
  }
}

}  // namespace

bool TopHistory::add(TopStatus status) {
  const bool goes_on = documents_.empty() || (documents_.back().started == status.started &&
                                              documents_.back().now < status.now);
  if (!goes_on) {
    documents_.clear();
    samples_.clear();
  }
  documents_.push_back(std::move(status));
  const double enough = documents_.back().now - kRateSeconds;
  while (documents_.size() > 2 &&
         (documents_[1].now <= enough || documents_.size() > kDocumentsMax)) {
    documents_.pop_front();
  }
  const TopStatus& now = documents_.back();
  if (documents_.size() > 1) {
    const TopCounters rate =
        rates(now.totals, documents_.front().totals, now.now - documents_.front().now);
    samples_.push_back({.sessions = now.sessions, .accepted = rate.accepted, .bytes = rate.bytes});
    if (samples_.size() > kSamplesMax) samples_.pop_front();
  }
  return goes_on;
}

TopFigures TopHistory::figures() const {
  CHECK(!documents_.empty());
  TopFigures figures;
  figures.status = documents_.back();
  figures.samples.assign(samples_.begin(), samples_.end());
  const TopStatus& now = figures.status;
  const TopStatus* before = documents_.size() > 1 ? &documents_.front() : nullptr;
  const double seconds = before != nullptr ? now.now - before->now : 0;
  compare_lists(figures, before, seconds);
  if (before == nullptr) return figures;
  figures.totals = rates(now.totals, before->totals, seconds);
  figures.log_dropped = rate(now.log_dropped, before->log_dropped, seconds);
  if (now.cpu_seconds && before->cpu_seconds) {
    figures.cpu = rate(*now.cpu_seconds, *before->cpu_seconds, seconds);
  }
  constexpr double kMedian = 0.5;
  constexpr double kTail = 0.99;
  figures.setup_p50 = quantile(kMedian, now.setup, before->setup);
  figures.setup_p99 = quantile(kTail, now.setup, before->setup);
  return figures;
}

std::optional<double> quantile(double q, const TopLatency& now, const TopLatency& earlier) {
  const double all = now.count - earlier.count;
  if (all <= 0 || now.buckets.size() != earlier.buckets.size()) return std::nullopt;
  const double wanted = q * all;
  double bound = 0;
  double below = 0;
  for (std::size_t i = 0; i < now.buckets.size(); ++i) {
    const auto& [upper, count] = now.buckets[i];
    const double seen = count - earlier.buckets[i].second;
    if (seen >= wanted && seen > below) {
      return bound + (upper - bound) * (wanted - below) / (seen - below);
    }
    bound = upper;
    below = seen;
  }
  return bound;
}

}  // namespace proxy
