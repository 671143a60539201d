#include "proxy/admission.h"

#include "base/assert.h"
#include "proxy/shared_limit.h"

namespace proxy {

bool admit(Listener& listener) {
  if (!take_place(*listener.series, *listener.cells, &ListenerCells::sessions,
                  listener.max_sessions)) {
    return false;
  }
  ++listener.sessions;
  return true;
}

void leave(Listener& listener) {
  CHECK(listener.sessions > 0);
  --listener.sessions;
  free_place(*listener.cells, &ListenerCells::sessions);
}

}  // namespace proxy
