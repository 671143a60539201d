// A search in depth over upstreams, without recursion: a file may chain 100,000 of them. An
// endpoint that leads to an upstream of the path the search is on closes a circle, and every circle
// has such an endpoint.
#include "config/loops.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/address.h"
#include "config/own_listeners.h"

namespace config {
namespace {

class LoopFinder {
 public:
  LoopFinder(const Config& config, Problems& problems)
      : config_(config), problems_(problems), visits_(config.upstreams.size(), Visit::kNotYet) {
    for (const Listener& listener : config.listeners) {
      for (const Bind& bind : listener.bind) {
        own_.add(bind.address, binds_.size());
        binds_.push_back({&listener, &bind});
      }
    }
  }

  void run() {
    for (std::size_t i = 0; i < visits_.size(); ++i) {
      if (visits_[i] == Visit::kNotYet) search_from(i);
    }
  }

 private:
  enum class Visit : std::uint8_t { kNotYet, kOnPath, kDone };

  struct Place {
    const Listener* listener;
    const Bind* bind;
  };

  struct Step {
    std::size_t upstream;
    std::size_t next_endpoint = 0;
  };

  void search_from(std::size_t start) {
    enter(start);
    while (!path_.empty()) {
      Step& step = path_.back();
      const std::vector<Endpoint>& endpoints = config_.upstreams[step.upstream].endpoints;
      if (step.next_endpoint == endpoints.size()) {
        visits_[step.upstream] = Visit::kDone;
        path_.pop_back();
        continue;
      }
      follow(endpoints[step.next_endpoint++]);
    }
  }

  void enter(std::size_t upstream) {
    visits_[upstream] = Visit::kOnPath;
    path_.push_back({.upstream = upstream});
  }

  void follow(const Endpoint& endpoint) {
    const std::optional<std::size_t> bind = own_.reached_by(endpoint.address);
    if (!bind) return;
    const UpstreamRef& next = binds_[*bind].listener->upstream;
    // A name that leads nowhere has been reported, and its index means nothing.
    if (next.index >= visits_.size() || config_.upstreams[next.index].name != next.name) return;
    switch (visits_[next.index]) {
      case Visit::kNotYet:
        enter(next.index);
        return;
      case Visit::kOnPath:
        report(endpoint, binds_[*bind]);
        return;
      case Visit::kDone:
        return;
    }
  }

  void report(const Endpoint& endpoint, const Place& reached) {
    if (problems_.full()) return;
    const std::size_t first = reached.listener->upstream.index;
    const bool itself = path_.back().upstream == first;
    std::string text = "endpoint " + base::to_string(endpoint.address) + " is listener " +
                       quote(reached.listener->name) + (itself ? " itself (" : " (") +
                       to_string(reached.bind->mark) + ")";
    if (!itself) text += ", which leads back here through " + way_from(first);
    problems_.add(endpoint.mark, text + "; sessions would go round");
  }

  // "'a', 'b', ...": the upstreams of the path, from one of them to its end.
  std::string way_from(std::size_t first) const {
    constexpr std::size_t kShownMax = 8;
    std::size_t i = path_.size() - 1;
    while (path_[i].upstream != first) --i;
    std::string text;
    for (std::size_t shown = 0; i < path_.size(); ++i, ++shown) {
      if (shown > 0) text += ", ";
      if (shown == kShownMax) return text + "...";
      text += quote(config_.upstreams[path_[i].upstream].name);
    }
    return text;
  }

  const Config& config_;
  Problems& problems_;
  OwnListeners own_;
  std::vector<Place> binds_;  // By the id that own_ knows them by.
  std::vector<Visit> visits_;
  std::vector<Step> path_;
};

}  // namespace

void refuse_loops(const Config& config, Problems& problems) { LoopFinder(config, problems).run(); }

}  // namespace config
