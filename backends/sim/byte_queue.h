// A first-in-first-out queue of bytes: the buffers of the simulated TCP. Grows as needed (its users
// bound it); an empty queue holds no memory. One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "base/assert.h"

namespace backends {

class ByteQueue {
 public:
  std::size_t size() const { return bytes_.size() - head_; }
  bool empty() const { return size() == 0; }

  void append(std::span<const std::byte> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }

  // The oldest bytes, at most count of them. Valid until the next call that changes the queue.
  std::span<const std::byte> front(std::size_t count) const {
    return std::span(bytes_).subspan(head_, std::min(count, size()));
  }

  // Drops the oldest count bytes. count <= size().
  void discard(std::size_t count) {
    CHECK(count <= size());
    head_ += count;
    if (head_ == bytes_.size()) {
      clear();
    } else if (head_ > bytes_.size() / 2) {
      // Moving the rest when it is the smaller half costs each byte less than one move.
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
  }

  void clear() {
    std::vector<std::byte>().swap(bytes_);
    head_ = 0;
  }

 private:
  std::vector<std::byte> bytes_;
  std::size_t head_ = 0;
};

}  // namespace backends
