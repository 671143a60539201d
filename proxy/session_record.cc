#include "proxy/session_record.h"

#include <cstdint>

namespace proxy {

AccessRecord record_of(const Session& session, EndReason reason, base::Nanos now,
                       std::size_t worker, std::string_view transport) {
  AccessRecord record;
  record.listener = &session.rules->route->names.listener;
  record.upstream = &session.rules->route->names.upstream;
  const SessionSetup* setup = session.setup;
  if (setup == nullptr) {
    record.endpoint = session.endpoint->name;
  } else if (setup->destination.family == base::Family::kNone) {
    record.endpoint = setup->endpoint_name;
  } else {
    record.endpoint_address = setup->destination;
  }
  record.transport = transport;
  record.client = session.client;
  record.local = session.local;
  record.ended = now;
  if (session.relay_started > base::Nanos{0}) {
    record.setup = session.relay_started - session.accepted_at;
    // Out of a pool nobody waits for a connect.
    record.connect = session.pool == PoolUse::kHit ? base::Nanos{0} : session.connect_time;
  }
  record.total = now - session.accepted_at;
  record.bytes = session.progress.bytes;
  record.attempts = session.attempts;
  record.worker = static_cast<std::uint16_t>(worker);
  record.pool = session.pool;
  record.reason = reason;
  return record;
}

}  // namespace proxy
