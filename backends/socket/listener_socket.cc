#include "backends/socket/listener_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <limits>
#include <utility>

#include "backends/socket/socket_options.h"
#include "base/address.h"
#include "base/assert.h"

namespace backends::socket {

base::Result<base::UniqueFd> open_listener(const ListenSpec& spec) {
  const base::Family family = spec.address.family();
  CHECK(family == base::Family::kV4 || family == base::Family::kV6);
  auto fd = open_stream(family);
  if (!fd) return fd;
  const int on = 1;
  const int v6_only = spec.v6_only ? 1 : 0;
  // SO_REUSEADDR: sessions of an earlier process may still be in TIME_WAIT.
  if (::setsockopt(fd->get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      ::setsockopt(fd->get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) {
    return base::failure_of_errno();
  }
  if (family == base::Family::kV6 &&
      ::setsockopt(fd->get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only)) != 0) {
    return base::failure_of_errno();
  }
  set_tcp_options(fd->get(), family, spec.tcp);
  const base::RawAddress raw = base::to_raw(spec.address);
  if (::bind(fd->get(), raw.get(), raw.size) != 0) return base::failure_of_errno();
  if (::listen(fd->get(), spec.backlog) != 0) return base::failure_of_errno();
  return fd;
}

void refuse_new_clients(int fd) {
  // Bound to an interface that does not exist, the socket matches no SYN, and one that its group
  // hands to it all the same finds no route for an answer. Handshakes under way have noted the
  // interface they began with. It takes no capability (Linux 5.7), unlike a packet filter; and
  // shutdown(2), the obvious call, resets everybody in the queue.
  constexpr int kNoInterface = std::numeric_limits<int>::max();
  // Where it is refused, clients that come in the very moment between the last accept and the close
  // are reset: no worse than without it.
  static_cast<void>(
      ::setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &kNoInterface, sizeof(kNoInterface)));
}

AcceptProblem classify_accept_error(base::Errno error) {
  switch (base::code_of(error)) {
    case EAGAIN:
      return {AcceptAdvice::kEmpty, AcceptFailure::kOther};
    case EMFILE:
    case ENFILE:
      return {AcceptAdvice::kStop, AcceptFailure::kDescriptors};
    case ENOBUFS:
    case ENOMEM:
      return {AcceptAdvice::kStop, AcceptFailure::kMemory};
    case ECONNABORTED:
      return {AcceptAdvice::kNext, AcceptFailure::kAborted};
    default:
      // EINTR, EPROTO, EPERM of a firewall, and the network errors that Linux passes on from the
      // new socket (man 2 accept): they concern one client.
      return {AcceptAdvice::kNext, AcceptFailure::kOther};
  }
}

}  // namespace backends::socket
