#include "backends/io_uring/self_test.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

#include "backends/io_uring/buffer_ring.h"
#include "backends/io_uring/token.h"
#include "base/address.h"
#include "base/fd.h"
#include "base/time.h"

namespace backends::io_uring {
namespace {

// For everything together. Loopback answers within microseconds; a machine that is busy compiling
// may need more.
constexpr base::Nanos kLongest = std::chrono::seconds(2);
// More than one receive buffer, so that order is seen too.
constexpr std::size_t kMessageBytes = 3 * kReceiveBytes + 100;
constexpr int kSendFlags = MSG_NOSIGNAL | MSG_WAITALL | MSG_DONTWAIT;

// Of both sockets: full soon, and still larger than everything that is sent before that is wanted.
constexpr int kSocketBytes = 64 * 1024;

using Bytes = std::vector<std::byte>;

class SelfTest {
 public:
  explicit SelfTest(Ring& ring) : ring_(ring), deadline_(base::monotonic_now() + kLongest) {}

  std::optional<SelfTestFailure> run() {
    for (const auto& [step, test] :
         std::initializer_list<Step>{{"a ring of buffers", &SelfTest::lend_buffers},
                                     {"a listener on loopback", &SelfTest::listen},
                                     {"a multishot accept", &SelfTest::accept},
                                     {"a poll of a connection", &SelfTest::connect},
                                     {"a multishot receive into lent buffers", &SelfTest::receive},
                                     {"a receive without a buffer", &SelfTest::starve},
                                     {"a send that must not wait", &SelfTest::overfill},
                                     {"taking a request back", &SelfTest::take_back},
                                     {"a close", &SelfTest::close}}) {
      const base::Errno error = (this->*test)();
      if (error != base::Errno::kNone) return SelfTestFailure{.step = step, .error = error};
    }
    return std::nullopt;
  }

 private:
  struct Step {
    const char* name;
    base::Errno (SelfTest::*test)();
  };
  static constexpr base::Errno kGood = base::Errno::kNone;

  // The next completion of an operation; others are dropped. ETIMEDOUT in res when none comes.
  io_uring_cqe await(Op op) {
    while (base::monotonic_now() < deadline_) {
      const auto found = std::ranges::find_if(completions_, [op](const io_uring_cqe& completion) {
        return Token::unpack(completion.user_data).op == op;
      });
      if (found != completions_.end()) {
        const io_uring_cqe completion = *found;
        completions_.erase(completions_.begin(), found + 1);
        return completion;
      }
      ring_.wait(deadline_ - base::monotonic_now());
      ring_.drain([this](const io_uring_cqe& completion) { completions_.push_back(completion); });
    }
    io_uring_cqe none{};
    none.res = -ETIMEDOUT;
    return none;
  }
  static base::Errno error_of(const io_uring_cqe& completion) {
    return completion.res < 0 ? base::to_errno(-completion.res) : kGood;
  }
  static std::uint64_t token(Op op) {
    return Token{.op = op, .id = {.slot = 1, .generation = 1}}.pack();
  }
  // Quiet on success.
  base::Errno send(const Bytes& bytes) {
    io_uring_sqe& send = ring_.request();
    io_uring_prep_send(&send, client_.get(), bytes.data(), bytes.size(), kSendFlags);
    send.user_data = token(Op::kSend);
    send.flags = IOSQE_CQE_SKIP_SUCCESS;
    ring_.collect();
    return kGood;
  }
  void arm_receive() {
    io_uring_sqe& receive = ring_.request();
    io_uring_prep_recv_multishot(&receive, accepted_.get(), nullptr, 0, 0);
    receive.flags = IOSQE_BUFFER_SELECT;
    receive.buf_group = kBufferGroup;
    receive.user_data = token(Op::kReceive);
  }

  base::Errno lend_buffers() {
    auto buffers = BufferRing::open(ring_, kBuffersBytesMin);
    if (!buffers) return buffers.error();
    buffers_ = *std::move(buffers);
    return kGood;
  }

  base::Errno listen() {
    listener_ = base::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::memcpy(&address_, &address, sizeof(address));
    socklen_t size = sizeof(address_);
    if (!listener_ ||
        ::setsockopt(listener_.get(), SOL_SOCKET, SO_RCVBUF, &kSocketBytes, sizeof(int)) != 0 ||
        ::bind(listener_.get(), &address_, size) != 0 || ::listen(listener_.get(), 1) != 0 ||
        ::getsockname(listener_.get(), &address_, &size) != 0) {
      return base::last_errno();
    }
    return kGood;
  }

