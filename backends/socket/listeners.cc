#include "backends/socket/listeners.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "backends/socket/listener_socket.h"
#include "backends/socket/socket_options.h"
#include "base/assert.h"

namespace backends::socket {
namespace {

constexpr std::size_t kListenersMax = 1024;

// After a stop nothing is tried for this long even when connections close: one client in and one
// out would otherwise make a stop, a resume and two events of each session.
constexpr base::Nanos kPauseMin = std::chrono::milliseconds(10);
// Descriptors may also come back from elsewhere in the machine, so a stop is not for ever.
constexpr base::Nanos kBackoffMin = std::chrono::milliseconds(100);
constexpr base::Nanos kBackoffMax = std::chrono::seconds(1);

}  // namespace

Listeners::Listeners(const Claims& claims, Door& door, TransportStats& stats)
    : claims_(claims), door_(door), stats_(stats), listeners_(kListenersMax) {
  draining_.reserve(kListenersMax);
}

base::Result<ListenerId> Listeners::listen(const ListenSpec& spec, Tag tag) {
  auto sockets = claims_.share(spec.address);
  if (!sockets) return base::failure(sockets.error());
  const bool shared = !sockets->empty();
  if (shared) {
    // Accepted sockets have the listener's options.
    for (const base::UniqueFd& fd : *sockets) {
      set_tcp_options(fd.get(), spec.address.family(), spec.tcp);
    }
  } else {
    auto own = open_listener(spec);
    if (!own) return base::failure(own.error());
    sockets->push_back(*std::move(own));
  }
  base::SlotId first;
  for (base::UniqueFd& fd : *sockets) {
    const auto added = add(spec, tag, std::move(fd), shared, first);
    if (!added) {
      unlisten(to_id<ListenerId>(first));
      return base::failure(added.error());
    }
    first = *added;
  }
  return to_id<ListenerId>(first);
}

base::Result<base::SlotId> Listeners::add(const ListenSpec& spec, Tag tag, base::UniqueFd fd,
                                          bool shared, base::SlotId next) {
  if (listeners_.full()) return base::failure(base::to_errno(EMFILE));
  const base::SlotId id = listeners_.emplace();
  Listener& listener = listeners_[id];
  listener.fd = std::move(fd);
  listener.tag = tag;
  listener.family = spec.address.family();
  listener.backlog = spec.backlog;
  listener.shared = shared;
  listener.next = next;
  listener.stopped = stopped_;
  if (!set_door(id, listener)) {
    const base::Errno error = base::last_errno();
    listeners_.erase(id);
    return base::failure(error);
  }
  return id;
}

base::Address Listeners::local(ListenerId id) const {
  const Listener* listener = listeners_.find(to_slot(id));
  CHECK(listener != nullptr);
  return local_of(listener->fd.get());
}

void Listeners::pause(ListenerId id, bool paused) {
  base::SlotId at = to_slot(id);
  while (Listener* listener = listeners_.find(at)) {
    if (listener->draining) return;
    listener->paused = paused;
    set_door_or_stop(at, *listener);
    at = listener->next;
  }
}

void Listeners::unlisten(ListenerId id) {
  base::SlotId at = to_slot(id);
  while (Listener* listener = listeners_.find(at)) {
    if (listener->draining) return;
    listener->draining = true;
    // A queue that others have too stays open for them; ours goes when the claim goes.
    if (!listener->shared) refuse_new_clients(listener->fd.get());
    static_cast<void>(set_door(at, *listener));  // Closing always works.
    draining_.push_back(at);
    at = listener->next;
  }
}

bool Listeners::set_door(base::SlotId id, Listener& listener) {
  // A draining listener is asked in every poll anyway.
  const bool wanted = !listener.paused && !listener.draining && !listener.stopped;
  if (wanted == listener.open) return true;
  if (!wanted) door_.close(id, listener.fd.get());
  listener.open = wanted && door_.open(id, listener.fd.get(), listener.shared, listener.backlog);
  return listener.open == wanted;
}

// ENOMEM, or a limit of the kernel: like any other stop, it is tried again later.
void Listeners::set_door_or_stop(base::SlotId id, Listener& listener) {
  if (set_door(id, listener)) return;
  listener.stopped = true;
  stopped_ = true;
  stopped_for_room_ = false;
  backoff_ = kBackoffMax;
}

Accepted Listeners::accept(base::SlotId id, std::size_t room, base::Nanos now,
                           std::vector<Event>& events) {
  Accepted accepted;
  Listener& listener = listeners_[id];
  accepted.tag = listener.tag;
  accepted.family = listener.family;
  if (stopped_) return accepted;
  // A client that has gone counts as one of the burst, so the loop has an end.
  for (std::size_t tries = 0; tries < kAcceptBurst; ++tries) {
    if (accepted.count == room) {
      if (room != 0) return accepted;  // Whether anybody else waits, the next poll tells.
      ++stats_.accept_failures[static_cast<std::size_t>(AcceptFailure::kCapacity)];
      stopped_for_room_ = true;
      stop_all(base::to_errno(EMFILE), now, events);
      return accepted;
    }
    const base::Result<int> next = door_.next(id, listener.fd.get());
    if (next) {
      accepted.fds[accepted.count++] = *next;
      continue;
    }
    const base::Errno error = next.error();
    if (error == base::to_errno(EINPROGRESS)) return accepted;
    const AcceptProblem problem = classify_accept_error(error);
    if (problem.advice == AcceptAdvice::kEmpty) {
      if (listener.draining) finish_draining(id);
      return accepted;
    }
    ++stats_.accept_failures[static_cast<std::size_t>(problem.failure)];
    if (problem.advice == AcceptAdvice::kStop) {
      stopped_for_room_ = false;
      stop_all(error, now, events);
      return accepted;
    }
  }
  return accepted;
}

void Listeners::stop_all(base::Errno error, base::Nanos now, std::vector<Event>& events) {
  // One stop covers every listener: what ran out is the process's or the machine's, not one
  // listener's.
  backoff_ = backoff_.count() == 0 ? kBackoffMin : std::min(2 * backoff_, kBackoffMax);
  stopped_ = true;
  stopped_at_ = now;
  gave_back_ = false;
  listeners_.for_each([&](base::SlotId id, Listener& listener) {
    if (listener.stopped || listener.draining) return;
    listener.stopped = true;
    static_cast<void>(set_door(id, listener));  // Closing always works.
    events.push_back({.kind = EventKind::kAcceptFailed, .error = error, .tag = listener.tag});
  });
}

void Listeners::resume_if_possible(bool room, base::Nanos now, std::vector<Event>& events) {
  if (!stopped_ || !room) return;
  const base::Nanos waited = now - stopped_at_;
  const bool worth_it = gave_back_ ? waited >= kPauseMin : !stopped_for_room_ && waited >= backoff_;
  if (!worth_it) return;
  stopped_ = false;
  if (gave_back_) backoff_ = base::Nanos{0};
  listeners_.for_each([&](base::SlotId id, Listener& listener) {
    if (!listener.stopped) return;
    listener.stopped = false;
    set_door_or_stop(id, listener);
    if (listener.stopped) return;
    events.push_back({.kind = EventKind::kAcceptResumed, .tag = listener.tag});
  });
  if (stopped_) stopped_at_ = now;
}

base::Nanos Listeners::wait_limit(bool room, base::Nanos now) const {
  if (!stopped_) return draining_.empty() ? base::kForever : base::Nanos{0};
  if (!room || (stopped_for_room_ && !gave_back_)) return base::kForever;
  const base::Nanos due = stopped_at_ + (gave_back_ ? kPauseMin : backoff_);
  return std::max(due - now, base::Nanos{0});
}

void Listeners::finish_draining(base::SlotId id) {
  std::erase(draining_, id);
  listeners_.erase(id);
}

}  // namespace backends::socket
