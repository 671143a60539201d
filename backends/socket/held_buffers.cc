#include "backends/socket/held_buffers.h"

#include <new>
#include <utility>

namespace backends::socket {

HeldBuffers::HeldBuffers() : working_(std::make_unique_for_overwrite<Buffer>()) {
  spare_.reserve(kSpareMax);
}

std::unique_ptr<Buffer> HeldBuffers::keep_working() {
  std::unique_ptr<Buffer> next;
  if (spare_.empty()) {
    next.reset(new (std::nothrow) Buffer);
    if (!next) return nullptr;
  } else {
    next = std::move(spare_.back());
    spare_.pop_back();
  }
  return std::exchange(working_, std::move(next));
}

void HeldBuffers::give_back(std::unique_ptr<Buffer> buffer) {
  if (spare_.size() < kSpareMax) spare_.push_back(std::move(buffer));
}

}  // namespace backends::socket
