#include "proxy/access_datagrams.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <iterator>

#include "base/assert.h"

namespace proxy {
namespace {

constexpr int kDaemonInfo = 3 * 8 + 6;  // Facility 3, severity 6 (RFC 3164 section 4.1.1).

}  // namespace

SinkResult AccessDatagrams::write(std::string_view text) {
  if (text.empty()) return {LogOutput::Outcome::kTaken, 0};
  const std::size_t end = text.find('\n');
  const std::size_t bytes = end == std::string_view::npos ? text.size() : end + 1;
  if (!connected()) return {LogOutput::Outcome::kLost, bytes};
  compose(text.substr(0, end));
  for (;;) {
    const ssize_t sent =
        ::send(socket_.get(), message_.data(), message_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return {LogOutput::Outcome::kTaken, bytes};
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return {LogOutput::Outcome::kBlocked, 0};
    // ECONNREFUSED, ENOTCONN: that daemon is gone. A new one has a new socket behind the same name.
    if (errno != EMSGSIZE) socket_ = {};
    return {LogOutput::Outcome::kLost, bytes};
  }
}

void AccessDatagrams::wait_writable(base::Nanos wait_max) {
  pollfd ready{.fd = socket_.get(), .events = POLLOUT, .revents = 0};
  const auto wait_ms = std::chrono::ceil<std::chrono::milliseconds>(wait_max).count();
  // Interrupted or not: the caller tries again and sees.
  static_cast<void>(poll(&ready, 1, static_cast<int>(wait_ms)));
}

bool AccessDatagrams::connected() {
  if (socket_) return true;
  const base::Nanos now = base::monotonic_now();
  if (now < next_try_) return false;
  next_try_ = now + kRetry;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  CHECK(path_.size() < sizeof(address.sun_path));
  std::ranges::copy(path_, std::begin(address.sun_path));
  base::UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto* name = reinterpret_cast<const sockaddr*>(&address);  // NOLINT: the API's own way.
  if (!socket || ::connect(socket.get(), name, sizeof(address)) != 0) return false;
  socket_ = std::move(socket);
  return true;
}

void AccessDatagrams::compose(std::string_view line) {
  message_.clear();
  switch (form_) {
    case DatagramForm::kSyslog: {
      const std::time_t now = std::time(nullptr);
      std::tm local{};
      localtime_r(&now, &local);
      fmt::format_to(std::back_inserter(message_), "<{}>{:%b %e %H:%M:%S} millrace[{}]: {}",
                     kDaemonInfo, local, ::getpid(), line);
      return;
    }
    case DatagramForm::kJournal:
      // A line has no newline inside, so the short form of a field is enough.
      fmt::format_to(std::back_inserter(message_),
                     "PRIORITY=6\nSYSLOG_IDENTIFIER=millrace\nMESSAGE={}\n", line);
      return;
  }
}

}  // namespace proxy
