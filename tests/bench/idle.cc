// See idle.h.
#include "tests/bench/idle.h"

#include <sys/socket.h>

#include <thread>

#include "tests/bench/socket.h"

namespace bench {

void Idle::run(const Gate& gate, Outcome& outcome) {
  const auto begin = base::monotonic_now();
  connections_.reserve(options_.connections);
  while (connections_.size() < options_.connections) {
    auto fd = connect_and_greet(options_.target, Purpose::kEchoThenReset);
    if (!fd) return outcome.add_error("connect", fd.error());
    reset_on_close(fd->get());
    connections_.push_back(std::move(*fd));
    outcome.bytes += 1;
  }
  gate.ready();
  // Holding is the work: nothing is waited for.
  std::this_thread::sleep_for(to_nanos(options_.seconds));
  for (const auto& connection : connections_) {
    char byte = 0;
    const auto received = ::recv(connection.get(), &byte, 1, MSG_PEEK);
    if (received < 0 && errno == EAGAIN) {
      ++outcome.operations;
    } else {
      outcome.add_error("a held session ended",
                        received < 0 ? base::last_errno() : base::Errno::kNone);
    }
  }
  outcome.elapsed = base::monotonic_now() - begin;
}

}  // namespace bench
