// Starts a connection to an endpoint: a non-blocking socket with its options set, bound to the
// first source that has a port left where sources were given, and connecting. Shared by the kernel
// engines; the worker's thread only.
#pragma once

#include "backends/transport.h"
#include "base/errno.h"
#include "base/fd.h"

namespace backends::socket {

struct Outgoing {
  base::UniqueFd fd;                       // Empty when there is no socket to be had.
  base::Errno error = base::Errno::kNone;  // kNone: connecting, or connected already.
};

// data_waits: bytes for the endpoint are there already, so the last ACK of the handshake may travel
// with them. A probe's ACK waits too: a close with RST comes first, and no program ever hears of
// it. Errors: EADDRNOTAVAIL when no source of the remote's family is ours with a port left. Counts
// its system calls in stats.
Outgoing start_connect(const ConnectSpec& spec, bool data_waits, TransportStats& stats);

}  // namespace backends::socket
