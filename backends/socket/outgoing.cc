#include "backends/socket/outgoing.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "backends/socket/socket_options.h"

namespace backends::socket {
namespace {

// No port is left from this source to the remote (connect), or the source is not this machine's
// (bind): man 2 connect, man 2 bind.
constexpr base::Errno kNoAddress = base::to_errno(EADDRNOTAVAIL);

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

// One try: from one source or, where that is null, from the address the kernel chooses.
Outgoing connect_from(const base::IpPort* source, const ConnectSpec& spec, bool wait_with_ack,
                      TransportStats& stats) {
  const base::Family family = spec.remote.family();
  auto& connects = stats.syscalls[static_cast<std::size_t>(Syscall::kConnect)];
  auto& options = stats.syscalls[static_cast<std::size_t>(Syscall::kOption)];

  ++connects;
  auto fd = open_stream(family);
  if (!fd) return {.fd = {}, .error = fd.error()};
  Outgoing outgoing{.fd = std::move(*fd)};
  options += set_tcp_options(outgoing.fd.get(), family, spec.tcp);
  if (source != nullptr) {
    options += 2;
    outgoing.error = bind_source(outgoing.fd.get(), *source);
    if (outgoing.error != base::Errno::kNone) return outgoing;
  }
  if (wait_with_ack) {
    ++options;
    join_ack_with_data(outgoing.fd.get());
  }
  const base::RawAddress raw = base::to_raw(spec.remote);
  ++connects;
  if (::connect(outgoing.fd.get(), raw.get(), raw.size) != 0 && errno != EINPROGRESS) {
    outgoing.error = base::last_errno();
    if (outgoing.error == kNoAddress) ++stats.sources_exhausted;
  }
  return outgoing;
}

}  // namespace

Outgoing start_connect(const ConnectSpec& spec, bool data_waits, TransportStats& stats) {
  const base::Family family = spec.remote.family();
  const bool tcp = family != base::Family::kUnix;
  const bool wait_with_ack = tcp && (data_waits || spec.probe);
  if (!tcp || spec.sources.empty()) return connect_from(nullptr, spec, wait_with_ack, stats);
  Outgoing outgoing{.fd = {}, .error = kNoAddress};
  for (std::size_t i = 0; i < spec.sources.size(); ++i) {
    const base::IpPort& source = spec.sources[(spec.first_source + i) % spec.sources.size()];
    if (source.family != family) continue;
    // A new socket each time: what is left of a bind after a connect that failed is the kernel's
    // secret.
    outgoing = connect_from(&source, spec, wait_with_ack, stats);
    if (outgoing.error != kNoAddress) break;
  }
  return outgoing;
}

}  // namespace backends::socket
