#include "proxy/session_runner.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/assert.h"
#include "proxy/admission.h"
#include "proxy/tag_kind.h"

namespace proxy {
namespace {

using backends::CloseMode;
using backends::Direction;
using base::Errno;
using base::Nanos;

// Graphs of long sessions move at this pace; a scrape is rarely more frequent.
constexpr Nanos kFoldInterval = std::chrono::seconds(1);
// Slots looked at in one turn of the loop: about 50 us of work.
constexpr std::size_t kFoldSlots = 1024;

EndReason reason_of(backends::RelayEnd end, const Session& session) {
  switch (end) {
    case backends::RelayEnd::kBothClosed:
      return {session.progress.first_closed == Direction::kToUpstream ? Actor::kClient
                                                                      : Actor::kUpstream,
              Cause::kEof};
    case backends::RelayEnd::kUnused:
    case backends::RelayEnd::kClientReset:
      return {Actor::kClient, Cause::kReset};
    case backends::RelayEnd::kUpstreamReset:
      return {Actor::kUpstream, Cause::kReset};
    case backends::RelayEnd::kAborted:
      return session.ending;
    case backends::RelayEnd::kFailed:
      return {Actor::kProxy, Cause::kResource};
  }
  base::check_failed(__FILE__, __LINE__, "an end of the enum");
}

// Trouble of our own is not the upstream's fault.
EndReason failed_connect(Cause cause) {
  const bool ours = cause == Cause::kResource || cause == Cause::kInternal;
  return {ours ? Actor::kProxy : Actor::kUpstream, cause};
}

}  // namespace

SessionRunner::SessionRunner(std::size_t worker, std::size_t sessions_max,
                             backends::Transport& transport, WorkerCells& cells,
                             AccessLog* access_log)
    : worker_(worker),
      transport_(transport),
      cells_(cells),
      access_log_(access_log),
      wheel_(transport.now()),
      sessions_(sessions_max),
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
  session.listener = &listener;
  session.upstream = listener.upstream;
  session.route = listener.route;
  session.route_cells = listener.route_cells;
  session.timeouts = listener.timeouts;
  session.accepted_at = transport_.now();
  session.client = base::unmapped(transport_.peer(client.id()).ip);
  if (access_log_ != nullptr) session.local = base::unmapped(transport_.local(client.id()).ip);
  session.client_connection = std::move(client);
  session.route_cells->sessions.add(1);
  cells_.sessions.add(1);
  transport_.retag(session.client_connection.id(), make_tag(TagKind::kClient, session.id));
  connect_next(session);
}

void SessionRunner::connect_next(Session& session) {
  Upstream& upstream = *session.upstream;
  const std::span<const std::uint16_t> tried(session.tried.data(), session.attempts);
  Endpoint* endpoint = upstream.pick(session.client, tried);
  if (endpoint == nullptr) {
    const bool none = session.attempts == 0;
    end(session, none ? EndReason{Actor::kProxy, Cause::kNoEndpoint} : session.ending);
    return;
  }
  base::Address remote = endpoint->address;
  if (upstream.config().original_dst) {
    auto destination = transport_.original_destination(session.client_connection.id());
    // Not redirected: connecting to where the client already is would be a loop through ourselves.
    if (!destination || destination->ip == transport_.local(session.client_connection.id()).ip) {
      end(session, {Actor::kProxy, Cause::kNoEndpoint});
      return;
    }
    remote = *std::move(destination);
    session.destination = remote.ip;
  }
  session.tried[session.attempts] = endpoint->index;
  ++session.attempts;
  session.endpoint = endpoint;
  session.endpoint_name = endpoint->name;
  session.connect_started = transport_.now();
  upstream.session_started(*endpoint);
  session.upstream_connection = transport_.connect({.remote = std::move(remote),
                                                    .sources = upstream.config().connect.sources,
                                                    .tcp = session.listener->tcp,
                                                    .park = false,
                                                    .client = session.client_connection.id()},
                                                   make_tag(TagKind::kSession, session.id));
  Nanos deadline = transport_.now() + upstream.config().connect.timeout;
  if (session.timeouts.lifetime > Nanos{0}) {
    deadline = std::min(deadline, session.accepted_at + session.timeouts.lifetime);
  }
  wheel_.arm(session, deadline);
}