  base::Errno accept() {
    io_uring_sqe& accept = ring_.request();
    io_uring_prep_multishot_accept(&accept, listener_.get(), nullptr, nullptr,
                                   SOCK_NONBLOCK | SOCK_CLOEXEC);
    accept.user_data = token(Op::kAccept);
    client_ = base::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!client_ ||
        ::setsockopt(client_.get(), SOL_SOCKET, SO_SNDBUF, &kSocketBytes, sizeof(int)) != 0) {
      return base::last_errno();
    }
    if (::connect(client_.get(), &address_, sizeof(address_)) != 0 && errno != EINPROGRESS) {
      return base::last_errno();
    }
    const io_uring_cqe accepted = await(Op::kAccept);
    if (accepted.res < 0) return error_of(accepted);
    accepted_ = base::UniqueFd(accepted.res);
    const bool more = (accepted.flags & IORING_CQE_F_MORE) != 0;
    return more ? kGood : base::to_errno(EOPNOTSUPP);
  }

  base::Errno connect() {
    io_uring_sqe& poll = ring_.request();
    io_uring_prep_poll_multishot(&poll, client_.get(), POLLOUT);
    poll.user_data = token(Op::kReady);
    return error_of(await(Op::kReady));
  }

  base::Errno receive() {
    Bytes sent(kMessageBytes);
    for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<std::byte>(i % 251);
    arm_receive();
    if (const base::Errno error = send(sent); error != kGood) return error;
    Bytes got;
    while (got.size() < sent.size()) {
      const io_uring_cqe part = await(Op::kReceive);
      if (part.res <= 0) return part.res < 0 ? error_of(part) : base::to_errno(EOPNOTSUPP);
      const bool lent = (part.flags & IORING_CQE_F_BUFFER) != 0;
      const bool more = (part.flags & IORING_CQE_F_MORE) != 0;
      if (!lent || !more) return base::to_errno(EOPNOTSUPP);
      const auto id = static_cast<BufferId>(part.flags >> IORING_CQE_BUFFER_SHIFT);
      buffers_->note_filled(id, static_cast<std::size_t>(part.res));
      const auto bytes = buffers_->filled(id);
      got.insert(got.end(), bytes.begin(), bytes.end());
      buffers_->give_back(id);
      buffers_->publish();
    }
    // Quiet means quiet, and the bytes must be the ones that were sent.
    return got == sent && completions_.empty() ? kGood : base::to_errno(EOPNOTSUPP);
  }

  // All buffers are taken and none is given back: the receive must end with ENOBUFS.
  base::Errno starve() {
    const Bytes bytes(kReceiveBytes);
    for (std::size_t i = 0; i <= buffers_->count(); ++i) {
      if (const base::Errno error = send(bytes); error != kGood) return error;
    }
    for (std::size_t i = 0; i <= 2 * buffers_->count(); ++i) {
      const io_uring_cqe part = await(Op::kReceive);
      if (part.res == -ENOBUFS) return kGood;
      if (part.res <= 0) return error_of(part);
    }
    return base::to_errno(EOPNOTSUPP);
  }

  // Nobody reads: one of the sends must come back at once, with EAGAIN or a part of its bytes.
  base::Errno overfill() {
    const Bytes bytes(kMessageBytes);
    constexpr std::size_t kMost = 16UL * 1024 * 1024;
    for (std::size_t total = 0; total < kMost; total += bytes.size()) {
      if (const base::Errno error = send(bytes); error != kGood) return error;
      ring_.drain([this](const io_uring_cqe& completion) { completions_.push_back(completion); });
      if (completions_.empty()) continue;
      const int result = await(Op::kSend).res;
      return result == -EAGAIN || result >= 0 ? kGood : base::to_errno(-result);
    }
    return base::to_errno(EOPNOTSUPP);
  }

  base::Errno take_back() {
    io_uring_sqe& cancel = ring_.request();
    io_uring_prep_cancel64(&cancel, token(Op::kAccept), 0);
    cancel.user_data = token(Op::kCancel);
    cancel.flags = IOSQE_CQE_SKIP_SUCCESS;
    const int result = await(Op::kAccept).res;
    return result == -ECANCELED ? kGood : base::to_errno(result < 0 ? -result : EOPNOTSUPP);
  }

  base::Errno close() {
    io_uring_sqe& close = ring_.request();
    io_uring_prep_close(&close, accepted_.release());
    close.user_data = token(Op::kClose);
    return error_of(await(Op::kClose));
  }

  Ring& ring_;
  base::Nanos deadline_;
  std::unique_ptr<BufferRing> buffers_;
  base::UniqueFd listener_;
  base::UniqueFd client_;
  base::UniqueFd accepted_;
  sockaddr address_{};
  std::vector<io_uring_cqe> completions_;
};

}  // namespace

std::optional<SelfTestFailure> test_on_loopback(Ring& ring) { return SelfTest(ring).run(); }

}  // namespace backends::io_uring
