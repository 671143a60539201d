// The listeners of one worker: who may accept now, and what happens when descriptors run out.
// Owned by EpollTransport; its worker's thread only.
//
// Listeners are level-triggered: a burst may stop early without a client being forgotten. A
// listener that must not accept leaves the epoll set; that is rare, and clients wait in its queue.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/epoll/epoll_connection.h"
#include "backends/socket/claims.h"
#include "backends/transport.h"
#include "base/fd.h"
#include "base/slab.h"
#include "base/time.h"

namespace backends::epoll {

// Clients that one listener may bring in one poll: the others' bytes come between two bursts.
inline constexpr std::size_t kAcceptBurst = 16;

class EpollListeners {
 public:
  struct Accepted {
    std::array<int, kAcceptBurst> fds{};
    std::size_t count = 0;
    Tag tag;
    base::Family family = base::Family::kNone;
  };

  // epoll_fd, claims and stats outlive this.
  EpollListeners(int epoll_fd, const socket::Claims& claims, TransportStats& stats);

  base::Result<ListenerId> listen(const ListenSpec& spec, Tag tag);
  base::Address local(ListenerId id) const;
  void pause(ListenerId id, bool paused);
  void unlisten(ListenerId id);

  // Accepts at most a burst, and at most room. Out of room or descriptors: all listeners stop, and
  // each one that was accepting adds a kAcceptFailed to events.
  Accepted accept(base::SlotId id, std::size_t room, base::Nanos now, std::vector<Event>& events);
  // False: an event of the kernel for a listener that has gone.
  bool knows(base::SlotId id) const { return listeners_.find(id) != nullptr; }

  // Starts accepting again when there may be room: kAcceptResumed for each.
  void resume_if_possible(bool room, base::Nanos now, std::vector<Event>& events);
  void connection_closed() { gave_back_ = true; }

  // Listeners that were unlistened and may still have clients in their queue.
  std::span<const base::SlotId> draining() const { return draining_; }
  // How long poll() may wait at most.
  base::Nanos wait_limit(bool room, base::Nanos now) const;

 private:
  struct Listener {
    base::UniqueFd fd;
    Tag tag;
    base::Family family = base::Family::kNone;
    bool paused = false;
    bool draining = false;
    bool stopped = false;  // kAcceptFailed was delivered.
    bool watched = false;  // In the epoll set.
  };

  // False: the kernel has no memory or no watch left for a listener that is to be watched.
  bool watch(base::SlotId id, Listener& listener);
  void watch_or_stop(base::SlotId id, Listener& listener);
  void stop_all(base::Errno error, base::Nanos now, std::vector<Event>& events);
  void finish_draining(base::SlotId id);

  int epoll_fd_;
  const socket::Claims& claims_;
  TransportStats& stats_;
  base::Slab<Listener> listeners_;
  std::vector<base::SlotId> draining_;
  bool stopped_ = false;           // Out of descriptors, memory or room.
  bool stopped_for_room_ = false;  // Our own capacity: only a closed connection can end it.
  bool gave_back_ = false;         // A connection was closed since the stop.
  base::Nanos stopped_at_{0};
  base::Nanos backoff_{0};
};

}  // namespace backends::epoll