void SessionRunner::connect_failed(Session& session, Cause cause) {
  session.endpoint->cells->connect_failed(cause);
  session.upstream_connection.close(CloseMode::kReset);
  leave_endpoint(session);
  session.ending = failed_connect(cause);
  const std::uint32_t attempts_max = session.upstream->config().connect.attempts;
  if (session.attempts < std::min(attempts_max, config::kAttemptsMax)) {
    connect_next(session);
  } else {
    end(session, session.ending);
  }
}

void SessionRunner::connected(const backends::Event& event) {
  Session* session = find(event);
  if (session == nullptr || session->state != SessionState::kConnecting) return;
  if (event.error != Errno::kNone) {
    connect_failed(*session, cause_of_connect_error(event.error));
    return;
  }
  relay(*session);
}

void SessionRunner::relay(Session& session) {
  const Nanos now = transport_.now();
  session.state = SessionState::kRelaying;
  session.relay_started = now;
  session.progress.last_active = now;
  session.upstream->cells().connect.observe(now - session.connect_started);
  session.listener->cells->setup.observe(now - session.accepted_at);
  session.relay =
      transport_.relay(std::move(session.client_connection), std::move(session.upstream_connection),
                       {}, session.progress, make_tag(TagKind::kSession, session.id));
  wheel_.arm(session, relay_deadline(session));
}

void SessionRunner::client_closed(const backends::Event& event) {
  Session* session = find(event);
  if (session == nullptr || session->state != SessionState::kConnecting) return;
  // A FIN is no reason to give up: what the client sent before it is still to be delivered, and the
  // answer to it may be long (printf 'GET ...' | nc -N).
  if (event.error == Errno::kNone) return;
  end(*session, {Actor::kClient, Cause::kReset});
}

void SessionRunner::relay_done(const backends::Event& event) {
  Session* session = find(event);
  if (session == nullptr) return;
  end(*session, reason_of(event.relay_end, *session));
}

base::Nanos SessionRunner::relay_deadline(const Session& session) const {
  const config::Timeouts& timeouts = session.timeouts;
  const backends::RelayProgress& progress = session.progress;
  Nanos deadline = base::kForever;
  if (timeouts.idle > Nanos{0}) deadline = std::min(deadline, progress.last_active + timeouts.idle);
  if (timeouts.lifetime > Nanos{0}) {
    deadline = std::min(deadline, session.accepted_at + timeouts.lifetime);
  }
  if (timeouts.half_close > Nanos{0}) {
    // No event tells of the first FIN. Looking once per half_close is enough: a FIN since the last
    // look is not older than that, so its own deadline is still ahead.
    const Nanos since = progress.half_closed > Nanos{0}
                            ? std::max(progress.half_closed, progress.last_active)
                            : transport_.now();
    deadline = std::min(deadline, since + timeouts.half_close);
  }
  return deadline;
}

void SessionRunner::expire() {
  const Nanos now = transport_.now();
  while (TimerWheel::Timer* timer = wheel_.pop_expired(now)) {
    expired(static_cast<Session&>(*timer));
  }
}

