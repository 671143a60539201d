#include "proxy/session_record.h"

#include <cstdint>

namespace proxy {

AccessRecord record_of(const Session& session, EndReason reason, base::Nanos now,
                       std::size_t worker, std::string_view transport) {
  AccessRecord record;
  record.listener = &session.route->names.listener;
  record.upstream = &session.route->names.upstream;
  if (session.destination.family == base::Family::kNone) {
    record.endpoint = session.endpoint_name;
  } else {
    record.endpoint_address = session.destination;
  }
  record.transport = transport;
  record.client = session.client;
  record.local = session.local;
  record.ended = now;
  if (session.relay_started > base::Nanos{0}) {
    record.setup = session.relay_started - session.accepted_at;
    record.connect = session.relay_started - session.connect_started;
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
