#include "backends/dpdk/splice_core/port_fifo.h"

#include <utility>

#include "base/assert.h"

namespace backends::dpdk::splice_core {

std::uint32_t PortChunks::take() {
  if (free_ == kNone) {
    const auto first = static_cast<std::uint32_t>(blocks_.size() * kBlock);
    blocks_.push_back(std::make_unique<Block>());
    for (std::uint32_t chunk = first + kBlock; chunk > first; --chunk) give_back(chunk - 1);
  }
  const std::uint32_t chunk = free_;
  free_ = std::exchange((*this)[chunk].next, kNone);
  return chunk;
}

void PortChunks::give_back(std::uint32_t chunk) {
  (*this)[chunk].next = std::exchange(free_, chunk);
}

void PortFifo::push(PortChunks& chunks, std::uint16_t port) {
  if (last_ == PortChunks::kNone) {
    first_ = last_ = chunks.take();
    read_ = written_ = 0;
  } else if (written_ == PortChunks::kPorts) {
    const std::uint32_t added = chunks.take();
    chunks[last_].next = added;
    last_ = added;
    written_ = 0;
  }
  chunks[last_].ports[written_++] = port;
  ++size_;
}

std::uint16_t PortFifo::pop(PortChunks& chunks) {
  CHECK(size_ > 0);
  const PortChunks::Chunk& chunk = chunks[first_];
  const std::uint16_t port = chunk.ports[read_++];
  --size_;
  if (size_ == 0) {
    // Its only chunk stays, for the next one: most queues are short, most of the time.
    read_ = written_ = 0;
  } else if (read_ == PortChunks::kPorts) {
    chunks.give_back(std::exchange(first_, chunk.next));
    read_ = 0;
  }
  return port;
}

void PortFifo::clear(PortChunks& chunks) {
  // As many steps as there are chunks: a port range of 64512 has at most 513.
  while (first_ != PortChunks::kNone) {
    chunks.give_back(std::exchange(first_, chunks[first_].next));
  }
  *this = PortFifo();
}

}  // namespace backends::dpdk::splice_core
