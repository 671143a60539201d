// What happened in a simulation, as one number and, when asked, as text. Two runs with the same
// seed have the same number; the text is for the person who replays a failing seed.
// Owned by the network; one thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string_view>

#include "base/time.h"

namespace backends {

class SimTrace {
 public:
  // out: where the text goes, or null for none. Not owned.
  explicit SimTrace(std::FILE* out) : out_(out) {}

  // One event: what happened, to which object, with which number (bytes, errno, ...).
  void record(base::Nanos at, std::string_view what, std::uint64_t object, std::uint64_t number);

  // A line of text that is no event: names of objects, steps of a script.
  void note(base::Nanos at, std::string_view text) const;

  std::uint64_t hash() const { return hash_; }
  std::uint64_t events() const { return events_; }

 private:
  std::FILE* out_;
  std::uint64_t hash_ = 0;
  std::uint64_t events_ = 0;
};

}  // namespace backends
