#include "proxy/session_ends.h"

#include "base/assert.h"

namespace proxy {

EndReason reason_of_relay_end(const backends::Event& done, const Session& session) {
  switch (done.relay_end) {
    case backends::RelayEnd::kBothClosed:
      return {session.progress.first_closed == backends::Direction::kToUpstream ? Actor::kClient
                                                                                : Actor::kUpstream,
              Cause::kEof};
    case backends::RelayEnd::kUnused:
      return {Actor::kClient, done.error == base::Errno::kNone ? Cause::kEof : Cause::kReset};
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

EndReason reason_of_failed_connect(Cause cause) {
  return {is_fault_of_endpoint(cause) ? Actor::kUpstream : Actor::kProxy, cause};
}

bool is_fault_of_endpoint(Cause connect_failure) {
  return connect_failure != Cause::kResource && connect_failure != Cause::kInternal;
}

}  // namespace proxy
