// See load.h.
#include "tests/bench/load.h"

#include <poll.h>
#include <unistd.h>

#include <cstdio>

namespace bench {
namespace {

// A driver that died closes stdin, which ends the wait; this bounds a driver that hangs.
constexpr int kDriverTimeoutMs = 60'000;

}  // namespace

void Gate::ready() const {
  if (!handshake_) return;
  std::puts(R"({"event":"ready"})");
  std::fflush(stdout);
  wait_for_line();
}

void Gate::wait_for_line() const {
  if (!handshake_) return;
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  if (::poll(&input, 1, kDriverTimeoutMs) <= 0) return;
  // The driver writes one byte a line, so nothing of a later line is lost here.
  char byte = 0;
  [[maybe_unused]] const auto ignored = ::read(STDIN_FILENO, &byte, 1);
}

}  // namespace bench
