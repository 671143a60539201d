// What a session met at its endpoint, told to the monitor where somebody asks for it: the upstream
// has `outlier`. On the worker's thread.
#pragma once

#include "base/time.h"
#include "proxy/end_reason.h"
#include "proxy/evidence.h"
#include "proxy/session.h"

namespace proxy {

// Its endpoint took the connection. evidence may be null here and below: nobody listens.
void report_connected(EvidenceLog* evidence, const Session& session, base::Nanos now);

// Its endpoint did not. Trouble of our own is not reported.
void report_connect_failed(EvidenceLog* evidence, const Session& session, Cause cause,
                           base::Nanos now);

// Its relay is done, for this reason.
void report_relay_done(EvidenceLog* evidence, const Session& session, EndReason reason,
                       base::Nanos now);

}  // namespace proxy
