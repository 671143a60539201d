// Why a session ended, from what the transport said of its relay or its last connect. Pure
// functions; the words themselves are in end_reason.h.
#pragma once

#include "backends/transport.h"
#include "proxy/end_reason.h"
#include "proxy/session.h"

namespace proxy {

// Of a relay that is done. A relay that we aborted ended for the session's own `ending`.
EndReason reason_of_relay_end(const backends::Event& done, const Session& session);

// Of a connect that failed for good. Trouble of our own is not the upstream's fault.
EndReason reason_of_failed_connect(Cause cause);

// The cause says something about the endpoint, and not only about this machine.
bool is_fault_of_endpoint(Cause connect_failure);

}  // namespace proxy
