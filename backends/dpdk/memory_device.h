// A wire in memory: two Device ends joined by two rings of frames, for tests and measurements that
// need no network card. Each end belongs to one thread, which may be two different ones.
//
// No frame is copied. A place of a ring always holds a buffer: sending puts the full one there and
// takes the empty one that lay in it, receiving takes the full one and leaves an empty one. So each
// end keeps its number of buffers, and none has to travel back to another thread's stock.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "backends/dpdk/device.h"

namespace backends::dpdk {

struct MemoryWireOptions {
  std::size_t ring_frames = 1024;     // On the way, each direction. A power of two.
  std::size_t spare_buffers = 1024;   // Each end's stock: frames that its holder may have at once.
  std::uint32_t buffer_bytes = 2048;  // At least mtu and an Ethernet header.
  std::uint16_t mtu = 1500;
  std::array<std::string, 2> names = {"wire0", "wire1"};
  std::array<MacAddress, 2> macs = {MacAddress{2, 0, 0, 0, 0, 1}, MacAddress{2, 0, 0, 0, 0, 2}};
};

namespace detail {

// One place of a ring.
struct WireFrame {
  std::byte* buffer = nullptr;
  std::uint32_t offset = 0;  // Of the frame's first byte.
  std::uint32_t size = 0;
};

// One direction. The sender owns the places from tail on, the receiver those from head to tail.
class WireRing {
 public:
  // `buffers`: one for each place, one after the other.
  WireRing(std::size_t places, std::byte* buffers, std::uint32_t buffer_bytes);

  // The sender's thread. `frame` goes onto the wire and becomes the empty buffer that lay there.
  // False when the ring is full. publish() shows the receiver all that was put.
  bool put(WireFrame& frame);
  void publish() { tail_.store(put_, std::memory_order_release); }

  // The receiver's thread: exchanges `empty` for the oldest frame. False when there is none.
  // give_back() lets the sender use the places again.
  bool take(WireFrame& empty);
  void give_back() { head_.store(taken_, std::memory_order_release); }

 private:
  static constexpr std::size_t kCacheLine = 64;

  std::vector<WireFrame> places_;
  std::size_t mask_;
  // Each side's line holds its own position and the last one it saw of the other.
  alignas(kCacheLine) std::atomic<std::size_t> tail_{0};
  std::size_t put_ = 0;
  std::size_t head_seen_ = 0;
  alignas(kCacheLine) std::atomic<std::size_t> head_{0};
  std::size_t taken_ = 0;
  std::size_t tail_seen_ = 0;
};

class WireEnd final : public Device {
 public:
  WireEnd(const MemoryWireOptions& options, std::size_t side, std::byte* buffers, WireRing& out,
          WireRing& in, const std::atomic<bool>& link);

  std::string_view name() const override { return name_; }
  MacAddress mac() const override { return mac_; }
  std::uint16_t mtu() const override { return mtu_; }
  bool link_up() override { return link_.load(std::memory_order_relaxed); }
  std::size_t receive(std::span<Frame> frames) override;
  void send(std::span<const Frame> frames) override;
  void free(std::span<const Frame> frames) override;
  bool allocate(Frame& frame) override;
  const DeviceStats& stats() override { return stats_; }

 private:
  WireFrame to_wire(const Frame& frame) const;
  void keep(std::byte* buffer);

  std::string name_;
  MacAddress mac_;
  std::uint16_t mtu_;
  std::uint32_t buffer_bytes_;
  std::size_t stock_max_;
  std::vector<std::byte*> stock_;  // Last in, first out: the buffer still in the cache is next.
  WireRing& out_;
  WireRing& in_;
  const std::atomic<bool>& link_;
  DeviceStats stats_;
};

}  // namespace detail

class MemoryWire {
 public:
  explicit MemoryWire(const MemoryWireOptions& options);
  MemoryWire(const MemoryWire&) = delete;
  MemoryWire& operator=(const MemoryWire&) = delete;

  // side: 0 or 1. Lives as long as the wire. receive() gives nothing while the end's stock is
  // empty: the frames wait on the wire. A full ring drops what is sent and counts send_dropped.
  Device& end(std::size_t side);

  // Any thread. While the link is down, what is sent is dropped and counted, and nothing arrives;
  // what was under way arrives when it is up again.
  void set_link(bool up) { link_.store(up, std::memory_order_relaxed); }

 private:
  struct Release {
    void operator()(std::byte* memory) const;
  };

  std::unique_ptr<std::byte, Release> memory_;  // The buffers of both rings and both stocks.
  std::atomic<bool> link_{true};
  std::array<std::unique_ptr<detail::WireRing>, 2> rings_;  // By the side that sends.
  std::array<std::unique_ptr<detail::WireEnd>, 2> ends_;
};

}  // namespace backends::dpdk
