#include "backends/socket/pipe_pool.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "base/assert.h"

namespace backends::socket {
namespace {

// Below this a copy is as cheap and needs no pipe. It is also Linux's default, so a kernel that
// only refuses to enlarge still serves.
constexpr std::size_t kWorthwhileBytes = 64 * 1024;

}  // namespace

PipePool::PipePool(std::size_t pipes_max, std::size_t pipe_bytes, TransportStats& stats)
    : pipe_bytes_(pipe_bytes == 0 ? kPipeBytes : pipe_bytes), stats_(stats), pipes_(pipes_max) {
  free_.reserve(pipes_max);
  unmade_.reserve(pipes_max);
  for (Pipe& pipe : pipes_) unmade_.push_back(&pipe);
  stats_.pipes_max = pipes_max;
}

Pipe* PipePool::borrow(base::Nanos now) {
  Pipe* pipe = nullptr;
  if (!free_.empty()) {
    pipe = free_.back();
    free_.pop_back();
  } else if (!unmade_.empty() && now >= retry_at_) {
    pipe = make(now);
  }
  if (pipe == nullptr) {
    ++stats_.pipes_exhausted;
    return nullptr;
  }
  ++stats_.pipes_borrowed;
  return pipe;
}

Pipe* PipePool::make(base::Nanos now) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) {
    ++stats_.pipes_failed;
    retry_at_ = now + kRetryAfter;
    return nullptr;
  }
  Pipe pipe;
  pipe.out = base::UniqueFd(ends[0]);
  pipe.in = base::UniqueFd(ends[1]);
  // EPERM past the user's share: then what the pipe has must do. The kernel's word is the size it
  // gives back, not the one asked for.
  static_cast<void>(::fcntl(pipe.in.get(), F_SETPIPE_SZ, static_cast<int>(pipe_bytes_)));
  const int got = ::fcntl(pipe.in.get(), F_GETPIPE_SZ);
  pipe.bytes = got > 0 ? static_cast<std::size_t>(got) : 0;
  if (pipe.bytes < pipe_bytes_) ++stats_.pipes_shrunk;
  if (pipe.bytes < kWorthwhileBytes && pipe.bytes < pipe_bytes_) {
    retry_at_ = now + kRetryAfter;
    return nullptr;
  }
  Pipe* place = unmade_.back();
  unmade_.pop_back();
  *place = std::move(pipe);
  ++stats_.pipes_open;
  return place;
}

void PipePool::give_back(Pipe* pipe) {
  CHECK(pipe != nullptr && stats_.pipes_borrowed > 0);
  --stats_.pipes_borrowed;
  free_.push_back(pipe);
}

void PipePool::discard(Pipe* pipe) {
  CHECK(pipe != nullptr && stats_.pipes_borrowed > 0);
  --stats_.pipes_borrowed;
  --stats_.pipes_open;
  *pipe = Pipe{};
  unmade_.push_back(pipe);
}

}  // namespace backends::socket
