// How things are, in one sentence, and what else is odd: the same words as the status page has.
// Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/top_history.h"

namespace proxy {

// The worst first.
enum class TopLevel { kBad, kWarning, kNote, kGood };

struct TopSentence {
  TopLevel level = TopLevel::kGood;
  std::string text;
};

// All of them, the most important one first. There is always one.
std::vector<TopSentence> summarize(const TopFigures& figures);

// How bad an endpoint's state is. A word that is not known is a note.
TopLevel level_of_state(std::string_view state);

// What is odd about a listener: a word for the table and the rest of a sentence about it.
struct TopProblem {
  TopLevel level = TopLevel::kGood;
  std::string word;
  std::string text;
};
std::optional<TopProblem> problem_of(const TopListener& listener,
                                     const std::optional<TopCounters>& rates);

// The worst of an upstream's endpoints; kBad as well when none of them is up.
TopLevel level_of(const TopUpstream& upstream);

}  // namespace proxy
