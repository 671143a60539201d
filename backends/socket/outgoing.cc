#include "backends/socket/outgoing.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "backends/socket/socket_options.h"

namespace backends::socket {
namespace {

// The port is chosen by connect(2), when the kernel knows the other end too: one local port serves
// many remotes.
base::Errno bind_source(int fd, const base::IpPort& address) {
  const int on = 1;
  static_cast<void>(::setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)));
  base::Address source{.ip = address, .path = {}};
  source.ip.port = 0;
  const base::RawAddress raw = base::to_raw(source);
  return ::bind(fd, raw.get(), raw.size) == 0 ? base::Errno::kNone : base::last_errno();
}

}  // namespace

Outgoing start_connect(const ConnectSpec& spec, bool data_waits, TransportStats& stats) {
  const base::Family family = spec.remote.family();
  const bool tcp = family != base::Family::kUnix;
  auto& connects = stats.syscalls[static_cast<std::size_t>(Syscall::kConnect)];
  auto& options = stats.syscalls[static_cast<std::size_t>(Syscall::kOption)];

  ++connects;
  auto fd = open_stream(family);
  if (!fd) return {.fd = {}, .error = fd.error()};
  Outgoing outgoing{.fd = std::move(*fd)};
  options += set_tcp_options(outgoing.fd.get(), family, spec.tcp);
  if (!spec.sources.empty() && tcp) {
    options += 2;
    outgoing.error =
        bind_source(outgoing.fd.get(), spec.sources[spec.first_source % spec.sources.size()]);
    if (outgoing.error != base::Errno::kNone) return outgoing;
  }
  if (tcp && data_waits) {
    ++options;
    join_ack_with_data(outgoing.fd.get());
  }
  const base::RawAddress raw = base::to_raw(spec.remote);
  ++connects;
  if (::connect(outgoing.fd.get(), raw.get(), raw.size) != 0 && errno != EINPROGRESS) {
    outgoing.error = base::last_errno();
  }
  return outgoing;
}

}  // namespace backends::socket
