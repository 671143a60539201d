#include "proxy/demo_load.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/prng.h"
#include "proxy/demo_socket.h"

namespace proxy {
namespace {

constexpr std::size_t kMessageBytes = 64;
constexpr std::size_t kEventsMax = 128;
constexpr std::size_t kShortSessionSlots = 16;

using Message = std::array<char, kMessageBytes>;

// A message that no other one of the run is like, so that a reply cannot be mistaken.
Message message_number(std::uint64_t number) {
  base::Prng prng(number);
  Message message{};
  for (char& c : message) c = static_cast<char>(prng.next());
  return message;
}

double rate(double count, base::Nanos elapsed) {
  return elapsed > base::Nanos{0} ? count / base::to_seconds(elapsed) : 0;
}

// Until fd has something to read; false when it has not in time.
bool wait_readable(int fd) {
  pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
  const auto wait_ms = std::chrono::ceil<std::chrono::milliseconds>(kClientPatience).count();
  return poll(&readable, 1, static_cast<int>(wait_ms)) > 0;
}

// FIN there, FIN back, and nothing else in between.
void end_session(LoadContext& context, int fd) {
  char byte = 0;
  if (shutdown(fd, SHUT_WR) != 0) {
    context.fail("shutdown", base::last_errno());
  } else if (!wait_readable(fd)) {
    context.fail("no end of file came back");
  } else if (const IoResult result = receive_some(fd, {&byte, 1}); result.state != IoState::kEnd) {
    context.fail("something else than an end of file came back", result.error);
  }
}

// One connection's messages, one at a time.
struct Exchange {
  base::UniqueFd fd;
  Message message{};
  Message reply{};
  std::size_t received = 0;
  base::Nanos sent{0};
};

// False when the connection is of no more use; that is counted.
bool send_message(LoadContext& context, Exchange& exchange, std::uint64_t number) {
  exchange.message = message_number(number);
  exchange.received = 0;
  exchange.sent = base::monotonic_now();
  const IoResult sent = send_some(exchange.fd.get(), exchange.message);
  if (sent.bytes == kMessageBytes) return true;
  context.fail("sending a message", sent.error);
  return false;
}

enum class Reply : std::uint8_t { kIncomplete, kComplete, kFailed };

Reply receive_reply(LoadContext& context, Exchange& exchange) {
  const IoResult got =
      receive_some(exchange.fd.get(), std::span(exchange.reply).subspan(exchange.received));
  switch (got.state) {
    case IoState::kBlocked:
      return Reply::kIncomplete;
    case IoState::kEnd:
      context.fail("the connection ended before the reply was complete");
      return Reply::kFailed;
    case IoState::kFailed:
      context.fail("waiting for a reply", got.error);
      return Reply::kFailed;
    case IoState::kMoved:
      break;
  }
  exchange.received += got.bytes;
  if (exchange.received < kMessageBytes) return Reply::kIncomplete;
  if (exchange.reply != exchange.message) {
    context.fail("a reply had other bytes than its message");
    return Reply::kFailed;
  }
  context.requests.add();
  context.bytes.add(kMessageBytes);
  return Reply::kComplete;
}

}  // namespace

void LoadContext::fail(std::string_view what, base::Errno why) {
  failed.add();
  if (!first_failure.empty()) return;
  first_failure = what;
  if (why != base::Errno::kNone) first_failure += ": " + base::errno_text(why);
}

double RoundTrips::per_second() const { return rate(static_cast<double>(count), elapsed); }

double ShortSessions::per_second() const { return rate(static_cast<double>(count), elapsed); }

double Bulk::gigabits_per_second() const {
  constexpr double kBitsPerByte = 8;
  constexpr double kGiga = 1e9;
  return rate(static_cast<double>(bytes) * kBitsPerByte / kGiga, elapsed);
}

RoundTrips run_round_trips(LoadContext& context, std::size_t connections, base::Nanos duration) {
  RoundTrips result;
  DemoPoller poller;
  std::vector<Exchange> exchanges(connections);
  std::uint64_t number = 0;
  std::size_t waiting = 0;
  for (std::size_t i = 0; i < connections; ++i) {
    auto fd = connect_within(context.target, kClientPatience);
    if (!fd || !poller.add(fd->get(), EPOLLIN, i)) {
      context.fail("connecting", fd ? base::last_errno() : fd.error());
      continue;
    }
    context.sessions.add();
    exchanges[i].fd = *std::move(fd);
  }
  const base::Nanos start = base::monotonic_now();
  for (Exchange& exchange : exchanges) {
    if (exchange.fd && send_message(context, exchange, ++number)) ++waiting;
  }
  std::array<epoll_event, kEventsMax> events{};
  base::Nanos now = start;
  while (waiting > 0 && now < start + duration + kClientPatience) {
    const std::size_t count = poller.wait(events, kStopDelay);
    now = base::monotonic_now();
    const bool more = now < start + duration && !context.stop;
    for (const epoll_event& event : std::span(events).first(count)) {
      Exchange& exchange = exchanges[event.data.u64];
      const Reply reply = receive_reply(context, exchange);
      if (reply == Reply::kIncomplete) continue;
      --waiting;
      if (reply == Reply::kFailed) {
        exchange.fd.close();
        continue;
      }
      ++result.count;
      result.latencies.record(base::monotonic_now() - exchange.sent);
      if (more && send_message(context, exchange, ++number)) ++waiting;
    }
  }
  result.elapsed = now - start;
  if (waiting > 0) context.fail("a reply never came");
  for (const Exchange& exchange : exchanges) {
    if (exchange.fd) end_session(context, exchange.fd.get());
  }
  return result;
}

namespace {

// A fixed number of slots, each starting its next session when its last one has ended.
class ShortSessionRun {
 public:
  explicit ShortSessionRun(LoadContext& context) : context_(context), slots_(kShortSessionSlots) {}

