#include "proxy/session_counts.h"

#include <chrono>

namespace proxy {

void count_setup(Session& session, base::Nanos now) {
  ListenerCells& cells = *session.listener().cells;
  switch (session.pool) {
    case PoolUse::kMiss:
      session.upstream().cells().connect.observe(session.connect_time);
      cells.setup.observe(now - session.accepted_at);
      return;
    case PoolUse::kHit:  // The pool has counted its connect.
      cells.setup_pooled.observe(now - session.accepted_at);
      return;
  }
}

void count_moved(Session& session) {
  for (std::size_t i = 0; i < backends::kDirections; ++i) {
    const std::uint64_t moved = session.progress.bytes[i] - session.folded[i];
    if (moved == 0) continue;
    session.rules->route_cells->bytes[i].add(moved);
    session.folded[i] = session.progress.bytes[i];
  }
}

bool path_look_due(const Session& session, base::Nanos now) {
  return session.state == SessionState::kRelaying && now - session.path_looked_at >= kPathInterval;
}

void count_path(Session& session, const backends::PathFacts& facts, base::Nanos now) {
  session.path_looked_at = now;
  if (facts.rtt_us == 0) return;
  EndpointCells& cells = *session.endpoint->cells;
  cells.path_samples.add();
  cells.rtt.observe(std::chrono::microseconds(facts.rtt_us));
  // The event's number has a largest value, so it may fall behind.
  if (facts.retransmits <= session.retransmits) return;
  cells.retransmits.add(facts.retransmits - session.retransmits);
  session.retransmits = facts.retransmits;
}

}  // namespace proxy
