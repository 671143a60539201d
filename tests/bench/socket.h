// The few socket calls that every kind of load needs. No state; any thread.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/address.h"
#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"

namespace bench {

// The first byte of every connection tells the server what the connection is for (echo_server.h).
enum class Purpose : char {
  kEchoThenReset = 'E',
  kEchoThenClose = 'F',
  kSink = 'U',
  kSource = 'D',
};

// Connects, says the purpose and waits for the server's one byte in answer: afterwards every leg up
// to the server exists. Blocks, at most kGreetingTimeout a step. The socket comes back
// non-blocking.
base::Result<base::UniqueFd> connect_and_greet(const base::Address& target, Purpose purpose);

// A connect under way: writable once it has succeeded.
base::Result<base::UniqueFd> start_connect(const base::Address& target);

// Non-blocking. Accepted sockets inherit TCP_NODELAY from it.
base::Result<base::UniqueFd> listen_on(const base::Address& address);

base::Address local_address(int fd);

// A later close(2) sends RST instead of FIN, so no port is left in TIME_WAIT.
void reset_on_close(int fd);

// Asks for as many descriptors as the system lets this process have.
void raise_descriptor_limit();

// One epoll instance, level-triggered. The tag comes back with the event.
class Poller {
 public:
  Poller();

  // The descriptor must stay open until it is closed by its owner, which also removes it.
  void add(int fd, std::uint32_t events, std::uint64_t tag) {
    control(EPOLL_CTL_ADD, fd, events, tag);
  }
  void change(int fd, std::uint32_t events, std::uint64_t tag) {
    control(EPOLL_CTL_MOD, fd, events, tag);
  }

  // Waits no longer than the given time (negative: not at all). Valid until the next wait.
  std::span<const epoll_event> wait(base::Nanos longest);

 private:
  static constexpr std::size_t kBatch = 256;

  void control(int operation, int fd, std::uint32_t events, std::uint64_t tag);

  base::UniqueFd epoll_;
  std::array<epoll_event, kBatch> events_{};
};

}  // namespace bench
