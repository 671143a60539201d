// May one more session begin? Limits are over all workers, which share nothing but counters.
#pragma once

#include "proxy/listener.h"

namespace proxy {

// Counts a session in on the listener when its max_sessions allows it: exact, see shared_limit.h.
bool admit(Listener& listener);

// The inverse, when the session has ended.
void leave(Listener& listener);

}  // namespace proxy
