#include "backends/transport.h"

#include "base/assert.h"

namespace backends {

Connection& Connection::operator=(Connection&& other) noexcept {
  if (this != &other) {
    close(CloseMode::kReset);
    transport_ = other.transport_;
    id_ = other.release();
  }
  return *this;
}

void Connection::close(CloseMode mode) {
  if (id_ != ConnId::kNone) transport_->close(release(), mode);
}

RelayId Transport::relay(Connection client, Connection upstream, const RelaySpec& spec,
                         RelayProgress& progress, Tag tag) {
  CHECK(client && upstream && client.id() != upstream.id());
  CHECK(spec.preamble.size() <= kPreambleMax);
  return start_relay(client.release(), upstream.release(), spec, progress, tag);
}

}  // namespace backends
