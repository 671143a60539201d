#include "backends/socket/socket_options.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <fstream>

#include "base/assert.h"

namespace backends::socket {
namespace {

// SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST: the kernel's headers that have them clash with
// netinet/in.h.
constexpr int kOriginalDestination = 80;

std::uint64_t set_int(int fd, int level, int name, int value) {
  static_cast<void>(::setsockopt(fd, level, name, &value, sizeof(value)));
  return 1;
}

int whole_seconds(base::Nanos time) {
  return static_cast<int>(
      std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(time).count()));
}

base::Result<base::Address> original_at(int fd, int level) {
  base::RawAddress raw;
  raw.size = sizeof(raw.storage);
  if (::getsockopt(fd, level, kOriginalDestination, &raw.storage, &raw.size) != 0) {
    // Not redirected (ENOENT), or no netfilter in this kernel (ENOPROTOOPT): the same to us.
    return base::failure(base::to_errno(ENOENT));
  }
  return base::from_raw(raw.storage, raw.size);
}

}  // namespace

int domain_of(base::Family family) {
  switch (family) {
    case base::Family::kV4:
      return AF_INET;
    case base::Family::kV6:
      return AF_INET6;
    case base::Family::kUnix:
      return AF_UNIX;
    case base::Family::kNone:
      break;
  }
  base::check_failed(__FILE__, __LINE__, "an address with a family");
}

base::Result<base::UniqueFd> open_stream(base::Family family) {
  base::UniqueFd fd(::socket(domain_of(family), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return base::failure_of_errno();
  return fd;
}

std::uint64_t set_tcp_options(int fd, base::Family family, const TcpOptions& options) {
  if (family == base::Family::kUnix) return 0;
  std::uint64_t calls = 0;
  // An urgent byte stays where it was in the stream (RFC 6093 asks for this). Without it the kernel
  // takes the byte out, which HAProxy and nginx let happen: a byte is lost.
  calls += set_int(fd, SOL_SOCKET, SO_OOBINLINE, 1);
  if (options.nodelay) calls += set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (options.keepalive_idle.count() > 0) {
    calls += set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    calls += set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, whole_seconds(options.keepalive_idle));
    if (options.keepalive_interval.count() > 0) {
      calls += set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, whole_seconds(options.keepalive_interval));
    }
    if (options.keepalive_probes > 0) {
      calls += set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, options.keepalive_probes);
    }
  }
  if (options.user_timeout.count() > 0) {
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(options.user_timeout).count();
    calls += set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(ms));
  }
  return calls;
}

void reset_on_close(int fd) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  static_cast<void>(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
}

base::Errno take_error(int fd) {
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return base::last_errno();
  return base::to_errno(error);
}

bool has_unread(int fd) {
  int bytes = 0;
  return ::ioctl(fd, SIOCINQ, &bytes) == 0 && bytes > 0;
}

base::Errno look_for_bytes(int fd) {
  std::byte first{};
  const ssize_t seen = ::recv(fd, &first, sizeof(first), MSG_PEEK | MSG_DONTWAIT);
  return seen >= 0 ? base::Errno::kNone : base::last_errno();
}

bool has_urgent(int fd) {
  pollfd asked{.fd = fd, .events = POLLPRI, .revents = 0};
  return ::poll(&asked, 1, 0) > 0 && (asked.revents & POLLPRI) != 0;
}

void join_ack_with_data(int fd) {
  const int off = 0;
  // Refused: the ACK goes on its own, as ever.
  static_cast<void>(::setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off)));
}

PathFacts path_facts(int fd) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
  return {.rtt_us = info.tcpi_rtt, .retransmits = info.tcpi_total_retrans};
}

std::size_t unacknowledged(int fd) {
  int bytes = 0;
  if (::ioctl(fd, SIOCOUTQ, &bytes) != 0 || bytes < 0) return 0;
  return static_cast<std::size_t>(bytes);
}

base::Address local_of(int fd) {
  base::RawAddress raw;
  raw.size = sizeof(raw.storage);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&raw.storage), &raw.size) != 0) return {};
  return base::from_raw(raw.storage, raw.size);
}

base::Address peer_of(int fd) {
  base::RawAddress raw;
  raw.size = sizeof(raw.storage);
  // ENOTCONN: the client left between its handshake and now.
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&raw.storage), &raw.size) != 0) return {};
  return base::from_raw(raw.storage, raw.size);
}

base::Result<base::Address> original_destination(int fd, base::Family family) {
  if (family == base::Family::kV4) return original_at(fd, SOL_IP);
  if (family != base::Family::kV6) return base::failure(base::to_errno(ENOENT));
  // A v4 client of a dual-stack listener was redirected by the v4 rules.
  const base::IpPort local = local_of(fd).ip;
  if (base::unmapped(local).family == base::Family::kV4) {
    return original_at(fd, SOL_IP);
  }
  return original_at(fd, SOL_IPV6);
}

bool alive(int fd) {
  // poll(2) and not a peek: FIN behind unread bytes is seen too.
  pollfd asked{.fd = fd, .events = POLLRDHUP, .revents = 0};
  return ::poll(&asked, 1, 0) == 0;
}

bool connected_to_itself(int fd) {
  const base::Address local = local_of(fd);
  return local.family() != base::Family::kUnix && local == peer_of(fd);
}

PortRange ephemeral_ports() {
  std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
  PortRange range;
  if (!(file >> range.low >> range.high)) return {};
  return range;
}

}  // namespace backends::socket
