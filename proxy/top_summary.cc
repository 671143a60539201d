#include "proxy/top_summary.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <set>
#include <utility>

#include "proxy/number_text.h"

namespace proxy {
namespace {

constexpr std::string_view kUp = "up";
// Endpoints that a sentence names; the others are a number.
constexpr std::size_t kNamed = 3;
// Of the descriptors that the process may have.
constexpr double kManyDescriptors = 0.9;

std::string endpoints_text(double count) { return things_text(count, "endpoint", "endpoints"); }

class Problems {
 public:
  explicit Problems(const TopFigures& figures) : figures_(figures), status_(figures.status) {
    add_unserved();
    add_named("down", TopLevel::kBad);
    add_named("ejected", TopLevel::kWarning);
    add_listeners();
    add_program();
    add_counted("maintenance", "in maintenance");
    add_counted("draining", "draining");
    std::stable_sort(found_.begin(), found_.end(),
                     [](const TopSentence& a, const TopSentence& b) { return a.level < b.level; });
  }

  std::vector<TopSentence> take() { return std::move(found_); }

 private:
  void say(TopLevel level, std::string text) {
    found_.push_back({.level = level, .text = std::move(text)});
  }

  void add_unserved() {
    std::set<std::string_view> used;
    for (const TopListener& listener : status_.listeners) used.insert(listener.upstream);
    for (const TopUpstream& upstream : status_.upstreams) {
      if (upstream.removed) continue;
      const bool served =
          std::any_of(upstream.endpoints.begin(), upstream.endpoints.end(),
                      [](const TopEndpoint& endpoint) { return endpoint.state == kUp; });
      if (served) continue;
      const char* has = upstream.endpoints.empty() ? " has no address" : " has no usable endpoint";
      say(used.contains(upstream.name) ? TopLevel::kBad : TopLevel::kWarning,
          "Upstream " + upstream.name + has);
    }
  }

  // "2 endpoints are down: 10.0.0.1:80 of web, 10.0.0.2:80 of web"
  void add_named(std::string_view state, TopLevel level) {
    std::size_t count = 0;
    std::string names;
    for (const TopUpstream& upstream : status_.upstreams) {
      for (const TopEndpoint& endpoint : upstream.endpoints) {
        if (endpoint.state != state) continue;
        if (++count > kNamed) continue;
        names += (count == 1 ? "" : ", ") + endpoint.address + " of " + upstream.name;
      }
    }
    if (count == 0) return;
    if (count > kNamed) names += ", " + count_text(static_cast<double>(count - kNamed)) + " more";
    say(level, endpoints_text(static_cast<double>(count)) + (count == 1 ? " is " : " are ") +
                   std::string(state) + ": " + names);
  }

  void add_counted(std::string_view state, std::string_view words) {
    double count = 0;
    for (const TopUpstream& upstream : status_.upstreams) {
      for (const TopEndpoint& endpoint : upstream.endpoints) {
        if (endpoint.state == state && !endpoint.removed) ++count;
      }
    }
    if (count == 0) return;
    say(TopLevel::kNote,
        endpoints_text(count) + (count == 1 ? " is " : " are ") + std::string(words));
  }

  void add_listeners() {
    for (std::size_t i = 0; i < status_.listeners.size(); ++i) {
      const TopListener& listener = status_.listeners[i];
      const auto problem = problem_of(listener, figures_.listeners.at(i));
      if (problem) say(problem->level, "Listener " + listener.name + " " + problem->text);
    }
    for (const TopUpstream& upstream : status_.upstreams) {
      if (upstream.queue <= 0) continue;
      say(TopLevel::kWarning, "Sessions wait for a place at upstream " + upstream.name);
    }
  }

  void add_program() {
    if (!status_.last_reload_accepted) {
      say(TopLevel::kWarning, "The last reload was refused: configuration " +
                                  count_text(status_.generation) + " stays in force");
    }
    if (status_.open_fds && status_.max_fds &&
        *status_.open_fds > kManyDescriptors * *status_.max_fds) {
      say(TopLevel::kWarning, "More than 90 % of the descriptors are in use");
    }
    if (figures_.log_dropped.value_or(0) > 0) {
      say(TopLevel::kWarning, "The access log drops lines: nobody reads its output in time");
    }
  }

  const TopFigures& figures_;
  const TopStatus& status_;
  std::vector<TopSentence> found_;
};

std::string all_well(const TopStatus& status) {
  const auto kept = [](const auto& list) {
    return static_cast<double>(
        std::count_if(list.begin(), list.end(), [](const auto& it) { return !it.removed; }));
  };
  std::size_t endpoints = 0;
  for (const TopUpstream& upstream : status.upstreams) endpoints += upstream.endpoints.size();
  return "All well: " + things_text(kept(status.listeners), "listener", "listeners") + ", " +
         things_text(kept(status.upstreams), "upstream", "upstreams") + ", " +
         endpoints_text(static_cast<double>(endpoints)) + "; " +
         things_text(status.sessions, "session", "sessions");
}

}  // namespace

std::vector<TopSentence> summarize(const TopFigures& figures) {
  std::vector<TopSentence> sentences = Problems(figures).take();
  const TopStatus& status = figures.status;
  const auto first = [&](TopLevel level, std::string text) {
    sentences.insert(sentences.begin(), {.level = level, .text = std::move(text)});
  };
  if (status.state == "draining") {
    first(TopLevel::kNote, "Draining: no new sessions; " +
                               things_text(status.sessions, "session", "sessions") + " left");
  } else if (status.state == "starting") {
    first(TopLevel::kNote, "Starting");
  } else if (sentences.empty() || sentences.front().level == TopLevel::kNote) {
    first(TopLevel::kGood, all_well(status));
  }
  return sentences;
}

TopLevel level_of_state(std::string_view state) {
  struct Known {
    std::string_view state;
    TopLevel level;
  };
  constexpr std::array<Known, 3> kKnown = {
      {{kUp, TopLevel::kGood}, {"down", TopLevel::kBad}, {"ejected", TopLevel::kWarning}}};
  const auto* found = std::find_if(kKnown.begin(), kKnown.end(),
                                   [state](const Known& known) { return known.state == state; });
  return found == kKnown.end() ? TopLevel::kNote : found->level;
}

std::optional<TopProblem> problem_of(const TopListener& listener,
                                     const std::optional<TopCounters>& rates) {
  if (listener.paused) {
    return TopProblem{.level = TopLevel::kBad,
                      .word = "paused",
                      .text = "does not accept clients: descriptors have run out"};
  }
  if (listener.max_sessions > 0 && listener.sessions >= listener.max_sessions) {
    return TopProblem{
        .level = TopLevel::kWarning,
        .word = "full",
        .text = "is at its limit of " + things_text(listener.max_sessions, "session", "sessions")};
  }
  if (rates && rates->rejected > 0) {
    return TopProblem{
        .level = TopLevel::kWarning, .word = "rejecting", .text = "turns clients away"};
  }
  return std::nullopt;
}

TopLevel level_of(const TopUpstream& upstream) {
  if (upstream.removed) return TopLevel::kNote;
  TopLevel worst = TopLevel::kGood;
  bool served = false;
  for (const TopEndpoint& endpoint : upstream.endpoints) {
    worst = std::min(worst, level_of_state(endpoint.state));
    served = served || endpoint.state == kUp;
  }
  return served ? worst : TopLevel::kBad;
}

}  // namespace proxy
