// The signals that main listens to, as a descriptor to wait on: no handler runs, so nothing can
// happen in the middle of anything else, and a storm of one signal is one signal.
#pragma once

#include <initializer_list>
#include <optional>

#include "base/fd.h"

namespace proxy {

class Signals {
 public:
  // Blocks them for this thread and all it starts later: make it before any thread. Not ignored
  // any more, whoever started us.
  Signals(std::initializer_list<int> numbers);

  int fd() const { return fd_.get(); }
  // The next one that has come, or nothing. Never waits.
  std::optional<int> take();

 private:
  base::UniqueFd fd_;
};

// Signals whose default would kill us for nothing: SIGPIPE (a log reader that has gone, and
// splice(2), which has no MSG_NOSIGNAL), SIGUSR1 and SIGUSR2 (a habit from other proxies). Before
// the Signals that want one of them.
void ignore_harmless_signals();

}  // namespace proxy
