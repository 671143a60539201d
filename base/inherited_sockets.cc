#include "base/inherited_sockets.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <utility>

#include "base/errno.h"

namespace base {
namespace {

bool is_listening_stream(int fd) {
  int type = 0;
  int listens = 0;
  socklen_t size = sizeof(type);
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) return false;
  size = sizeof(listens);
  return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0;
}

Address local_of(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
  return from_raw(storage, size);
}

}  // namespace

Parsed<InheritedSockets> InheritedSockets::of_environment() {
  InheritedSockets inherited;
  char** names = nullptr;
  const int count = sd_listen_fds_with_names(1, &names);
  if (count < 0) {
    return failure("LISTEN_FDS, LISTEN_PID or LISTEN_FDNAMES cannot be understood: " +
                   errno_text(to_errno(-count)));
  }
  for (int i = 0; i < count; ++i) {
    inherited.add(UniqueFd(SD_LISTEN_FDS_START + i), names[i]);
    ::free(names[i]);  // NOLINT(cppcoreguidelines-no-malloc): the library's way to give them.
  }
  ::free(names);  // NOLINT(cppcoreguidelines-no-malloc)
  return inherited;
}

void InheritedSockets::add(UniqueFd fd, std::string name) {
  const bool listens = is_listening_stream(fd.get());
  Address address = listens ? local_of(fd.get()) : Address{};
  sockets_.push_back(
      {.fd = std::move(fd), .name = std::move(name), .listens = listens, .address = address});
}

bool InheritedSockets::has(const Address& address) const {
  return std::ranges::any_of(
      sockets_, [&](const Socket& socket) { return socket.listens && socket.address == address; });
}

std::vector<UniqueFd> InheritedSockets::take(const Address& address) {
  std::vector<UniqueFd> taken;
  while (UniqueFd fd = take_one(address)) taken.push_back(std::move(fd));
  return taken;
}

UniqueFd InheritedSockets::take_one(const Address& address) {
  const auto found = std::ranges::find_if(
      sockets_, [&](const Socket& socket) { return socket.listens && socket.address == address; });
  if (found == sockets_.end()) return {};
  UniqueFd fd = std::move(found->fd);
  sockets_.erase(found);
  // The service manager's own descriptor has the same flags: it does not accept, so it never waits.
  const int flags = ::fcntl(fd.get(), F_GETFL);
  static_cast<void>(::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK));
  return fd;
}

std::vector<std::string> InheritedSockets::close_rest() {
  std::vector<std::string> texts;
  for (const Socket& socket : sockets_) {
    const std::string which =
        "'" + socket.name + "', descriptor " + std::to_string(socket.fd.get());
    texts.push_back(socket.listens ? which + ", at " + to_string(socket.address)
                                   : which + ", which is no listening stream socket");
  }
  sockets_.clear();
  return texts;
}

}  // namespace base
