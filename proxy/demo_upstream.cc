#include "proxy/demo_upstream.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <span>
#include <utility>

#include "base/assert.h"
#include "base/cpu.h"

namespace proxy {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} << 10U;
constexpr std::size_t kEventsMax = 256;
constexpr int kAcceptsMax = 64;  // Of one listener, before the others get their turn.
// Tokens below this are connections; then come the listeners, then the order to stop.
constexpr std::uint64_t kFirstListener = std::uint64_t{1} << 32U;
constexpr std::uint64_t kStop = ~std::uint64_t{0};

}  // namespace

base::Result<std::unique_ptr<DemoUpstream>> DemoUpstream::start(std::size_t endpoints,
                                                                std::size_t connections_max) {
  std::vector<base::UniqueFd> listeners;
  for (std::size_t i = 0; i < endpoints; ++i) {
    auto listener = listen_on_loopback();
    if (!listener) return base::failure(listener.error());
    listeners.push_back(*std::move(listener));
  }
  return std::unique_ptr<DemoUpstream>(new DemoUpstream(std::move(listeners), connections_max));
}

DemoUpstream::DemoUpstream(std::vector<base::UniqueFd> listeners, std::size_t connections_max)
    : listeners_(std::move(listeners)),
      stop_(eventfd(0, EFD_CLOEXEC)),
      connections_(connections_max),
      buffer_(kBufferBytes) {
  CHECK(stop_ && poller_.add(stop_.get(), EPOLLIN, kStop));
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    addresses_.push_back(address_of(listeners_[i].get()));
    CHECK(poller_.add(listeners_[i].get(), EPOLLIN, kFirstListener + i));
  }
  for (std::size_t i = connections_max; i-- > 0;) free_.push_back(i);
  thread_ = std::thread([this] {
    base::name_this_thread("demo-upstream");
    run();
  });
}

DemoUpstream::~DemoUpstream() {
  CHECK(eventfd_write(stop_.get(), 1) == 0);
  thread_.join();
}

void DemoUpstream::run() {
  std::array<epoll_event, kEventsMax> events{};
  for (;;) {
    const std::size_t count = poller_.wait(events, std::chrono::seconds(1));
    for (const epoll_event& event : std::span(events).first(count)) {
      const std::uint64_t token = event.data.u64;
      if (token == kStop) return;
      if (token >= kFirstListener) {
        accept_burst(listeners_[token - kFirstListener].get());
      } else {
        serve(token);
      }
    }
  }
}

void DemoUpstream::accept_burst(int listener) {
  for (int i = 0; i < kAcceptsMax; ++i) {
    base::UniqueFd fd(accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return;  // None is waiting, or it has gone again.
    if (free_.empty()) continue;
    const std::size_t index = free_.back();
    if (!poller_.add(fd.get(), EPOLLIN, index)) continue;
    free_.pop_back();
    connections_[index].fd = std::move(fd);
  }
}

// One read for each event: the others come first before this one is read again.
void DemoUpstream::serve(std::size_t index) {
  Connection& connection = connections_[index];
  if (!connection.fd) return;  // Dropped earlier in this batch.
  if (connection.owed.empty()) {
    echo(index);
  } else if (send_owed(index)) {
    wait_for(index, EPOLLIN);
  }
}

void DemoUpstream::echo(std::size_t index) {
  Connection& connection = connections_[index];
  const IoResult received = receive_some(connection.fd.get(), buffer_);
  switch (received.state) {
    case IoState::kBlocked:
      return;
    case IoState::kEnd:
    case IoState::kFailed:
      drop(index);
      return;
    case IoState::kMoved:
      break;
  }
  const std::span<const char> data(buffer_.data(), received.bytes);
  const IoResult sent = send_some(connection.fd.get(), data);
  if (sent.state == IoState::kFailed) {
    drop(index);
  } else if (sent.bytes < data.size()) {
    connection.owed.assign(data.begin() + static_cast<std::ptrdiff_t>(sent.bytes), data.end());
    wait_for(index, EPOLLOUT);
  }
}

// True when nothing is owed any more.
bool DemoUpstream::send_owed(std::size_t index) {
  Connection& connection = connections_[index];
  const IoResult sent = send_some(connection.fd.get(), connection.owed);
  if (sent.state == IoState::kFailed) {
    drop(index);
    return false;
  }
  connection.owed.erase(0, sent.bytes);
  return connection.owed.empty();
}

void DemoUpstream::wait_for(std::size_t index, std::uint32_t events) {
  if (!poller_.change(connections_[index].fd.get(), events, index)) drop(index);
}

void DemoUpstream::drop(std::size_t index) {
  connections_[index] = Connection{};
  free_.push_back(index);
}

}  // namespace proxy
