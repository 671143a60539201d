// What is wrong with a configuration, and where. Collected in one go, so that the operator repairs
// a file once and not error by error. Used by the loading thread only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace config {

struct Problem {
  Mark mark;
  std::string text;  // One line, without the place.
};

// "FILE:LINE:COLUMN: error: TEXT", the compilers' form: editors jump to it.
std::string to_string(std::string_view file, const Problem& problem);

// "line 4, column 9": how one place of the file is named in the text about another.
std::string to_string(const Mark& mark);

// 'text' for a message: quoted, shortened, and with every byte that could upset a terminal as \xNN.
std::string quote(std::string_view text);

class Problems {
 public:
  // Nobody reads more than a screenful, and a hostile file must not make a log of gigabytes.
  static constexpr std::size_t kMax = 100;

  // Beyond kMax it is counted, not kept.
  void add(Mark mark, std::string text);

  bool empty() const { return kept_.empty(); }
  bool full() const { return kept_.size() == kMax; }
  std::size_t size() const { return kept_.size() + dropped_; }

  // In the order of the file; the last one says how many were not kept.
  std::vector<Problem> sorted() const;

 private:
  std::vector<Problem> kept_;
  std::size_t dropped_ = 0;
};

}  // namespace config
