#include "backends/socket/pipe_pool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <thread>

#include "base/assert.h"

namespace backends::socket {
namespace {

// Below this a copy is as cheap and needs no pipe. It is also Linux's default, so a kernel that
// only refuses to enlarge still serves.
constexpr std::size_t kWorthwhileBytes = 64UL * 1024;

// Sets the size the kernel grants: EPERM past pipe-max-size and past the user's pages. Half as much
// is asked for until it agrees. The kernel's word is what F_GETPIPE_SZ gives back.
std::size_t enlarge(int fd, std::size_t wanted) {
  while (wanted > kWorthwhileBytes && ::fcntl(fd, F_SETPIPE_SZ, static_cast<int>(wanted)) < 0) {
    wanted /= 2;
  }
  const int got = ::fcntl(fd, F_GETPIPE_SZ);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

}  // namespace

std::size_t pipe_share_of_a_worker() {
  constexpr std::size_t kUnknown = 16UL * 1024 * 1024;
  std::ifstream file("/proc/sys/fs/pipe-user-pages-soft");
  std::size_t pages = 0;
  if (!(file >> pages) || pages == 0) return kUnknown;  // 0: no limit.
  const std::size_t workers = std::max(1U, std::thread::hardware_concurrency());
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) / (2 * workers);
}

PipePool::PipePool(std::size_t pipes_max, std::size_t pipe_bytes, std::size_t share,
                   TransportStats& stats)
    : pipe_bytes_(pipe_bytes), share_(share), stats_(stats), pipes_(pipes_max) {
  free_.reserve(pipes_max);
  unmade_.reserve(pipes_max);
  for (Pipe& pipe : pipes_) unmade_.push_back(&pipe);
  stats_.pipes_max = pipes_max;
}

std::size_t PipePool::wanted_bytes() const {
  if (pipe_bytes_ != 0) return pipe_bytes_;
  const std::size_t left = share_ - std::min(share_, open_bytes_);
  std::size_t wanted = kPipeBytes;
  while (wanted > kWorthwhileBytes && wanted > left) wanted /= 2;
  return wanted;
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
  const std::size_t wanted = wanted_bytes();
  if (wanted < kWorthwhileBytes) {
    static_cast<void>(::fcntl(pipe.in.get(), F_SETPIPE_SZ, static_cast<int>(wanted)));
  }
  pipe.bytes = enlarge(pipe.in.get(), wanted);
  if (pipe.bytes < wanted) ++stats_.pipes_shrunk;
  if (pipe.bytes < std::min(kWorthwhileBytes, wanted)) {
    retry_at_ = now + kRetryAfter;
    return nullptr;
  }
  Pipe* place = unmade_.back();
  unmade_.pop_back();
  *place = std::move(pipe);
  open_bytes_ += place->bytes;
  ++stats_.pipes_open;
  return place;
}

void PipePool::give_back(Pipe* pipe) {
  CHECK(pipe != nullptr && pipe->held == 0 && stats_.pipes_borrowed > 0);
  --stats_.pipes_borrowed;
  free_.push_back(pipe);
}

void PipePool::discard(Pipe* pipe) {
  CHECK(pipe != nullptr && stats_.pipes_borrowed > 0);
  --stats_.pipes_borrowed;
  --stats_.pipes_open;
  open_bytes_ -= pipe->bytes;
  *pipe = Pipe{};
  unmade_.push_back(pipe);
}

}  // namespace backends::socket
