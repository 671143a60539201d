#include "backends/socket/claims.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "backends/socket/socket_options.h"

namespace backends::socket {
namespace {

base::Result<base::UniqueFd> bind_exclusively(const ListenSpec& spec, bool reuse_address) {
  const base::Family family = spec.address.family();
  auto fd = open_stream(family);
  if (!fd) return fd;
  const int reuse = reuse_address ? 1 : 0;
  const int v6_only = spec.v6_only ? 1 : 0;
  if (::setsockopt(fd->get(), SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse)) != 0) {
    return base::failure_of_errno();
  }
  if (family == base::Family::kV6 &&
      ::setsockopt(fd->get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only)) != 0) {
    return base::failure_of_errno();
  }
  const base::RawAddress raw = base::to_raw(spec.address);
  if (::bind(fd->get(), raw.get(), raw.size) != 0) return base::failure_of_errno();
  return fd;
}

base::Result<base::UniqueFd> reserve_tcp(const ListenSpec& spec) {
  auto fd = bind_exclusively(spec, false);
  // Sessions of an earlier owner (TIME_WAIT, or a process that still drains) are in the way of a
  // plain bind, and of nobody else: SO_REUSEADDR passes them, but never a socket that listens.
  // Not at the first try, because a bind with SO_REUSEADDR would also pass our own kind of
  // reservation in another process.
  if (!fd && fd.error() == base::to_errno(EADDRINUSE)) fd = bind_exclusively(spec, true);
  if (!fd) return fd;
  // Bound alone; only now may others of this user join, which are our workers.
  const int off = 0;
  const int on = 1;
  if (::setsockopt(fd->get(), SOL_SOCKET, SO_REUSEADDR, &off, sizeof(off)) != 0 ||
      ::setsockopt(fd->get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) {
    return base::failure_of_errno();
  }
  return fd;
}

bool is_abstract(const base::Address& address) { return address.path.starts_with('@'); }

// Why a path that exists cannot be had; kNone: it is a socket that nobody serves any more.
base::Errno why_taken(const base::Address& address) {
  struct stat status {};
  if (::lstat(address.path.c_str(), &status) != 0) return base::to_errno(EADDRINUSE);
  if (!S_ISSOCK(status.st_mode)) return base::to_errno(ENOTSOCK);
  const auto probe = open_stream(base::Family::kUnix);
  if (!probe) return base::to_errno(EADDRINUSE);
  const base::RawAddress raw = base::to_raw(address);
  // A living owner with a full queue says EAGAIN.
  const bool dead = ::connect(probe->get(), raw.get(), raw.size) != 0 && errno == ECONNREFUSED;
  return dead ? base::Errno::kNone : base::to_errno(EADDRINUSE);
}

base::Result<base::UniqueFd> listen_unix(const ListenSpec& spec) {
  auto fd = open_stream(base::Family::kUnix);
  if (!fd) return fd;
  const base::RawAddress raw = base::to_raw(spec.address);
  if (::bind(fd->get(), raw.get(), raw.size) != 0) {
    if (errno != EADDRINUSE) return base::failure_of_errno();
    if (is_abstract(spec.address)) return base::failure(base::to_errno(EADDRINUSE));
    const base::Errno taken = why_taken(spec.address);
    if (taken != base::Errno::kNone) return base::failure(taken);
    static_cast<void>(::unlink(spec.address.path.c_str()));
    if (::bind(fd->get(), raw.get(), raw.size) != 0) return base::failure_of_errno();
  }
  if (::listen(fd->get(), spec.backlog) != 0) return base::failure_of_errno();
  return fd;
}

}  // namespace

Claims::~Claims() {
  for (const Claim& claim : claims_) unlink_if_ours(claim);
}

void Claims::adopt(base::InheritedSockets& sockets, std::size_t workers) {
  inherited_ = &sockets;
  workers_ = workers;
}

base::Result<base::Address> Claims::claim(const ListenSpec& spec) {
  if (inherited_ != nullptr) {
    if (auto sockets = inherited_->take(spec.address); !sockets.empty()) {
      return keep({.address = spec.address, .fd = {}, .adopted = std::move(sockets)});
    }
  }
  const bool is_unix = spec.address.family() == base::Family::kUnix;
  auto fd = is_unix ? listen_unix(spec) : reserve_tcp(spec);
  if (!fd) return base::failure(fd.error());
  Claim claim{
      .address = is_unix ? spec.address : local_of(fd->get()), .fd = std::move(*fd), .adopted = {}};
  if (is_unix && !is_abstract(spec.address)) {
    struct stat status {};
    if (::lstat(spec.address.path.c_str(), &status) == 0) {
      claim.device = status.st_dev;
      claim.inode = status.st_ino;
    }
  }
  return keep(std::move(claim));
}

base::Result<base::Address> Claims::keep(Claim claim) {
  const std::lock_guard lock(mutex_);
  claims_.push_back(std::move(claim));
  return claims_.back().address;
}

void Claims::disclaim(const base::Address& address) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(claims_.begin(), claims_.end(),
                                  [&](const Claim& claim) { return claim.address == address; });
  if (found == claims_.end()) return;
  unlink_if_ours(*found);
  claims_.erase(found);
}

base::Result<std::vector<base::UniqueFd>> Claims::share(const base::Address& address) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(claims_.begin(), claims_.end(),
                                  [&](const Claim& claim) { return claim.address == address; });
  std::vector<base::UniqueFd> copies;
  const bool is_unix = address.family() == base::Family::kUnix;
  if (found == claims_.end()) {
    if (is_unix) return base::failure(base::to_errno(EADDRNOTAVAIL));
    return copies;
  }
  const auto copy = [&copies](const base::UniqueFd& fd) {
    copies.emplace_back(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
    return static_cast<bool>(copies.back());
  };
  if (found->adopted.empty()) {
    if (is_unix && !copy(found->fd)) return base::failure_of_errno();
    return copies;
  }
  // Workers do not say which one they are; in the order in which they come is as good. With as many
  // workers as sockets or fewer, worker k has the sockets k, k + workers, ...; with more, they go
  // round the sockets.
  const std::vector<base::UniqueFd>& sockets = found->adopted;
  const std::size_t turn = found->shares_given++;
  const std::size_t step = std::min(workers_, sockets.size());
  for (std::size_t i = turn % step; i < sockets.size(); i += step) {
    if (!copy(sockets[i])) return base::failure_of_errno();
  }
  return copies;
}

void Claims::unlink_if_ours(const Claim& claim) {
  if (claim.inode == 0) return;
  struct stat status {};
  const std::string& path = claim.address.path;
  // Another process may have taken the path since; its socket stays.
  if (::lstat(path.c_str(), &status) == 0 && status.st_dev == claim.device &&
      status.st_ino == claim.inode) {
    static_cast<void>(::unlink(path.c_str()));
  }
}

}  // namespace backends::socket
