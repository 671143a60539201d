#include "proxy/log_output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace proxy {

LogOutput::LogOutput(int descriptor) : descriptor_(descriptor) {
  struct stat about {};
  if (fstat(descriptor, &about) != 0) return;  // Closed: every write will be lost, and says so.
  if (S_ISSOCK(about.st_mode)) {
    kind_ = Kind::kSocket;
  } else if (S_ISFIFO(about.st_mode) || S_ISCHR(about.st_mode)) {
    // A second open file description of the same pipe or terminal may have O_NONBLOCK without doing
    // it to the shell, which shares the first one (man 5 proc, /proc/pid/fd).
    own_ = base::UniqueFd(open(fmt::format("/proc/self/fd/{}", descriptor).c_str(),
                               O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    kind_ = own_ ? Kind::kOwn : Kind::kPolled;
  }
}

LogOutput::Outcome LogOutput::write(std::string_view text) {
  const std::lock_guard lock(mutex_);
  // Two rounds at most: the rest of an earlier text, then this one.
  while (!rest_.empty()) {
    const auto written = write_some(rest_);
    if (written) {
      rest_.erase(0, *written);
    } else if (written.error() == base::to_errno(EAGAIN)) {
      return Outcome::kBlocked;
    } else {
      rest_ = "\n";  // The torn line ends here, so that the next one starts on its own.
      return Outcome::kLost;
    }
  }
  bool begun = false;
  while (!text.empty()) {
    const auto written = write_some(text);
    if (written) {
      text.remove_prefix(*written);
      begun = true;
      continue;
    }
    const bool blocked = written.error() == base::to_errno(EAGAIN);
    if (begun) rest_ = blocked ? std::string(text) : "\n";
    if (!blocked) return Outcome::kLost;
    return begun ? Outcome::kTaken : Outcome::kBlocked;
  }
  return Outcome::kTaken;
}

base::Result<std::size_t> LogOutput::write_some(std::string_view text) {
  const int descriptor = own_ ? own_.get() : descriptor_;
  for (;;) {
    ssize_t written = -1;
    switch (kind_) {
      case Kind::kSocket:
        written = send(descriptor, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        break;
      case Kind::kPolled: {
        // POLLOUT of a pipe promises room for PIPE_BUF bytes (man 7 pipe).
        pollfd ready{.fd = descriptor, .events = POLLOUT, .revents = 0};
        if (poll(&ready, 1, 0) == 0) return base::failure(base::to_errno(EAGAIN));
        written = ::write(descriptor, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
        break;
      }
      case Kind::kOwn:
      case Kind::kFile:
        written = ::write(descriptor, text.data(), text.size());
        break;
    }
    if (written >= 0) return static_cast<std::size_t>(written);
    if (errno != EINTR) return base::failure_of_errno();
  }
}

void LogOutput::wait_writable(base::Nanos wait_max) const {
  pollfd ready{.fd = own_ ? own_.get() : descriptor_, .events = POLLOUT, .revents = 0};
  const auto wait_ms = std::chrono::ceil<std::chrono::milliseconds>(wait_max).count();
  // Interrupted or not: the caller tries again and sees.
  static_cast<void>(poll(&ready, 1, static_cast<int>(wait_ms)));
}

}  // namespace proxy
