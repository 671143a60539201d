// Tries on a ring of its own what the engine is going to do, on loopback and in a few milliseconds:
// what a kernel's version or its list of operations says is not what a filter, a backport or a bug
// leaves of it. Any thread.
#pragma once

#include <optional>
#include <string>

#include "backends/io_uring/ring.h"
#include "base/errno.h"

namespace backends::io_uring {

struct SelfTestFailure {
  std::string step;  // "multishot accept", for the operator.
  base::Errno error = base::Errno::kNone;
};

// Accepts by a multishot request, receives into lent buffers by another, with exactly the bytes
// that were sent, finds no buffer when they are used up, sends quietly, hears that a full receiver
// takes no more, polls, takes a request back, and closes. The ring must be fresh, and is of no use
// afterwards. Nothing: all of it works.
std::optional<SelfTestFailure> test_on_loopback(Ring& ring);

}  // namespace backends::io_uring
