#include "proxy/admission.h"

#include <atomic>

#include "base/assert.h"

namespace proxy {

bool admit(Listener& listener) {
  listener.cells->sessions.add(1);
  if (listener.max_sessions > 0) {
    // Orders our store before our loads: without it both racing workers could miss each other.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const auto active = sum_over_workers(*listener.series, &ListenerCells::sessions);
    if (active > static_cast<std::int64_t>(listener.max_sessions)) {
      listener.cells->sessions.add(-1);
      return false;
    }
  }
  ++listener.sessions;
  return true;
}

void leave(Listener& listener) {
  CHECK(listener.sessions > 0);
  --listener.sessions;
  listener.cells->sessions.add(-1);
}

}  // namespace proxy
