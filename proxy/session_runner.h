// The life of sessions on one worker: admission, endpoint, connect and retry, relay, timeouts, end.
// Owns the session table and the timer wheel; owned by the worker, on its thread. It hears the
// transport's events from the worker and never waits for anything.
//
//   accepted -> kConnecting -> kRelaying -> gone
//                  | next endpoint  | timeout or drain: kAborting -> gone
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/transport.h"
#include "base/slab.h"
#include "proxy/access_log.h"
#include "proxy/session.h"
#include "proxy/timer_wheel.h"
#include "proxy/worker_metrics.h"

namespace proxy {

class SessionRunner {
 public:
  // At most sessions_max sessions at a time. access_log may be null: no lines are wanted.
  SessionRunner(std::size_t worker, std::size_t sessions_max, backends::Transport& transport,
                WorkerCells& cells, AccessLog* access_log);

  // A client has arrived. Turns it away, or makes a session of it.
  void accepted(Listener& listener, backends::Connection client);

  // Events whose tag is kSession or kClient. Stale ones are dropped.
  void connected(const backends::Event& event);
  void client_closed(const backends::Event& event);
  void relay_done(const backends::Event& event);

  // Timeouts that are due.
  void expire();
  // Adds what long sessions have moved to the counters, at most once a second and a bounded number
  // of sessions a call. True when more are left: call again soon.
  bool fold();

  // Ends every session now; those in a relay end with the transport's next events.
  void abort_all(EndReason reason);

  // When expire() or fold() has something to do next; a lower bound.
  base::Nanos next_deadline() const;
  std::size_t size() const { return sessions_.size(); }

  // Lines for sessions that end from now on; null switches them off.
  void log_access_to(AccessLog* log) { access_log_ = log; }

 private:
  void connect_next(Session& session);
  void connect_failed(Session& session, Cause cause);
  void relay(Session& session);
  void expired(Session& session);
  void abort(Session& session, EndReason reason);
  void leave_endpoint(Session& session);
  void fold(Session& session);
  void end(Session& session, EndReason reason);
  Session* find(const backends::Event& event) { return sessions_.find(event.tag.id); }

  std::size_t worker_;
  backends::Transport& transport_;
  WorkerCells& cells_;
  AccessLog* access_log_;
  TimerWheel wheel_;
  base::Slab<Session> sessions_;
  base::Nanos next_fold_;
  std::uint32_t fold_cursor_ = 0;  // Next slot of a sweep that is under way; 0 between two.
};

}  // namespace proxy