void SessionRunner::expired(Session& session) {
  const Nanos now = transport_.now();
  const config::Timeouts& timeouts = session.timeouts;
  const backends::RelayProgress& progress = session.progress;
  const auto due = [now](Nanos since, Nanos timeout) {
    return timeout > Nanos{0} && since + timeout <= now;
  };
  switch (session.state) {
    case SessionState::kConnecting:
      if (due(session.accepted_at, timeouts.lifetime)) {
        end(session, {Actor::kProxy, Cause::kLifetime});
      } else {
        connect_failed(session, Cause::kConnectTimeout);
      }
      return;
    case SessionState::kAborting:
      return;
    case SessionState::kRelaying:
      break;
  }
  if (due(session.accepted_at, timeouts.lifetime)) {
    abort(session, {Actor::kProxy, Cause::kLifetime});
  } else if (progress.half_closed > Nanos{0} &&
             due(std::max(progress.half_closed, progress.last_active), timeouts.half_close)) {
    abort(session, {Actor::kProxy, Cause::kHalfCloseTimeout});
  } else if (due(progress.last_active, timeouts.idle)) {
    abort(session, {Actor::kProxy, Cause::kIdle});
  } else {
    wheel_.arm(session, relay_deadline(session));
  }
}

void SessionRunner::abort(Session& session, EndReason reason) {
  session.state = SessionState::kAborting;
  session.ending = reason;
  wheel_.cancel(session);
  transport_.abort(session.relay);
}

void SessionRunner::abort_all(EndReason reason) {
  sessions_.for_each([&](base::SlotId, Session& session) {
    switch (session.state) {
      case SessionState::kConnecting:
        end(session, reason);
        return;
      case SessionState::kRelaying:
        abort(session, reason);
        return;
      case SessionState::kAborting:
        return;
    }
  });
}

void SessionRunner::leave_endpoint(Session& session) {
  if (session.endpoint == nullptr) return;
  session.upstream->session_ended(*session.endpoint);
  session.endpoint = nullptr;
}

bool SessionRunner::fold() {
  const Nanos now = transport_.now();
  if (fold_cursor_ == 0 && now < next_fold_) return false;
  next_fold_ = now + kFoldInterval;
  fold_cursor_ = sessions_.visit(fold_cursor_, kFoldSlots,
                                 [this](base::SlotId, Session& session) { fold(session); });
  return fold_cursor_ != 0;
}

void SessionRunner::fold(Session& session) {
  for (std::size_t i = 0; i < backends::kDirections; ++i) {
    const std::uint64_t moved = session.progress.bytes[i] - session.folded[i];
    if (moved == 0) continue;
    session.route_cells->bytes[i].add(moved);
    session.folded[i] = session.progress.bytes[i];
  }
}

base::Nanos SessionRunner::next_deadline() const {
  const Nanos timers = wheel_.next_deadline();
  return sessions_.size() > 0 ? std::min(timers, next_fold_) : timers;
}

void SessionRunner::end(Session& session, EndReason reason) {
  fold(session);
  if (access_log_ != nullptr) log_access(session, reason);
  session.listener->cells->duration.observe(transport_.now() - session.accepted_at);
  session.route_cells->end(reason);
  session.route_cells->sessions.add(-1);
  cells_.sessions.add(-1);
  leave_endpoint(session);
  leave(*session.listener);
  wheel_.cancel(session);
  sessions_.erase(session.id);  // Connections still owned are reset.
}

void SessionRunner::log_access(const Session& session, EndReason reason) {
  const bool relayed = session.relay_started > Nanos{0};
  const Nanos now = transport_.now();
  AccessRecord record;
  record.listener = &session.route->names.listener;
  record.upstream = &session.route->names.upstream;
  if (session.destination.family == base::Family::kNone) {
    record.endpoint = session.endpoint_name;
  } else {
    record.endpoint_address = session.destination;
  }
  record.transport = transport_.name();
  record.client = session.client;
  record.local = session.local;
  record.ended = now;
  if (relayed) {
    record.setup = session.relay_started - session.accepted_at;
    record.connect = session.relay_started - session.connect_started;
  }
  record.total = now - session.accepted_at;
  record.bytes = session.progress.bytes;
  record.attempts = session.attempts;
  record.worker = static_cast<std::uint16_t>(worker_);
  record.reason = reason;
  access_log_->append(worker_, record);
}

}  // namespace proxy
