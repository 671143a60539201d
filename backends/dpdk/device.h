// One worker's end of one network port: Ethernet frames in bursts. What DPDK drives (eal/), or a
// wire in memory (memory_device.h). One virtual call for a burst, none for a frame. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace backends::dpdk {

using MacAddress = std::array<std::uint8_t, 6>;

// The most frames of one burst, either way.
inline constexpr std::size_t kBurstMax = 64;

// A frame in the device's memory. Whoever holds it gives it back exactly once: send() or free().
struct Frame {
  std::byte* data = nullptr;  // The first byte of the Ethernet header.
  std::uint32_t size = 0;     // Without the frame check sequence.
  std::uint32_t room = 0;     // Bytes from data that may be written.
  void* buffer = nullptr;     // The device's own name for it.
};

struct DeviceStats {
  std::uint64_t received = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t receive_bursts = 0;  // That had at least one frame.
  std::uint64_t empty_polls = 0;
  std::uint64_t receive_missed = 0;  // By the device: its queue was full.
  std::uint64_t receive_errors = 0;
  std::uint64_t sent = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t send_bursts = 0;
  std::uint64_t send_dropped = 0;  // The device's queue was full.
  std::uint64_t no_buffers = 0;    // allocate() found none.
};

class Device {
 public:
  Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  virtual ~Device() = default;

  virtual std::string_view name() const = 0;
  virtual MacAddress mac() const = 0;
  virtual std::uint16_t mtu() const = 0;  // Of IP packets: 1500 on plain Ethernet.
  virtual bool link_up() = 0;

  // Frames that have arrived, at most frames.size() and kBurstMax. Returns how many.
  virtual std::size_t receive(std::span<Frame> frames) = 0;
  // Takes all of them: those that the device has no room for are dropped and counted.
  virtual void send(std::span<const Frame> frames) = 0;
  virtual void free(std::span<const Frame> frames) = 0;
  // An empty frame with room for mtu() and its Ethernet header. False when there is none.
  virtual bool allocate(Frame& frame) = 0;

  virtual const DeviceStats& stats() = 0;
};

}  // namespace backends::dpdk
