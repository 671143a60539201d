#include "proxy/verdicts.h"

#include <atomic>

namespace proxy {

// The words are relaxed: a worker reads them after it was told, and telling is what orders the two.
bool Verdicts::change(std::atomic<bool>& word, bool value) {
  if (word.load(std::memory_order_relaxed) == value) return false;
  word.store(value, std::memory_order_relaxed);
  pending_ = true;
  ++changes_;
  return true;
}

void Verdicts::begin_health(const EndpointSeries& endpoint, bool healthy) {
  change(endpoint.verdict.healthy, healthy);
}

void Verdicts::begin_ejection(const EndpointSeries& endpoint) {
  change(endpoint.verdict.ejected, false);
  set_suspected(endpoint, false);
}

void Verdicts::set_healthy(const EndpointSeries& endpoint, bool healthy, std::string_view reason) {
  if (!change(endpoint.verdict.healthy, healthy)) return;
  say(endpoint, healthy, healthy ? "healthy" : "unhealthy", reason);
}

void Verdicts::set_ejected(const EndpointSeries& endpoint, bool ejected, std::string_view reason) {
  if (!change(endpoint.verdict.ejected, ejected)) return;
  say(endpoint, !ejected, ejected ? "ejected" : "no longer ejected", reason);
}

void Verdicts::set_suspected(const EndpointSeries& endpoint, bool suspected) {
  endpoint.verdict.suspected.store(suspected, std::memory_order_relaxed);
}

void Verdicts::announce() {
  if (pending_) pending_ = !announcer_.announce_verdicts();
}

void Verdicts::say(const EndpointSeries& endpoint, bool good, std::string_view what,
                   std::string_view reason) {
  if (log_ == nullptr) return;
  const SeriesNames& names = endpoint.names;
  if (good) {
    log_->info("upstream {}: endpoint {} is {}: {}", names.upstream, names.endpoint, what, reason);
  } else {
    log_->warning("upstream {}: endpoint {} is {}: {}", names.upstream, names.endpoint, what,
                  reason);
  }
}

}  // namespace proxy
