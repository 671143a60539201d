#include "backends/dpdk/memory_device.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace backends::dpdk {
namespace {

constexpr std::uint32_t kEthernetHeaderBytes = 14;
// Buffers begin on cache lines, so that two threads never share one.
constexpr std::size_t kAlignment = 64;

constexpr std::size_t round_up(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// From one buffer to the next: an odd number of cache lines. With a power of two the headers of all
// frames would fall into a few sets of the cache and throw each other out of it, which made every
// packet several times as dear.
constexpr std::size_t distance_of(std::size_t buffer_bytes) {
  const std::size_t lines = round_up(buffer_bytes) / kAlignment;
  return (lines | 1U) * kAlignment;
}

}  // namespace

namespace detail {

WireRing::WireRing(std::size_t places, std::byte* buffers, std::uint32_t buffer_bytes)
    : places_(places), mask_(places - 1) {
  CHECK(places > 0 && (places & mask_) == 0);
  for (std::size_t i = 0; i < places; ++i) {
    places_[i].buffer = buffers + i * distance_of(buffer_bytes);
  }
}

// Both exchange field by field: a copy of the whole would read in one piece what was just written
// in several, and the processor waits for that.
bool WireRing::put(WireFrame& frame) {
  if (put_ - head_seen_ > mask_) {
    head_seen_ = head_.load(std::memory_order_acquire);
    if (put_ - head_seen_ > mask_) return false;
  }
  WireFrame& place = places_[put_ & mask_];
  std::swap(place.buffer, frame.buffer);
  place.offset = frame.offset;  // Those of an empty buffer mean nothing.
  place.size = frame.size;
  ++put_;
  return true;
}

bool WireRing::take(WireFrame& empty) {
  if (taken_ == tail_seen_) {
    tail_seen_ = tail_.load(std::memory_order_acquire);
    if (taken_ == tail_seen_) return false;
  }
  WireFrame& place = places_[taken_ & mask_];
  std::swap(place.buffer, empty.buffer);
  empty.offset = place.offset;
  empty.size = place.size;
  ++taken_;
  return true;
}

WireEnd::WireEnd(const MemoryWireOptions& options, std::size_t side, std::byte* buffers,
                 WireRing& out, WireRing& in, const std::atomic<bool>& link)
    : name_(options.names.at(side)),
      mac_(options.macs.at(side)),
      mtu_(options.mtu),
      buffer_bytes_(options.buffer_bytes),
      stock_max_(options.spare_buffers),
      out_(out),
      in_(in),
      link_(link) {
  stock_.reserve(stock_max_);
  for (std::size_t i = 0; i < stock_max_; ++i) {
    keep(buffers + i * distance_of(buffer_bytes_));
  }
}

void WireEnd::keep(std::byte* buffer) {
  CHECK(stock_.size() < stock_max_);  // More came back than were given out: one came twice.
  stock_.push_back(buffer);
}

WireFrame WireEnd::to_wire(const Frame& frame) const {
  auto* buffer = static_cast<std::byte*>(frame.buffer);
  CHECK(buffer != nullptr && frame.data >= buffer);
  const auto offset = static_cast<std::size_t>(frame.data - buffer);
  CHECK(offset <= buffer_bytes_ && frame.size <= buffer_bytes_ - offset);
  return {buffer, static_cast<std::uint32_t>(offset), frame.size};
}

std::size_t WireEnd::receive(std::span<Frame> frames) {
  const std::size_t most = std::min(frames.size(), kBurstMax);
  std::size_t count = 0;
  while (link_up() && count < most && !stock_.empty()) {
    WireFrame taken{stock_.back(), 0, 0};
    if (!in_.take(taken)) break;
    stock_.pop_back();
    frames[count] = {taken.buffer + taken.offset, taken.size, buffer_bytes_ - taken.offset,
                     taken.buffer};
    stats_.received_bytes += taken.size;
    ++count;
  }
  if (count == 0) {
    ++stats_.empty_polls;
    return 0;
  }
  in_.give_back();
  ++stats_.receive_bursts;
  stats_.received += count;
  return count;
}

void WireEnd::send(std::span<const Frame> frames) {
  const std::uint64_t sent_before = stats_.sent;
  for (const Frame& frame : frames) {
    WireFrame sent = to_wire(frame);
    if (link_up() && out_.put(sent)) {
      ++stats_.sent;
      stats_.sent_bytes += frame.size;
    } else {
      ++stats_.send_dropped;
    }
    keep(sent.buffer);  // The empty one, or the frame's own when it was dropped.
  }
  if (stats_.sent == sent_before) return;
  out_.publish();
  ++stats_.send_bursts;
}

void WireEnd::free(std::span<const Frame> frames) {
  for (const Frame& frame : frames) keep(to_wire(frame).buffer);
}

bool WireEnd::allocate(Frame& frame) {
  if (stock_.empty()) {
    ++stats_.no_buffers;
    return false;
  }
  frame = {stock_.back(), 0, buffer_bytes_, stock_.back()};
  stock_.pop_back();
  return true;
}

}  // namespace detail

void MemoryWire::Release::operator()(std::byte* memory) const {
  ::operator delete (memory, std::align_val_t{kAlignment});
}

MemoryWire::MemoryWire(const MemoryWireOptions& options) {
  CHECK(options.buffer_bytes >= options.mtu + kEthernetHeaderBytes);
  CHECK(options.spare_buffers > 0);
  MemoryWireOptions rounded = options;
  rounded.buffer_bytes = static_cast<std::uint32_t>(round_up(options.buffer_bytes));
  const std::size_t ring_bytes = options.ring_frames * distance_of(rounded.buffer_bytes);
  const std::size_t stock_bytes = options.spare_buffers * distance_of(rounded.buffer_bytes);
  memory_.reset(static_cast<std::byte*>(
      ::operator new (2 * (ring_bytes + stock_bytes), std::align_val_t{kAlignment})));
  std::byte* at = memory_.get();
  for (auto& ring : rings_) {
    ring = std::make_unique<detail::WireRing>(options.ring_frames, at, rounded.buffer_bytes);
    at += ring_bytes;
  }
  for (std::size_t side = 0; side < ends_.size(); ++side) {
    ends_.at(side) = std::make_unique<detail::WireEnd>(rounded, side, at, *rings_.at(side),
                                                       *rings_.at(1 - side), link_);
    at += stock_bytes;
  }
}

Device& MemoryWire::end(std::size_t side) { return *ends_.at(side); }

}  // namespace backends::dpdk
