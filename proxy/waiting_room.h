// The queues of one worker that somebody waits in, and when to look whether there is a place. Part
// of the session runner, on the worker's thread. Places that this worker frees are noticed in the
// same turn of its loop; those that other workers free, within kLook.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "base/time.h"
#include "proxy/session.h"
#include "proxy/upstream.h"

namespace proxy {

class WaitingRoom {
 public:
  // Only while somebody waits: 500 looks a second cost a worker less than 1 % of its time.
  static constexpr base::Nanos kLook = std::chrono::milliseconds(2);
  // Sessions that leave one queue in one turn of the loop: the others of the worker must not wait
  // for thousands of connects when a limit is lifted.
  static constexpr std::size_t kServedPerTurn = 256;

  // To the end of its upstream's queue; false when the queue is full.
  bool join(Session& session, base::Nanos now) {
    Upstream& upstream = session.upstream();
    if (!upstream.queue().join(*session.setup, upstream.config().limits.queue, now)) return false;
    if (upstream.queue().size() == 1) upstreams_.push_back(&upstream);
    return true;
  }

  void leave(Session& session, base::Nanos now) {
    Upstream& upstream = session.upstream();
    upstream.queue().leave(*session.setup, now);
    if (upstream.queue().empty()) std::erase(upstreams_, &upstream);
  }

  // A place may be free, or the limits are others.
  void place_freed() { freed_ = true; }

  // Calls serve(Session&) for the first one of each queue, and for the next one if that one has
  // left the queue (true). serve may take no other session out of a queue.
  template <typename Serve>
  void look(base::Nanos now, Serve serve) {
    const bool freed = std::exchange(freed_, false);
    if (upstreams_.empty() || (!freed && now < next_look_)) return;
    next_look_ = now + kLook;
    // From the end: an upstream whose queue gets empty leaves the list.
    for (std::size_t i = upstreams_.size(); i-- > 0;) {
      SessionQueue& queue = upstreams_[i]->queue();
      std::size_t served = 0;
      while (served < kServedPerTurn && !queue.empty() &&
             serve(*static_cast<SessionSetup&>(*queue.first()).session)) {
        ++served;
      }
      if (served == kServedPerTurn) freed_ = true;
    }
  }

  // When to call look() again; kForever: nobody waits.
  base::Nanos next_look(base::Nanos now) const {
    if (upstreams_.empty()) return base::kForever;
    return freed_ ? now : next_look_;
  }

 private:
  std::vector<Upstream*> upstreams_;  // Each once.
  bool freed_ = false;                // By this worker, since the last look.
  base::Nanos next_look_{0};
};

}  // namespace proxy
