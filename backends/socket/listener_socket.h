// Opens the listening socket of one worker, and tells what an accept4(2) that failed means.
// No state of its own; any thread.
#pragma once

#include <cstdint>

#include "backends/transport.h"
#include "base/errno.h"
#include "base/fd.h"
#include "base/result.h"

namespace backends::socket {

// A TCP socket that listens with SO_REUSEPORT, so each worker has a queue of its own and the kernel
// spreads clients over them. It has the options of spec.tcp: accepted sockets inherit them, which
// saves those calls for each client (checked by listener_socket_test).
// Errors: those of socket(2), bind(2), listen(2).
base::Result<base::UniqueFd> open_listener(const ListenSpec& spec);

// No SYN reaches the socket any more; handshakes under way still complete. The first half of
// closing a listener without resetting the clients in its queue.
void refuse_new_clients(int fd);

// What to do about an accept4(2) that failed.
enum class AcceptAdvice : std::uint8_t {
  kEmpty,  // EAGAIN: nobody waits.
  kNext,   // This client has gone already; ask for the next one.
  kStop    // No descriptor or no memory: stop until something is given back.
};
struct AcceptProblem {
  AcceptAdvice advice;
  AcceptFailure failure;  // For the counter; without meaning for kEmpty.
};
AcceptProblem classify_accept_error(base::Errno error);

}  // namespace backends::socket
