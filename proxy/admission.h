// May one more session begin? Limits are over all workers, which share nothing but counters.
#pragma once

#include "proxy/listener.h"

namespace proxy {

// Counts a session in on the listener when its max_sessions allows it. Exact without a lock: a
// worker first adds itself to its own gauge, then reads everybody's; of two workers that race for
// the last place at least one sees the other, so the limit is never passed (both may give way at
// once, and then the place stays free for the next client).
bool admit(Listener& listener);

// The inverse, when the session has ended.
void leave(Listener& listener);

}  // namespace proxy
