// Finds the sessions whose endpoint was removed and whose time is over (Endpoint::cut_at). A walk
// over the whole session table, a few slots a turn, which finds out by itself when the next one is
// due. Part of the session runner, on the worker's thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/slab.h"
#include "base/time.h"
#include "proxy/session.h"

namespace proxy {

class RemovalSweep {
 public:
  // Sessions that are cut in one turn of the loop, so that the others do not wait for hundreds of
  // resets; and slots that are looked at.
  static constexpr std::size_t kCutsPerTurn = 64;
  static constexpr std::size_t kSlotsPerTurn = 1024;

  // Endpoints may have been removed: from the first slot again, now.
  void restart(base::Nanos now) {
    next_ = now;
    later_ = base::kForever;
    cursor_ = 0;
  }

  // When step() has something to do; kForever: nothing that is known of.
  base::Nanos next() const { return next_; }

  // Calls cut(Session&) for those that are due, which may erase that session. True when more slots
  // are left to look at now.
  template <typename Cut>
  bool step(base::Slab<Session>& sessions, base::Nanos now, Cut cut) {
    if (next_ > now) return false;
    std::size_t cuts = 0;
    for (std::size_t slots = 0; cuts < kCutsPerTurn && slots < kSlotsPerTurn;
         slots += kCutsPerTurn) {
      const auto look = [&](base::SlotId, Session& session) {
        if (!due(session, now)) return;
        ++cuts;
        cut(session);
      };
      cursor_ = sessions.visit(cursor_, kCutsPerTurn - cuts, look);
      if (cursor_ != 0) continue;
      next_ = std::exchange(later_, base::kForever);
      return false;
    }
    return true;
  }

 private:
  bool due(const Session& session, base::Nanos now) {
    if (session.endpoint == nullptr || session.state == SessionState::kAborting) return false;
    if (session.endpoint->cut_at <= now) return true;
    later_ = std::min(later_, session.endpoint->cut_at);
    return false;
  }

  base::Nanos next_ = base::kForever;
  base::Nanos later_ = base::kForever;  // The next one after this sweep, as far as it has seen.
  std::uint32_t cursor_ = 0;
};

}  // namespace proxy
