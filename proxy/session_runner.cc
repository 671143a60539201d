#include "proxy/session_runner.h"

#include <algorithm>
#include <utility>

#include "proxy/admission.h"
#include "proxy/session_counts.h"
#include "proxy/session_ends.h"
#include "proxy/session_evidence.h"
#include "proxy/session_record.h"
#include "proxy/session_timeouts.h"
#include "proxy/tag_kind.h"

namespace proxy {
namespace {

using backends::CloseMode;
using base::Errno;
using base::Nanos;

// Graphs of long sessions move at this pace; a scrape is rarely more frequent.
constexpr Nanos kFoldInterval = std::chrono::seconds(1);
// Slots looked at in one turn of the loop: about 50 us of work.
constexpr std::size_t kFoldSlots = 1024;
// Sessions asked for their way to the upstream in one turn, a system call each: less than 100 us.
// The others have their turn with the next sweep.
constexpr std::size_t kPathLooks = 64;
// Other workers' pools give way within Pools::kLimitsInterval.
constexpr Nanos kRoomLook = std::chrono::milliseconds(5);
// A service that has said nothing on a connection for so long does not speak first.
constexpr Nanos kSilence = std::chrono::milliseconds(100);

}  // namespace

SessionRunner::SessionRunner(std::size_t worker, std::size_t sessions_max,
                             backends::Transport& transport, Pools& pools, WorkerCells& cells,
                             AccessLog* access_log, EvidenceLog* evidence)
    : worker_(worker),
      transport_(transport),
      pools_(pools),
      cells_(cells),
      access_log_(access_log),
      evidence_(evidence),
      wheel_(transport.now()),
      sessions_(sessions_max),
      setups_(sessions_max),
      next_fold_(transport.now() + kFoldInterval) {}

void SessionRunner::accepted(Listener& listener, backends::Connection client) {
  listener.cells->accepted.add();
  if (sessions_.full()) {
    listener.cells->reject(Rejection::kResource);
    return;  // The handle resets the client.
  }
  if (!admit(listener)) {
    listener.cells->reject(Rejection::kLimit);
    return;
  }
  const base::SlotId id = sessions_.emplace();
  Session& session = sessions_[id];
  session.id = id;
  session.setup = begin_setup(session);
  session.rules = listener.rules.back().get();
  ++session.rules->sessions;
  session.accepted_at = transport_.now();
  session.client = base::unmapped(transport_.peer(client.id()).ip);
  if (access_log_ != nullptr) session.local = base::unmapped(transport_.local(client.id()).ip);
  session.setup->client_connection = std::move(client);
  session.rules->route_cells->sessions.add(1);
  cells_.sessions.add(1);
  transport_.retag(session.setup->client_connection.id(), make_tag(TagKind::kClient, session.id));
  Upstream& upstream = session.upstream();
  upstream.retry_budget().session_began(upstream.config().connect.retry_budget);
  // Nobody who has just come overtakes those who wait.
  const bool others_wait = !upstream.queue().empty();
  go_on(session, others_wait ? Choice{.offer = Offer::kFull, .endpoint = nullptr} : enter(session));
}

SessionSetup* SessionRunner::begin_setup(Session& session) {
  const base::SlotId id = setups_.emplace();  // There is room for one of each session.
  SessionSetup& setup = setups_[id];
  setup.id = id;
  setup.session = &session;
  return &setup;
}

void SessionRunner::end_setup(Session& session) {
  setups_.erase(std::exchange(session.setup, nullptr)->id);
}

// Connects of pools give way where they have taken the last place.
Choice SessionRunner::enter(Session& session) {
  Upstream& upstream = session.upstream();
  const auto tried = session.tried_endpoints();
  const Choice choice = upstream.enter(session.client, tried, transport_.now());
  if (choice.offer != Offer::kFull || !pools_.give_way(upstream)) return choice;
  return upstream.enter(session.client, tried, transport_.now());
}

// What a session does with what its upstream could offer.
void SessionRunner::go_on(Session& session, const Choice& choice) {
  switch (choice.offer) {
    case Offer::kEndpoint:
      session.state = SessionState::kConnecting;
      session.endpoint = choice.endpoint;
      if (session.attempts > 0 && !may_retry(session)) {
        end(session, session.ending);
      } else {
        attempt(session);
      }
      return;
    case Offer::kFull:
      wait_in_queue(session);
      return;
    case Offer::kNobody: {
      const bool none = session.attempts == 0;
      end(session, none ? EndReason{Actor::kProxy, Cause::kNoEndpoint} : session.ending);
      return;
    }
  }
}

bool SessionRunner::may_retry(Session& session) {
  Upstream& upstream = session.upstream();
  const bool may = upstream.retry_budget().spend(transport_.now());
  (may ? upstream.cells().retries : upstream.cells().retries_refused).add();
  return may;
}

// One endpoint's turn: by a connection of the pool, a connect of the pool that is under way, or one
// of the session's own.
void SessionRunner::attempt(Session& session) {
  Upstream& upstream = session.upstream();
  base::Address remote = session.endpoint->address;
  if (upstream.config().original_dst) {
    auto destination = transport_.original_destination(session.setup->client_connection.id());
    // Not redirected: connecting to where the client already is would be a loop through ourselves.
    if (!destination ||
        destination->ip == transport_.local(session.setup->client_connection.id()).ip) {
      end(session, {Actor::kProxy, Cause::kNoEndpoint});
      return;
    }
    remote = *std::move(destination);
    session.setup->destination = remote.ip;
  }
  session.setup->tried[session.attempts] = session.endpoint->index;
  ++session.attempts;
  session.setup->endpoint_name = session.endpoint->name;
  session.setup->connect_started = transport_.now();
  if (take_pooled(session)) return;
  if (!pools_.make_room(*session.endpoint)) {
    session.state = SessionState::kAwaitingRoom;
    await_room(session);
    return;
  }
  dial(session, std::move(remote));
}

bool SessionRunner::take_pooled(Session& session) {
  Endpoint& endpoint = *session.endpoint;
  const backends::TcpOptions& tcp = session.listener().tcp;
  const backends::Tag tag = make_tag(TagKind::kSession, session.id);
  if (!transport_.may_pool(session.setup->client_connection.id())) return false;
  if (ReadyConnection ready = pools_.take(endpoint, tcp)) {
    transport_.retag(ready.connection.id(), tag);
    session.setup->upstream_connection = std::move(ready.connection);
    session.pool = PoolUse::kHit;
    session.connected_at = ready.connected_at;
    session.connect_time = ready.connect_time;
    relay(session);
    return true;
  }
  DialUnderWay under_way = pools_.join(endpoint, tcp, tag);
  if (!under_way) return false;
  session.setup->upstream_connection = std::move(under_way.connection);
  session.setup->connect_started = under_way.started;
  wheel_.arm(session, deadline_within_lifetime(session, under_way.started,
                                               session.upstream().config().connect.timeout));
  return true;
}

void SessionRunner::dial(Session& session, base::Address remote) {
  const config::Connect& connect = session.upstream().config().connect;
  session.setup->connect_started = transport_.now();
  session.setup->upstream_connection =
      transport_.connect({.remote = std::move(remote),
                          .sources = connect.sources,
                          .first_source = source_++,
                          .tcp = session.listener().tcp,
                          .park = false,
                          .client = session.setup->client_connection.id()},
                         make_tag(TagKind::kSession, session.id));
  wheel_.arm(session,
             deadline_within_lifetime(session, session.setup->connect_started, connect.timeout));
}

// Called until there is room. Endpoints with a pool have an address of their own.
void SessionRunner::await_room(Session& session) {
  const Nanos now = transport_.now();
  if (pools_.make_room(*session.endpoint)) {
    session.state = SessionState::kConnecting;
    dial(session, session.endpoint->address);
  } else if (now - session.setup->connect_started >= session.upstream().config().connect.timeout) {
    end(session, {Actor::kProxy, Cause::kLimit});
  } else {
    wheel_.arm(session, deadline_within_lifetime(session, now, kRoomLook));
  }
}

void SessionRunner::connect_failed(Session& session, Cause cause) {
  Upstream& upstream = session.upstream();
  const Nanos now = transport_.now();
  session.endpoint->cells->connect_failed(cause);
  report_connect_failed(evidence_, session, cause, now);
  session.setup->upstream_connection.close(CloseMode::kReset);
  session.ending = reason_of_failed_connect(cause);
  const std::uint32_t attempts_max = upstream.config().connect.attempts;
  if (session.attempts >= std::min(attempts_max, config::kAttemptsMax)) {
    end(session, session.ending);
    return;
  }
  upstream.attempt_failed(*std::exchange(session.endpoint, nullptr));
  waiting_room_.place_freed();
  const Choice choice = upstream.try_another(session.client, session.tried_endpoints(), now);
  // Only busy ones are left. It gives back what it holds, and waits like somebody new.
  if (choice.offer == Offer::kFull) leave_upstream(session);
  go_on(session, choice);
}

void SessionRunner::connected(const backends::Event& event) {
  Session* session = find(event);
  if (session == nullptr || session->state != SessionState::kConnecting) return;
  if (event.error != Errno::kNone) {
    connect_failed(*session, cause_of_connect_error(event.error));
    return;
  }
  session->connected_at = transport_.now();
  session->connect_time = session->connected_at - session->setup->connect_started;
  relay(*session);
}

// Whether the transport gives the upstream connection back if the client leaves without a byte.
backends::ReturnUnused SessionRunner::return_unused(const Session& session, Nanos now) {
  if (!pools_.serves(*session.endpoint, session.listener().tcp)) {
    return backends::ReturnUnused::kNever;
  }
  const bool silent = session.pool == PoolUse::kHit && now - session.connected_at >= kSilence;
  return silent ? backends::ReturnUnused::kAfterResetOrFin : backends::ReturnUnused::kAfterReset;
}

void SessionRunner::relay(Session& session) {
  const Nanos now = transport_.now();
  session.state = SessionState::kRelaying;
  session.relay_started = now;
  session.path_looked_at = now;
  session.progress.last_active = now;
  session.upstream().connected(*session.endpoint);
  waiting_room_.place_freed();
  count_setup(session, now);
  if (session.pool == PoolUse::kMiss) report_connected(evidence_, session, now);
  session.relay = transport_.relay(
      std::move(session.setup->client_connection), std::move(session.setup->upstream_connection),
      {.return_unused = return_unused(session, now), .sample_path = true}, session.progress,
      make_tag(TagKind::kSession, session.id));
  if (session.setup->destination.family == base::Family::kNone) end_setup(session);
  wheel_.arm(session, relay_deadline(session, now));
}

void SessionRunner::client_closed(const backends::Event& event) {
  Session* session = find(event);
  if (session == nullptr) return;
  switch (session->state) {
    case SessionState::kQueued:
    case SessionState::kAwaitingRoom:
    case SessionState::kConnecting:
      // A FIN is no reason to give up: what the client sent before it is still to be delivered, and
      // the answer to it may be long (printf 'GET ...' | nc -N).
      if (event.error == Errno::kNone) return;
      leave_dial_to_pool(*session);
      end(*session, {Actor::kClient, Cause::kReset});
      return;
    case SessionState::kRelaying:
    case SessionState::kAborting:
      return;
  }
}

// The client has gone; the connect is still worth something.
void SessionRunner::leave_dial_to_pool(Session& session) {
  if (!session.setup->upstream_connection ||
      !pools_.serves(*session.endpoint, session.listener().tcp)) {
    return;
  }
  DialUnderWay dial{.connection = std::move(session.setup->upstream_connection),
                    .started = session.setup->connect_started};
  pools_.adopt(*session.endpoint, dial, make_tag(TagKind::kSession, session.id));
}

void SessionRunner::take_back_unused(Session& session, const backends::Event& event) {
  backends::Connection unused(transport_, event.conn);
  pools_.give_back(*session.endpoint, {.connection = std::move(unused),
                                       .connected_at = session.connected_at,
                                       .connect_time = session.connect_time});
}

void SessionRunner::relay_done(const backends::Event& event) {
  Session* session = find(event);
  if (session == nullptr) return;
  if (event.relay_end == backends::RelayEnd::kUnused) take_back_unused(*session, event);
  const Nanos now = transport_.now();
  const EndReason reason = reason_of_relay_end(event, *session);
  count_path(*session, {.rtt_us = event.rtt_us, .retransmits = event.retransmits}, now);
  report_relay_done(evidence_, *session, reason, now);
  end(*session, reason);
}

// --- Waiting for a place.

void SessionRunner::wait_in_queue(Session& session) {
  Upstream& upstream = session.upstream();
  const Nanos now = transport_.now();
  const config::Limits& limits = upstream.config().limits;
  if (upstream.retired()) {
    end(session, {Actor::kAdmin, Cause::kRemoved});
  } else if (waiting_room_.join(session, now)) {
    wheel_.arm(session, deadline_within_lifetime(session, now, limits.queue_timeout));
  } else if (session.attempts > 0) {
    end(session, session.ending);
  } else {
    end(session, {Actor::kProxy, limits.queue == 0 ? Cause::kLimit : Cause::kQueueFull});
  }
}

// The first of its queue. False when it has to stay there.
bool SessionRunner::serve(Session& session) {
  Upstream& upstream = session.upstream();
  const Nanos now = transport_.now();
  if (upstream.retired()) {
    end(session, {Actor::kAdmin, Cause::kRemoved});
    return true;
  }
  const Choice choice = enter(session);
  if (choice.offer == Offer::kFull) return false;
  waiting_room_.leave(session, now);
  go_on(session, choice);
  return true;
}

void SessionRunner::upstreams_changed() {
  waiting_room_.place_freed();
  removal_sweep_.restart(transport_.now());
}

// --- Once a turn.

bool SessionRunner::tend() {
  const Nanos now = transport_.now();
  expire();
  bool more = fold();
  more |= removal_sweep_.step(sessions_, now, [this](Session& session) {
    cancel(session, {Actor::kAdmin, Cause::kRemoved});
  });
  waiting_room_.look(now, [this](Session& session) { return serve(session); });
  return more;
}

void SessionRunner::expire() {
  const Nanos now = transport_.now();
  while (TimerWheel::Timer* timer = wheel_.pop_expired(now)) {
    expired(static_cast<Session&>(*timer));
  }
}

void SessionRunner::expired(Session& session) {
  const Nanos now = transport_.now();
  const bool too_old = lifetime_over(session, now);
  switch (session.state) {
    case SessionState::kQueued:
      end(session, {Actor::kProxy, too_old ? Cause::kLifetime : Cause::kQueueTimeout});
      return;
    case SessionState::kAwaitingRoom:
      if (too_old) {
        end(session, {Actor::kProxy, Cause::kLifetime});
      } else {
        await_room(session);
      }
      return;
    case SessionState::kConnecting:
      if (too_old) {
        end(session, {Actor::kProxy, Cause::kLifetime});
      } else {
        connect_failed(session, Cause::kConnectTimeout);
      }
      return;
    case SessionState::kRelaying:
      if (const auto reason = relay_expired(session, now)) {
        abort(session, *reason);
      } else {
        wheel_.arm(session, relay_deadline(session, now));
      }
      return;
    case SessionState::kAborting:
      return;
  }
}

bool SessionRunner::fold() {
  const Nanos now = transport_.now();
  if (fold_cursor_ == 0 && now < next_fold_) return false;
  next_fold_ = now + kFoldInterval;
  path_looks_left_ = kPathLooks;
  fold_cursor_ = sessions_.visit(fold_cursor_, kFoldSlots,
                                 [this](base::SlotId, Session& session) { fold(session); });
  return fold_cursor_ != 0;
}

void SessionRunner::fold(Session& session) {
  count_moved(session);
  const Nanos now = transport_.now();
  if (path_looks_left_ == 0 || !path_look_due(session, now)) return;
  --path_looks_left_;
  count_path(session, transport_.path(session.relay), now);
}

base::Nanos SessionRunner::next_deadline() const {
  if (sessions_.size() == 0) return wheel_.next_deadline();
  return std::min({wheel_.next_deadline(), next_fold_, removal_sweep_.next(),
                   waiting_room_.next_look(transport_.now())});
}

// --- Ends.

void SessionRunner::abort(Session& session, EndReason reason) {
  session.state = SessionState::kAborting;
  session.ending = reason;
  wheel_.cancel(session);
  transport_.abort(session.relay);
}

// Ends it now, whatever it does, unless it is ending already.
void SessionRunner::cancel(Session& session, EndReason reason) {
  switch (session.state) {
    case SessionState::kQueued:
    case SessionState::kAwaitingRoom:
    case SessionState::kConnecting:
      end(session, reason);
      return;
    case SessionState::kRelaying:
      abort(session, reason);
      return;
    case SessionState::kAborting:
      return;
  }
}

void SessionRunner::abort_all(EndReason reason) {
  sessions_.for_each([&](base::SlotId, Session& session) { cancel(session, reason); });
}

// Gives back whatever the session holds at its upstream; it is as if it had just come.
void SessionRunner::leave_upstream(Session& session) {
  Upstream& upstream = session.upstream();
  Endpoint* endpoint = std::exchange(session.endpoint, nullptr);
  switch (std::exchange(session.state, SessionState::kQueued)) {
    case SessionState::kQueued:
      if (session.setup->waiting()) waiting_room_.leave(session, transport_.now());
      return;
    case SessionState::kAwaitingRoom:
    case SessionState::kConnecting:
      if (endpoint != nullptr) upstream.attempt_failed(*endpoint);
      upstream.gave_up();
      break;
    case SessionState::kRelaying:
    case SessionState::kAborting:
      upstream.left(*endpoint);
      break;
  }
  waiting_room_.place_freed();
}

void SessionRunner::end(Session& session, EndReason reason) {
  count_moved(session);
  if (access_log_ != nullptr) {
    const Nanos now = transport_.now();
    access_log_->append(worker_, record_of(session, reason, now, worker_, transport_.name()));
  }
  session.listener().cells->duration.observe(transport_.now() - session.accepted_at);
  session.rules->route_cells->end(reason);
  session.rules->route_cells->sessions.add(-1);
  cells_.sessions.add(-1);
  leave_upstream(session);
  leave(session.listener());
  --session.rules->sessions;
  wheel_.cancel(session);
  if (session.setup != nullptr) end_setup(session);  // Connections still owned are reset.
  sessions_.erase(session.id);
}

}  // namespace proxy
