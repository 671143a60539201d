// The few socket calls that the demo's upstreams and its load need. They stand outside the proxy,
// where a real client and a real server would be, so they use the kernel directly and no transport.
// No state but a poller's; any thread.
#pragma once

#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/address.h"
#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"

namespace proxy {

// A listening socket on 127.0.0.1 with a port of the kernel's choice. Non-blocking.
base::Result<base::UniqueFd> listen_on_loopback();

// Where a socket is bound to.
base::Address address_of(int fd);

// Starts to connect; the socket becomes writable when it is decided. Non-blocking, TCP_NODELAY.
base::Result<base::UniqueFd> begin_connect(const base::Address& address);
// How it was decided.
base::Result<void> end_connect(int fd);
// Both, within wait_max.
base::Result<base::UniqueFd> connect_within(const base::Address& address, base::Nanos wait_max);

// What an attempt to read or to write came to.
enum class IoState : std::uint8_t {
  kMoved,    // bytes says how many.
  kBlocked,  // Not now.
  kEnd,      // End of file; reading only.
  kFailed    // error says why.
};
struct IoResult {
  IoState state = IoState::kBlocked;
  std::size_t bytes = 0;
  base::Errno error = base::Errno::kNone;
};
IoResult receive_some(int fd, std::span<char> buffer);
IoResult send_some(int fd, std::span<const char> data);

// epoll(7) with level-triggered events that carry an index of the caller's choice.
class DemoPoller {
 public:
  DemoPoller();

  // False when the kernel refuses (ENOMEM, ENOSPC).
  bool add(int fd, std::uint32_t events, std::uint64_t token);
  bool change(int fd, std::uint32_t events, std::uint64_t token);
  // How many of the buffer's events are filled in, after at most wait_max.
  std::size_t wait(std::span<epoll_event> buffer, base::Nanos wait_max);

 private:
  bool control(int operation, int fd, std::uint32_t events, std::uint64_t token);

  base::UniqueFd epoll_;
};

}  // namespace proxy