  ShortSessions run(base::Nanos duration);

 private:
  enum class State : std::uint8_t { kFree, kConnecting, kAwaitingReply, kAwaitingEnd };
  struct Slot {
    State state = State::kFree;
    Exchange exchange;
  };

  bool may_start() const;
  void start(std::size_t index);
  void step(std::size_t index);
  void connected(std::size_t index);
  void replied(Slot& slot);
  void ended(Slot& slot);
  void fail(Slot& slot, std::string_view what, base::Errno why);
  void release(Slot& slot);

  LoadContext& context_;
  DemoPoller poller_;
  std::vector<Slot> slots_;
  base::Nanos end_{0};
  std::uint64_t started_ = 0;
  std::uint64_t completed_ = 0;
  std::size_t busy_ = 0;
};

ShortSessions ShortSessionRun::run(base::Nanos duration) {
  const base::Nanos start_time = base::monotonic_now();
  end_ = start_time + duration;
  for (std::size_t i = 0; i < slots_.size(); ++i) start(i);
  std::array<epoll_event, kEventsMax> events{};
  while (busy_ > 0 && base::monotonic_now() < end_ + kClientPatience) {
    const std::size_t count = poller_.wait(events, kStopDelay);
    for (const epoll_event& event : std::span(events).first(count)) step(event.data.u64);
  }
  if (busy_ > 0) context_.fail("a short session never ended");
  return {.count = completed_, .elapsed = base::monotonic_now() - start_time};
}

bool ShortSessionRun::may_start() const {
  return base::monotonic_now() < end_ && !context_.stop && started_ < kShortSessionsMax &&
         context_.failed.value() == 0;
}

void ShortSessionRun::start(std::size_t index) {
  if (!may_start()) return;
  Slot& slot = slots_[index];
  ++started_;
  ++busy_;
  slot.state = State::kConnecting;
  auto fd = begin_connect(context_.target);
  if (!fd || !poller_.add(fd->get(), EPOLLOUT, index)) {
    fail(slot, "connecting", fd ? base::last_errno() : fd.error());
    return;
  }
  slot.exchange.fd = *std::move(fd);
}

void ShortSessionRun::step(std::size_t index) {
  Slot& slot = slots_[index];
  switch (slot.state) {
    case State::kFree:
      return;
    case State::kConnecting:
      connected(index);
      break;
    case State::kAwaitingReply:
      replied(slot);
      break;
    case State::kAwaitingEnd:
      ended(slot);
      break;
  }
  if (slot.state == State::kFree) start(index);
}

void ShortSessionRun::connected(std::size_t index) {
  Slot& slot = slots_[index];
  const int fd = slot.exchange.fd.get();
  if (const auto result = end_connect(fd); !result) {
    fail(slot, "connecting", result.error());
    return;
  }
  context_.sessions.add();
  slot.state = State::kAwaitingReply;
  if (!poller_.change(fd, EPOLLIN, index)) {
    fail(slot, "epoll_ctl", base::last_errno());
  } else if (!send_message(context_, slot.exchange, started_)) {
    release(slot);
  }
}

void ShortSessionRun::replied(Slot& slot) {
  switch (receive_reply(context_, slot.exchange)) {
    case Reply::kIncomplete:
      return;
    case Reply::kFailed:
      release(slot);
      return;
    case Reply::kComplete:
      break;
  }
  slot.state = State::kAwaitingEnd;
  if (shutdown(slot.exchange.fd.get(), SHUT_WR) != 0) fail(slot, "shutdown", base::last_errno());
}

void ShortSessionRun::ended(Slot& slot) {
  char byte = 0;
  const IoResult result = receive_some(slot.exchange.fd.get(), {&byte, 1});
  if (result.state == IoState::kBlocked) return;
  if (result.state == IoState::kEnd) {
    ++completed_;
    release(slot);
  } else {
    fail(slot, "something else than an end of file came back", result.error);
  }
}

void ShortSessionRun::fail(Slot& slot, std::string_view what, base::Errno why) {
  context_.fail(what, why);
  release(slot);
}

void ShortSessionRun::release(Slot& slot) {
  slot = Slot{};
  --busy_;
}

}  // namespace

ShortSessions run_short_sessions(LoadContext& context, base::Nanos duration) {
  return ShortSessionRun(context).run(duration);
}

namespace {

// Both ends of one stream whose byte at every position is known.
class BulkRun {
 public:
  explicit BulkRun(LoadContext& context);

