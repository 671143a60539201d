#include "backends/socket/held_buffers.h"

#include <algorithm>
#include <new>
#include <utility>

namespace backends::socket {

HeldBuffers::HeldBuffers() : working_(new Buffer) { spare_.reserve(kSpareMax); }

std::unique_ptr<Buffer> HeldBuffers::spare_or_new() {
  // Default-initialised: 64 KiB of zeros would be written for nothing.
  if (spare_.empty()) return std::unique_ptr<Buffer>(new (std::nothrow) Buffer);
  std::unique_ptr<Buffer> buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

std::unique_ptr<Buffer> HeldBuffers::keep_working(std::size_t begin, std::size_t end) {
  std::unique_ptr<Buffer> next = spare_or_new();
  if (!next) return nullptr;
  working_->begin = static_cast<std::uint32_t>(begin);
  working_->end = static_cast<std::uint32_t>(end);
  return std::exchange(working_, std::move(next));
}

bool HeldBuffers::append(std::unique_ptr<Buffer>& kept, std::span<const std::byte> bytes) {
  std::unique_ptr<Buffer>* place = &kept;
  while (*place && (*place)->next) place = &(*place)->next;
  while (!bytes.empty()) {
    if (*place && (*place)->end == kBufferBytes) place = &(*place)->next;
    if (!*place) *place = spare_or_new();
    if (!*place) return false;
    Buffer& last = **place;
    const std::size_t count = std::min(bytes.size(), kBufferBytes - last.end);
    std::ranges::copy(bytes.first(count), last.bytes.begin() + last.end);
    last.end += static_cast<std::uint32_t>(count);
    bytes = bytes.subspan(count);
  }
  return true;
}

std::unique_ptr<Buffer> HeldBuffers::give_back(std::unique_ptr<Buffer> buffer) {
  std::unique_ptr<Buffer> next = std::move(buffer->next);
  buffer->begin = buffer->end = 0;
  if (spare_.size() < kSpareMax) spare_.push_back(std::move(buffer));
  return next;
}

}  // namespace backends::socket
