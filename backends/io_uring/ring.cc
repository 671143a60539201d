#include "backends/io_uring/ring.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/assert.h"

namespace backends::io_uring {
namespace {

constexpr unsigned kEverywhere = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;

struct Attempt {
  unsigned flags;
  Ring::Mode mode;
};
// Best first. SUBMIT_ALL: one bad request does not keep the rest from being handed over.
constexpr std::array<Attempt, 4> kAttempts = {{
    {kEverywhere | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
         IORING_SETUP_DEFER_TASKRUN,
     Ring::Mode::kDeferred},
    {kEverywhere | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN,
     Ring::Mode::kCooperative},
    {kEverywhere | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN, Ring::Mode::kCooperative},
    {kEverywhere, Ring::Mode::kPlain},
}};

constexpr unsigned kNeededFeatures =
    IORING_FEAT_NODROP | IORING_FEAT_FAST_POLL | IORING_FEAT_EXT_ARG | IORING_FEAT_CQE_SKIP;

// So often is a call repeated that could hand over nothing: the kernel was out of memory for a
// moment, or wants its overflowed completions to be taken first, which collect() makes room for.
constexpr int kTriesMax = 64;

// Not an error of the program: to be tried again, or just nothing to tell.
bool passing(int error) {
  return error == EINTR || error == EAGAIN || error == EBUSY || error == ETIME;
}

}  // namespace

base::Result<std::unique_ptr<Ring>> Ring::open() {
  std::unique_ptr<Ring> ring(new Ring);
  int result = -EINVAL;
  for (const Attempt& attempt : kAttempts) {
    io_uring_params params{};
    params.flags = attempt.flags;
    params.cq_entries = kCompletionEntries;
    result = io_uring_queue_init_params(kSubmissionEntries, &ring->ring_, &params);
    ring->mode_ = attempt.mode;
    if (result == 0) {
      // Also out of reach of a later exec().
      if ((params.features & kNeededFeatures) == kNeededFeatures) return ring;
      return base::failure(base::to_errno(EOPNOTSUPP));
    }
    if (result != -EINVAL) break;
  }
  // Nothing to give back: the destructor knows by the descriptor.
  ring->ring_.ring_fd = -1;
  return base::failure(base::to_errno(-result));
}

Ring::~Ring() {
  if (ring_.ring_fd >= 0) io_uring_queue_exit(&ring_);
}

io_uring_sqe& Ring::request() {
  io_uring_sqe* request = io_uring_get_sqe(&ring_);
  for (int tries = 0; request == nullptr && tries < kTriesMax; ++tries) {
    submit();
    request = io_uring_get_sqe(&ring_);
  }
  CHECK(request != nullptr);
  std::memset(request, 0, sizeof(*request));
  return *request;
}

void Ring::submit() { note_entered(io_uring_submit(&ring_)); }

void Ring::collect() { note_entered(io_uring_submit_and_get_events(&ring_)); }

void Ring::wait(base::Nanos wait_max) {
  io_uring_cqe* first = nullptr;
  if (wait_max == base::kForever) {
    note_entered(io_uring_submit_and_wait(&ring_, 1));
    return;
  }
  const auto seconds = std::chrono::floor<std::chrono::seconds>(wait_max);
  __kernel_timespec limit{.tv_sec = seconds.count(), .tv_nsec = (wait_max - seconds).count()};
  note_entered(io_uring_submit_and_wait_timeout(&ring_, &first, 1, &limit, nullptr));
}

void Ring::note_entered(int result) {
  ++counts_.enters;
  if (result > 0) counts_.submissions += static_cast<unsigned>(result);
  CHECK(result >= 0 || passing(-result));
}

void Ring::note_overflow() {
  if (has_overflowed()) ++counts_.overflows;
}

}  // namespace backends::io_uring
