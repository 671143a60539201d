// What a reload changes. The supervisor applies it: listeners and upstreams that did not change
// keep their sockets and sessions. A pure function; main thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/problem.h"

namespace config {

enum class ChangeKind : std::uint8_t { kUnchanged, kAdded, kRemoved, kChanged };

// A listener or an upstream, matched by its name.
struct Change {
  std::string name;
  ChangeKind kind = ChangeKind::kUnchanged;
  std::size_t old_index = 0;  // Meaningless when kAdded.
  std::size_t new_index = 0;  // Meaningless when kRemoved.
};

struct Diff {
  std::vector<Change> listeners;  // In the new file's order, the removed ones last.
  std::vector<Change> upstreams;  // The same.
  bool settings = false;          // log, shutdown or admin.token_file changed; they apply at once.
  // Changes of workers, transport, metrics.bind and the admin API's address, at their places in the
  // new file. They cannot be made in a running process: a reload with any of them must be rejected
  // as a whole.
  std::vector<Problem> needs_restart;
};

// Both must have been loaded without problems.
Diff diff(const Config& old, const Config& next);

// For the log: "2 listeners added, 1 upstream changed", "no changes".
std::string summary(const Diff& diff);

}  // namespace config
