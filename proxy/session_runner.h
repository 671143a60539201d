// The life of sessions on one worker: admission, the wait for a place, endpoint, connect and retry,
// relay, timeouts, end. Owns the session table and the timer wheel; owned by the worker, on its
// thread. It hears the transport's events from the worker and never waits for anything.
//
//   accepted -> kConnecting -> kRelaying -> gone
//      | full      ^   | next endpoint | timeout, drain, removal: kAborting -> gone
//      v           |   v
//   kQueued -------+---+
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/transport.h"
#include "base/slab.h"
#include "proxy/access_log.h"
#include "proxy/evidence.h"
#include "proxy/pools.h"
#include "proxy/removal_sweep.h"
#include "proxy/session.h"
#include "proxy/session_setup.h"
#include "proxy/session_view.h"
#include "proxy/timer_wheel.h"
#include "proxy/waiting_room.h"
#include "proxy/worker_metrics.h"

namespace proxy {

class SessionRunner {
 public:
  // At most sessions_max sessions at a time. access_log and evidence may be null: nobody wants to
  // know.
  SessionRunner(std::size_t worker, std::size_t sessions_max, backends::Transport& transport,
                Pools& pools, WorkerCells& cells, AccessLog* access_log, EvidenceLog* evidence);

  // A client has arrived. Turns it away, or makes a session of it.
  void accepted(Listener& listener, backends::Connection client);

  // Events whose tag is kSession or kClient. Stale ones are dropped.
  void connected(const backends::Event& event);
  void client_closed(const backends::Event& event);
  void relay_done(const backends::Event& event);

  // Once a turn: timeouts that are due, what long sessions have moved, sessions of removed
  // endpoints, queues. Bounded; true when work is left over: call again soon.
  bool tend();

  // Endpoints have been added, removed or judged anew, or limits have changed.
  void upstreams_changed();

  // Ends every session now; those in a relay end with the transport's next events.
  void abort_all(EndReason reason);

  // For the admin API, and the only place where a worker allocates on behalf of somebody who waits:
  // looks through at most kSlotsPerSlice slots.
  static constexpr std::size_t kSlotsPerSlice = 4096;
  void list(SessionSlice& slice);
  // Ends one session now; false when it is not there or ends already.
  bool end_one(base::SlotId id, EndReason reason);

  // When tend() has something to do next; a lower bound.
  base::Nanos next_deadline() const;
  std::size_t size() const { return sessions_.size(); }

  // Lines for sessions that end from now on; null switches them off.
  void log_access_to(AccessLog* log) { access_log_ = log; }

 private:
  SessionSetup* begin_setup(Session& session);
  void end_setup(Session& session);
  void go_on(Session& session, const Choice& choice);
  bool may_retry(Session& session);
  Choice enter(Session& session);
  void attempt(Session& session);
  bool take_pooled(Session& session);
  void dial(Session& session, base::Address remote);
  void await_room(Session& session);
  void leave_dial_to_pool(Session& session);
  backends::ReturnUnused return_unused(const Session& session, base::Nanos now);
  void take_back_unused(Session& session, const backends::Event& event);
  void connect_failed(Session& session, Cause cause);
  void relay(Session& session);
  void wait_in_queue(Session& session);
  bool serve(Session& session);
  void expire();
  void expired(Session& session);
  bool fold();
  void fold(Session& session);
  void abort(Session& session, EndReason reason);
  void cancel(Session& session, EndReason reason);
  void leave_upstream(Session& session);
  void end(Session& session, EndReason reason);
  Session* find(const backends::Event& event) { return sessions_.find(event.tag.id); }

  std::size_t worker_;
  backends::Transport& transport_;
  Pools& pools_;
  WorkerCells& cells_;
  AccessLog* access_log_;
  EvidenceLog* evidence_;
  TimerWheel wheel_;
  base::Slab<Session> sessions_;
  base::Slab<SessionSetup> setups_;  // Session::setup says who has one.

  base::Nanos next_fold_;
  std::uint32_t fold_cursor_ = 0;  // Next slot of a sweep that is under way; 0 between two.
  std::size_t source_ = 0;         // Counts connects: source addresses take turns.
  std::size_t path_looks_left_ = 0;
  RemovalSweep removal_sweep_;
  WaitingRoom waiting_room_;
};

}  // namespace proxy
