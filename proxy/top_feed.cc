#include "proxy/top_feed.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <utility>

#include "base/assert.h"

namespace proxy {
namespace {

base::UniqueFd event_fd() {
  base::UniqueFd fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  CHECK(fd);
  return fd;
}

void tell(const base::UniqueFd& fd) {
  const std::uint64_t one = 1;
  CHECK(::write(fd.get(), &one, sizeof(one)) == sizeof(one));
}

// True: the descriptor became readable before the time had come.
bool readable_by(int fd, base::Nanos deadline) {
  pollfd watched{.fd = fd, .events = POLLIN, .revents = 0};
  for (;;) {
    const base::Nanos left = std::max(deadline - base::monotonic_now(), base::Nanos{0});
    const auto left_ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    const int count = poll(&watched, 1, static_cast<int>(left_ms));
    if (count >= 0) return count > 0;
    CHECK(errno == EINTR);
  }
}

}  // namespace

TopFeed::TopFeed(Ask ask, base::Nanos interval)
    : ask_(std::move(ask)),
      interval_(interval),
      news_(event_fd()),
      stop_(event_fd()),
      thread_([this] { run(); }) {}

TopFeed::~TopFeed() {
  tell(stop_);
  thread_.join();
}

std::optional<TopFeed::Answer> TopFeed::take() {
  const std::lock_guard lock(mutex_);
  std::uint64_t count = 0;
  if (::read(news_.get(), &count, sizeof(count)) != sizeof(count)) return std::nullopt;
  return std::exchange(answer_, std::nullopt);
}

void TopFeed::run() {
  for (;;) {
    const base::Nanos next = base::monotonic_now() + interval_;
    Answer answer = ask_();
    {
      const std::lock_guard lock(mutex_);
      answer_ = std::move(answer);
      tell(news_);
    }
    if (readable_by(stop_.get(), next)) return;
  }
}

}  // namespace proxy
