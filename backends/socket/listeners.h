// The listeners of one worker: who may accept now, and what happens when descriptors run out.
// Owned by SocketTransport; its worker's thread only.
//
// A burst may stop early without a client being forgotten: whoever brings clients (a Door) keeps
// them until they are asked for. The door of a listener that must not accept is closed; that is
// rare, and clients wait in its queue.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/socket/claims.h"
#include "backends/socket/socket_connection.h"
#include "backends/transport.h"
#include "base/fd.h"
#include "base/slab.h"
#include "base/time.h"

namespace backends::socket {

// Clients that one listener may bring in one poll: the others' bytes come between two bursts.
inline constexpr std::size_t kAcceptBurst = 16;

struct Accepted {
  std::array<int, kAcceptBurst> fds{};
  std::size_t count = 0;
  Tag tag;
  base::Family family = base::Family::kNone;
};

// How an engine hears of clients and takes them in.
class Door {
 public:
  Door() = default;
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;
  virtual ~Door() = default;

  // SocketTransport::accept_burst(listener) is to be called when clients are there. At most backlog
  // of them are in the kernel's queue. False: errno says why the kernel cannot do that now.
  // shared: other workers wait at the same queue.
  virtual bool open(base::SlotId listener, int fd, bool shared, int backlog) = 0;
  // Not any more. Always works, also on a door that is not open.
  virtual void close(base::SlotId listener, int fd) = 0;
  // The next client's descriptor (non-blocking, close-on-exec), or an error: EAGAIN when nobody
  // waits, EINPROGRESS when that cannot be told yet, others as man 2 accept.
  virtual base::Result<int> next(base::SlotId listener, int fd) = 0;
};

class Listeners {
 public:
  // All outlive this.
  Listeners(const Claims& claims, Door& door, TransportStats& stats);

  // One id, which has several sockets where the service manager left several to this worker.
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
    int backlog = 0;
    bool shared =
        false;          // Others accept from the same queue: other workers, and whoever opened it.
    base::SlotId next;  // Another socket of the same ListenerId; generation 0: none.
    bool paused = false;
    bool draining = false;
    bool stopped = false;  // kAcceptFailed was delivered.
    bool open = false;     // Its door is.
  };

  // Adds a socket before `next` in its chain. The error is the kernel's, or EMFILE.
  base::Result<base::SlotId> add(const ListenSpec& spec, Tag tag, base::UniqueFd fd, bool shared,
                                 base::SlotId next);
  // Opens or closes the door, as it should be. False: errno says why it stays closed.
  bool set_door(base::SlotId id, Listener& listener);
  void set_door_or_stop(base::SlotId id, Listener& listener);
  void stop_all(base::Errno error, base::Nanos now, std::vector<Event>& events);
  void finish_draining(base::SlotId id);

  const Claims& claims_;
  Door& door_;
  TransportStats& stats_;
  base::Slab<Listener> listeners_;
  std::vector<base::SlotId> draining_;
  bool stopped_ = false;           // Out of descriptors, memory or room.
  bool stopped_for_room_ = false;  // Our own capacity: only a closed connection can end it.
  bool gave_back_ = false;         // A connection was closed since the stop.
  base::Nanos stopped_at_{0};
  base::Nanos backoff_{0};
};

}  // namespace backends::socket
