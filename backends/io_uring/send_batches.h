// What was received for each receiver since the last look, on its way out: chains of lent buffers,
// and the memory that send requests refer to until they are handed over. Owned by UringTransport;
// its worker's thread only.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "backends/io_uring/buffer_ring.h"
#include "base/slab.h"

namespace backends::io_uring {

// The bytes of one direction of one relay: one send request.
struct Batch {
  base::SlotId relay;
  BufferId first = 0;
  BufferId last = 0;
  std::uint16_t buffers = 0;
  std::uint8_t direction = 0;
  bool failed = false;      // A completion said so:
  std::int32_t result = 0;  // bytes that were sent all the same, or a negated errno.
  std::uint32_t bytes = 0;
};

class SendBatches {
 public:
  // Each batch has a buffer at least, so there are never more of them than buffers.
  explicit SendBatches(std::size_t buffers_max) {
    filling_.reserve(buffers_max);
    sending_.reserve(buffers_max);
    messages_.reserve(buffers_max);
    pieces_.reserve(buffers_max);
  }

  // Being filled by completions. The place of a batch, plus one, is its flow's mark
  // (socket::Flow::batch); kSending is the mark of a flow whose batch is being sent.
  static constexpr std::uint16_t kSending = 0xffff;
  std::vector<Batch>& filling() { return filling_; }
  // Handed over, or about to be: settled as soon as the kernel has seen them all.
  std::vector<Batch>& sending() { return sending_; }

  // What was filled is to be sent now; everything sent before was settled.
  void turn() {
    std::swap(filling_, sending_);
    filling_.clear();
    messages_.clear();
    pieces_.clear();
  }

  // A message of all buffers of a batch; it stays in its place until the next turn().
  msghdr& message(const Batch& batch, const BufferRing& buffers) {
    msghdr& message = messages_.emplace_back();
    const std::size_t begin = pieces_.size();
    BufferId id = batch.first;
    for (std::uint16_t i = 0; i < batch.buffers; ++i, id = buffers.next(id)) {
      const auto bytes = buffers.filled(id);
      // sendmsg(2) only reads them.
      pieces_.push_back({.iov_base = const_cast<std::byte*>(bytes.data()),  // NOLINT
                         .iov_len = bytes.size()});
    }
    message.msg_iov = &pieces_[begin];
    message.msg_iovlen = batch.buffers;
    return message;
  }

 private:
  std::vector<Batch> filling_;
  std::vector<Batch> sending_;
  std::vector<msghdr> messages_;
  std::vector<iovec> pieces_;
};

}  // namespace backends::io_uring
