#include "proxy/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

#include "base/assert.h"

namespace proxy {

Signals::Signals(std::initializer_list<int> numbers) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : numbers) sigaddset(&set, number);
  CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  // One that is ignored is thrown away before anybody could read it (man 2 signalfd).
  for (const int number : numbers) CHECK(std::signal(number, SIG_DFL) != SIG_ERR);
  fd_ = base::UniqueFd(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  CHECK(fd_);
}

std::optional<int> Signals::take() {
  signalfd_siginfo info{};
  if (::read(fd_.get(), &info, sizeof(info)) != sizeof(info)) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

void ignore_harmless_signals() {
  for (const int number : {SIGPIPE, SIGUSR1, SIGUSR2}) {
    CHECK(std::signal(number, SIG_IGN) != SIG_ERR);
  }
}

}  // namespace proxy
