// What the kernel engines ask of one socket outside the path of the bytes: options, names, state.
// No state of its own; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/transport.h"
#include "base/address.h"
#include "base/errno.h"
#include "base/fd.h"
#include "base/result.h"

namespace backends::socket {

// The protocol family for socket(2). The address must have a family.
int domain_of(base::Family family);

// A new stream socket, non-blocking and close-on-exec.
base::Result<base::UniqueFd> open_stream(base::Family family);

// Sets only what differs from a new socket's defaults; nothing at all on UNIX sockets. Returns how
// many system calls it took. An option that the kernel refuses keeps its default: a proxy without
// keepalive is better than none, and config/validate has already checked the ranges.
std::uint64_t set_tcp_options(int fd, base::Family family, const TcpOptions& options);

// The next close(2) sends RST and throws away what was not sent (man 7 socket, SO_LINGER).
void reset_on_close(int fd);

// The error the kernel keeps for this socket, and forgets by telling (man 7 socket, SO_ERROR).
base::Errno take_error(int fd);

// Bytes are waiting to be read.
bool has_unread(int fd);

// What reading would find now, with nothing taken: EAGAIN where the other side is silent, kNone for
// bytes or FIN, and otherwise the error, which the kernel forgets by telling.
base::Errno look_for_bytes(int fd);

// An urgent mark is the next thing to be read, or close behind it (man 7 tcp, POLLPRI).
bool has_urgent(int fd);

// To be called before connect(2): the last ACK of the handshake waits for our first data, which is
// one packet less for each connection. Only when such data is there already: otherwise the server
// would hear of the connection up to 200 ms late (the kernel's TCP_DELACK_MAX).
void join_ack_with_data(int fd);

// What TCP measured on this connection (man 7 tcp, TCP_INFO). Zeros on a UNIX socket.
PathFacts path_facts(int fd);

// Bytes (and a FIN) that the other side's TCP has not acknowledged (man 7 tcp, SIOCOUTQ).
std::size_t unacknowledged(int fd);

// An empty address when the kernel has none to give.
base::Address local_of(int fd);
base::Address peer_of(int fd);

// Where a redirected client was going (netfilter's SO_ORIGINAL_DST). ENOENT when it was not.
base::Result<base::Address> original_destination(int fd, base::Family family);

// False once FIN or RST has arrived, unread bytes or not.
bool alive(int fd);

// True when the socket is its own other end: connecting to a free port of this machine inside the
// ephemeral range now and then meets itself (RFC 793, simultaneous open).
bool connected_to_itself(int fd);

// The ports the kernel gives to outgoing connections; the whole range when it cannot be read.
struct PortRange {
  std::uint16_t low = 1;
  std::uint16_t high = 65535;
  bool contains(std::uint16_t port) const { return low <= port && port <= high; }
};
PortRange ephemeral_ports();

}  // namespace backends::socket
