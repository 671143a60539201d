// A pair of queues shared with the kernel (man 7 io_uring): requests go in, completions come out,
// and one system call does both for a whole batch. Owned by UringTransport; made and used on its
// worker's thread only, because the kernel then needs no locks (IORING_SETUP_SINGLE_ISSUER).
#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "base/time.h"

namespace backends::io_uring {

// Requests between two system calls: 16 KiB, so that they stay in the first-level cache. One more
// than that is no error: the full queue is handed over and filled again.
inline constexpr unsigned kSubmissionEntries = 256;
// Completions between two looks: a multishot request makes many of them in one call. Overflow is
// survived (IORING_FEAT_NODROP) and counted, but slow.
inline constexpr unsigned kCompletionEntries = 4096;

class Ring {
 public:
  struct Counts {
    std::uint64_t submissions = 0;
    std::uint64_t completions = 0;
    std::uint64_t enters = 0;
    std::uint64_t overflows = 0;
  };

  // How completions are brought about, best first; an older kernel refuses the first ones.
  enum class Mode : std::uint8_t {
    kDeferred,     // Only inside our own calls (6.1): no interruptions, best batches.
    kCooperative,  // At any of our system calls (5.19).
    kPlain
  };

  // Errors: those of io_uring_setup(2), and EOPNOTSUPP for a kernel that lacks what every engine of
  // ours needs (completions that are never lost, and successes that can be kept quiet: 5.17).
  static base::Result<std::unique_ptr<Ring>> open();

  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();

  Mode mode() const { return mode_; }
  const Counts& counts() const { return counts_; }
  ::io_uring& native() { return ring_; }

  // The next request, zeroed. Always there: a full queue is handed over first.
  io_uring_sqe& request();
  // Requests that the kernel has not seen yet.
  bool has_unsubmitted() const { return io_uring_sq_ready(&ring_) != 0; }
  // Completions that found the queue full and wait in the kernel for the next collect().
  bool has_overflowed() const {
    return (IO_URING_READ_ONCE(*ring_.sq.kflags) & IORING_SQ_CQ_OVERFLOW) != 0;
  }

  // Hands over what there is, and lets the kernel finish what it can at once.
  void collect();
  // The same, and waits for one completion, at most that long.
  void wait(base::Nanos wait_max);

  // Takes each completion that is there; visit(const io_uring_cqe&) may make requests.
  template <typename Visitor>
  void drain(Visitor visit) {
    unsigned head = *ring_.cq.khead;
    const unsigned tail = io_uring_smp_load_acquire(ring_.cq.ktail);
    counts_.completions += tail - head;
    while (head != tail) {
      const io_uring_cqe completion = ring_.cq.cqes[head & *ring_.cq.kring_mask];
      io_uring_smp_store_release(ring_.cq.khead, ++head);
      visit(completion);
    }
    note_overflow();
  }

 private:
  Ring() = default;
  void submit();
  void note_entered(int result);
  void note_overflow();

  ::io_uring ring_{};
  Mode mode_ = Mode::kPlain;
  Counts counts_;
};

}  // namespace backends::io_uring
