#include "proxy/session_runner.h"

#include <algorithm>
#include <span>
#include <utility>

#include "proxy/admission.h"
#include "proxy/session_ends.h"
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
  wheel_.arm(session, deadline_within_lifetime(session, session.connect_started,
                                               upstream.config().connect.timeout));
}

void SessionRunner::connect_failed(Session& session, Cause cause) {
  session.endpoint->cells->connect_failed(cause);
  session.upstream_connection.close(CloseMode::kReset);
  leave_endpoint(session);
  session.ending = reason_of_failed_connect(cause);
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
  wheel_.arm(session, relay_deadline(session, now));
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
  end(*session, reason_of_relay_end(event.relay_end, *session));
}

void SessionRunner::expire() {
  const Nanos now = transport_.now();
  while (TimerWheel::Timer* timer = wheel_.pop_expired(now)) {
    expired(static_cast<Session&>(*timer));
  }
}

void SessionRunner::expired(Session& session) {
  const Nanos now = transport_.now();
  switch (session.state) {
    case SessionState::kConnecting:
      if (lifetime_over(session, now)) {
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
  if (access_log_ != nullptr) {
    const Nanos now = transport_.now();
    access_log_->append(worker_, record_of(session, reason, now, worker_, transport_.name()));
  }
  session.listener->cells->duration.observe(transport_.now() - session.accepted_at);
  session.route_cells->end(reason);
  session.route_cells->sessions.add(-1);
  cells_.sessions.add(-1);
  leave_endpoint(session);
  leave(*session.listener);
  wheel_.cancel(session);
  sessions_.erase(session.id);  // Connections still owned are reset.
}

}  // namespace proxy
