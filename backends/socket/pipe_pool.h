// The pipes of one worker. splice(2) moves bytes from a socket to a socket only through a pipe; a
// direction borrows one while it has bulk to move and gives it back whenever it is empty.
// Pipes are made on first use, up to a fixed number, because a user has few of them: past
// fs.pipe-user-pages-soft (64 MiB) the kernel hands out pipes of two pages without a word.
// Owned by a transport; its worker's thread only.
#pragma once

#include <cstddef>
#include <vector>

#include "backends/transport.h"
#include "base/fd.h"
#include "base/time.h"

namespace backends::socket {

struct Pipe {
  base::UniqueFd in;      // splice(2) writes here,
  base::UniqueFd out;     // and reads here.
  std::size_t bytes = 0;  // Its size,
  std::size_t held = 0;   // and how many its borrower has in it.
};

// The size to ask for. Measured with 8 bulk streams on loopback, CPU per gigabit of one run: 64 KiB
// 74, 256 KiB 46, 1 MiB 20, copying 86 (docs/benchmarks.md). The kernel counts slots, one for each
// fragment, so a pipe of 64 KiB is full after about 23 KB of small segments. 1 MiB is also the
// kernel's own maximum (fs.pipe-max-size).
inline constexpr std::size_t kPipeBytes = 1024UL * 1024;

// What the pipes of one worker may have together, so that all workers stay within half of
// fs.pipe-user-pages-soft: the user's other programs need pipes as well. Without /proc: 16 MiB.
std::size_t pipe_share_of_a_worker();

class PipePool {
 public:
  // pipe_bytes 0: kPipeBytes as long as share lasts, then less. stats outlives the pool and gets
  // its gauges and counters.
  PipePool(std::size_t pipes_max, std::size_t pipe_bytes, std::size_t share, TransportStats& stats);
  PipePool(const PipePool&) = delete;
  PipePool& operator=(const PipePool&) = delete;

  // Null when all are borrowed or the kernel gives no more; counted. The pipe is empty.
  Pipe* borrow(base::Nanos now);

  // The pipe must be empty: bytes left in it would reach another session.
  void give_back(Pipe* pipe);

  // For a pipe that still has bytes: they are gone, and so is the pipe.
  void discard(Pipe* pipe);

 private:
  Pipe* make(base::Nanos now);
  std::size_t wanted_bytes() const;

  // A kernel that refused is not asked again for this long.
  static constexpr base::Nanos kRetryAfter = std::chrono::seconds(1);

  std::size_t pipe_bytes_;  // 0: by the share.
  std::size_t share_;
  std::size_t open_bytes_ = 0;  // Of all pipes that are open.
  TransportStats& stats_;
  std::vector<Pipe> pipes_;    // Reserved once: addresses stay.
  std::vector<Pipe*> free_;    // Made, empty, and not borrowed.
  std::vector<Pipe*> unmade_;  // Closed, or not opened yet.
  base::Nanos retry_at_{0};
};

}  // namespace backends::socket
