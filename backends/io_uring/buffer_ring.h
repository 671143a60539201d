// The receive buffers that a worker lends to the kernel (man 3 io_uring_register_buf_ring): a
// multishot receive takes one only when bytes have come, so an idle connection holds none. Owned by
// UringTransport; its worker's thread only.
#pragma once

#include <liburing.h>
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backends/io_uring/ring.h"
#include "base/result.h"

namespace backends::io_uring {

// The name of a buffer, as completions say it.
using BufferId = std::uint16_t;

// One receive fills at most this much. docs/benchmarks.md has the sizes that were tried.
inline constexpr std::size_t kReceiveBytes = 4096;
// Few enough to stay in the cache: each is used in turn, and a ring of 64 MiB was a third slower
// (facts of the project's prototypes).
inline constexpr std::size_t kBuffersBytesDefault = 1024UL * 1024;
inline constexpr std::size_t kBuffersBytesMin = 64UL * 1024;
inline constexpr std::size_t kBuffersBytesMax = 8UL * 1024 * 1024;

// Everything else about a ring is the group's number.
inline constexpr std::uint16_t kBufferGroup = 0;

class BufferRing {
 public:
  // bytes 0: kBuffersBytesDefault; otherwise within the bounds above, rounded down to a power of
  // two of buffers. Errors: those of mmap(2) and io_uring_register(2). ring outlives this.
  static base::Result<std::unique_ptr<BufferRing>> open(Ring& ring, std::size_t bytes);

  BufferRing(const BufferRing&) = delete;
  BufferRing& operator=(const BufferRing&) = delete;
  ~BufferRing();

  std::size_t count() const { return links_.size(); }
  // Taken by the kernel and not given back.
  std::size_t in_use() const { return in_use_; }

  // The kernel has filled it with so many bytes: a completion says both.
  void note_filled(BufferId id, std::size_t bytes);
  std::span<const std::byte> filled(BufferId id) const { return {at(id), links_[id].bytes}; }
  // The kernel may use it again, as soon as publish() was called.
  void give_back(BufferId id);
  void publish();

  // A chain of filled buffers, in order: what follows this one.
  BufferId next(BufferId id) const { return links_[id].next; }
  void link(BufferId id, BufferId next) { links_[id].next = next; }

 private:
  // One cache line more than the buffer: with a stride of a power of two the first lines of all
  // buffers would share one set of the first-level cache, and small messages use only those.
  static constexpr std::size_t kStride = kReceiveBytes + 64;

  struct Link {
    std::uint16_t bytes = 0;
    BufferId next = 0;
  };

  BufferRing(void* memory, std::size_t memory_bytes, std::size_t count);
  std::byte* at(BufferId id) const { return buffers_ + std::size_t{id} * kStride; }
  static std::size_t ring_bytes(std::size_t count) { return count * sizeof(io_uring_buf); }

  void* memory_;
  std::size_t memory_bytes_;
  io_uring_buf_ring* ring_;  // First in the memory, because it has to begin at a page.
  std::byte* buffers_;
  std::vector<Link> links_;
  std::size_t in_use_ = 0;
  unsigned unpublished_ = 0;
};

}  // namespace backends::io_uring