  Bulk run(base::Nanos duration);

 private:
  // Odd lengths, so that no buffer of the way there repeats in step with the pattern.
  static constexpr std::size_t kPatternBytes = (std::size_t{1} << 20U) - 3;
  static constexpr std::size_t kReadBytes = std::size_t{256} << 10U;

  std::span<const char> pattern_at(std::uint64_t position) const {
    return std::span(pattern_).subspan(position % kPatternBytes);
  }
  bool send();
  bool receive();

  LoadContext& context_;
  base::UniqueFd fd_;
  std::vector<char> pattern_;
  std::vector<char> buffer_;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  bool ended_ = false;  // The end of file came back.
};

BulkRun::BulkRun(LoadContext& context)
    : context_(context), pattern_(kPatternBytes), buffer_(kReadBytes) {
  base::Prng prng(1);
  for (char& c : pattern_) c = static_cast<char>(prng.next());
}

Bulk BulkRun::run(base::Nanos duration) {
  auto fd = connect_within(context_.target, kClientPatience);
  if (!fd) {
    context_.fail("connecting", fd.error());
    return {};
  }
  context_.sessions.add();
  fd_ = *std::move(fd);
  const base::Nanos start = base::monotonic_now();
  bool sending = true;
  bool good = true;
  pollfd ready{.fd = fd_.get(), .events = POLLIN | POLLOUT, .revents = 0};
  while (good && !ended_ && base::monotonic_now() < start + duration + kClientPatience) {
    if (sending && (context_.stop || base::monotonic_now() >= start + duration)) {
      sending = false;
      ready.events = POLLIN;
      if (shutdown(fd_.get(), SHUT_WR) != 0) context_.fail("shutdown", base::last_errno());
    }
    const auto wait_ms = std::chrono::ceil<std::chrono::milliseconds>(kStopDelay).count();
    if (poll(&ready, 1, static_cast<int>(wait_ms)) <= 0) continue;
    good = good && receive() && (!sending || send());
  }
  if (good && (!ended_ || received_ != sent_)) {
    context_.fail("a bulk stream came back shorter than it was sent");
  }
  return {.bytes = received_, .elapsed = base::monotonic_now() - start};
}

// False when the stream is of no more use; that is counted.
bool BulkRun::send() {
  const IoResult sent = send_some(fd_.get(), pattern_at(sent_));
  sent_ += sent.bytes;
  if (sent.state != IoState::kFailed) return true;
  context_.fail("sending a bulk stream", sent.error);
  return false;
}

bool BulkRun::receive() {
  const std::span<const char> expected = pattern_at(received_);
  const IoResult got =
      receive_some(fd_.get(), std::span(buffer_).first(std::min(expected.size(), kReadBytes)));
  switch (got.state) {
    case IoState::kBlocked:
      return true;
    case IoState::kFailed:
      context_.fail("receiving a bulk stream", got.error);
      return false;
    case IoState::kEnd:
      ended_ = true;
      return true;
    case IoState::kMoved:
      break;
  }
  if (!std::equal(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(got.bytes),
                  expected.begin())) {
    context_.fail("a bulk stream came back with other bytes");
    return false;
  }
  received_ += got.bytes;
  context_.bytes.add(got.bytes);
  return true;
}

}  // namespace

Bulk run_bulk(LoadContext& context, base::Nanos duration) { return BulkRun(context).run(duration); }

std::vector<base::UniqueFd> open_idle(LoadContext& context, std::size_t count) {
  std::vector<base::UniqueFd> sessions;
  sessions.reserve(count);
  for (std::size_t i = 0; i < count && !context.stop && context.failed.value() == 0; ++i) {
    auto fd = connect_within(context.target, kClientPatience);
    if (!fd) {
      context.fail("connecting", fd.error());
      break;
    }
    context.sessions.add();
    const char ping = static_cast<char>(i);
    char pong = 0;
    const IoResult sent = send_some(fd->get(), {&ping, 1});
    const bool came = sent.bytes == 1 && wait_readable(fd->get());
    if (!came || receive_some(fd->get(), {&pong, 1}).bytes != 1 || pong != ping) {
      context.fail("the first byte of a session did not come back", sent.error);
      break;
    }
    context.bytes.add(1);
    sessions.push_back(*std::move(fd));
  }
  return sessions;
}

void close_idle(LoadContext& context, std::vector<base::UniqueFd>& sessions) {
  for (const base::UniqueFd& fd : sessions) end_session(context, fd.get());
  sessions.clear();
}

}  // namespace proxy
