#include "backends/io_uring/buffer_ring.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/assert.h"
#include "base/errno.h"

namespace backends::io_uring {

static_assert(kReceiveBytes <= std::numeric_limits<std::uint16_t>::max());
static_assert(kBuffersBytesMax / kReceiveBytes <= 32768, "what the kernel takes at most");

base::Result<std::unique_ptr<BufferRing>> BufferRing::open(Ring& ring, std::size_t bytes) {
  const std::size_t wanted =
      std::clamp(bytes == 0 ? kBuffersBytesDefault : bytes, kBuffersBytesMin, kBuffersBytesMax);
  const std::size_t count = std::bit_floor(wanted / kReceiveBytes);
  const std::size_t memory_bytes = ring_bytes(count) + count * kStride;
  // Populated: no page is missing when the first bytes come, and what a worker needs shows from
  // the start.
  void* const memory = ::mmap(nullptr, memory_bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) return base::failure_of_errno();
  std::unique_ptr<BufferRing> buffers(new BufferRing(memory, memory_bytes, count));
  io_uring_buf_reg where{};
  where.ring_addr = reinterpret_cast<std::uintptr_t>(buffers->ring_);
  where.ring_entries = static_cast<std::uint32_t>(count);
  where.bgid = kBufferGroup;
  const int result = io_uring_register_buf_ring(&ring.native(), &where, 0);
  if (result < 0) return base::failure(base::to_errno(-result));
  for (std::size_t id = 0; id < count; ++id) {
    ++buffers->in_use_;
    buffers->give_back(static_cast<BufferId>(id));
  }
  buffers->publish();
  return buffers;
}

BufferRing::BufferRing(void* memory, std::size_t memory_bytes, std::size_t count)
    : memory_(memory),
      memory_bytes_(memory_bytes),
      ring_(static_cast<io_uring_buf_ring*>(memory)),
      buffers_(static_cast<std::byte*>(memory) + ring_bytes(count)),
      links_(count) {
  io_uring_buf_ring_init(ring_);
}

BufferRing::~BufferRing() { ::munmap(memory_, memory_bytes_); }

void BufferRing::note_filled(BufferId id, std::size_t bytes) {
  CHECK(id < links_.size() && bytes <= kReceiveBytes);
  links_[id].bytes = static_cast<std::uint16_t>(bytes);
  ++in_use_;
}

void BufferRing::give_back(BufferId id) {
  const int mask = io_uring_buf_ring_mask(static_cast<std::uint32_t>(links_.size()));
  io_uring_buf_ring_add(ring_, at(id), kReceiveBytes, id, mask, static_cast<int>(unpublished_));
  ++unpublished_;
  --in_use_;
}

void BufferRing::publish() {
  if (unpublished_ == 0) return;
  io_uring_buf_ring_advance(ring_, static_cast<int>(unpublished_));
  unpublished_ = 0;
}

}  // namespace backends::io_uring
