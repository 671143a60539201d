#include "metrics/http_listener.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "base/errno.h"

namespace metrics {
namespace {

// Far more than scrapers and health checkers need. With a short queue a burst of other connections
// makes the kernel drop a scraper's SYN, which costs it a second.
constexpr int kBacklog = 1024;

// The abstract namespace has no files (man 7 unix).
bool has_file(const base::Address& address) {
  return address.family() == base::Family::kUnix && !address.path.empty() &&
         address.path.front() != '@';
}

base::Result<base::UniqueFd> bind_to(const base::Address& address, mode_t file_mode) {
  const base::RawAddress raw = base::to_raw(address);
  base::UniqueFd fd(socket(raw.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return base::failure_of_errno();
  const int on = 1;
  const int off = 0;
  // Without this a restart fails for a minute, while connections of the old process are in
  // TIME_WAIT.
  if (address.family() != base::Family::kUnix &&
      setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
    return base::failure_of_errno();
  }
  // Not left to net.ipv6.bindv6only, so that [::] means the same on every machine.
  if (address.family() == base::Family::kV6 &&
      setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0) {
    return base::failure_of_errno();
  }
  const bool own_mode = file_mode != 0 && has_file(address);
  // bind(2) makes the file with the socket's mode less the umask's bits, so there is no moment in
  // which it is more open than this; chmod then gives it what the umask took.
  if (own_mode && fchmod(fd.get(), file_mode) != 0) return base::failure_of_errno();
  if (bind(fd.get(), raw.get(), raw.size) != 0) return base::failure_of_errno();
  if (own_mode && chmod(address.path.c_str(), file_mode) != 0) {
    const base::Errno why = base::last_errno();
    static_cast<void>(unlink(address.path.c_str()));
    return base::failure(why);
  }
  if (listen(fd.get(), kBacklog) != 0) return base::failure_of_errno();
  return fd;
}

// True for the file of a UNIX socket whose process is gone: a crash leaves one behind.
bool is_stale_socket(const base::Address& address) {
  struct stat file = {};
  if (!has_file(address) || lstat(address.path.c_str(), &file) != 0) return false;
  if (!S_ISSOCK(file.st_mode)) return false;
  const base::UniqueFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const base::RawAddress raw = base::to_raw(address);
  return probe && connect(probe.get(), raw.get(), raw.size) != 0 && errno == ECONNREFUSED;
}

base::Address local_address(int fd) {
  sockaddr_storage storage = {};
  socklen_t size = sizeof storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
  return base::from_raw(storage, size);
}

}  // namespace

base::Parsed<HttpListener> HttpListener::open(const base::Address& address, mode_t file_mode) {
  base::Result<base::UniqueFd> fd = bind_to(address, file_mode);
  if (!fd && fd.error() == base::to_errno(EADDRINUSE) && is_stale_socket(address)) {
    static_cast<void>(unlink(address.path.c_str()));  // If that fails, so does the next bind.
    fd = bind_to(address, file_mode);
  }
  if (!fd) {
    return base::failure("cannot listen on " + base::to_string(address) + ": " +
                         base::errno_text(fd.error()));
  }
  base::Address bound =
      address.family() == base::Family::kUnix ? address : local_address(fd->get());
  HttpListener listener(std::move(*fd), std::move(bound));
  listener.own_file();
  return listener;
}

HttpListener HttpListener::adopt(base::UniqueFd fd, const base::Address& address) {
  return HttpListener(std::move(fd), address);
}

HttpListener::HttpListener(base::UniqueFd fd, base::Address address)
    : fd_(std::move(fd)), address_(std::move(address)) {}

void HttpListener::own_file() {
  if (!has_file(address_)) return;
  file_ = address_.path;
  identity_ = identify(file_);
}

HttpListener::HttpListener(HttpListener&& other) noexcept
    : fd_(std::move(other.fd_)),
      address_(std::move(other.address_)),
      file_(std::exchange(other.file_, {})),
      identity_(other.identity_) {}

HttpListener::~HttpListener() {
  // Our successor may have replaced the file by its own already.
  if (!file_.empty() && identify(file_) == identity_) static_cast<void>(unlink(file_.c_str()));
}

HttpListener::FileIdentity HttpListener::identify(const std::string& path) {
  struct stat file = {};
  if (lstat(path.c_str(), &file) != 0) return {};
  return {file.st_dev, file.st_ino};
}

}  // namespace metrics
