// The buffers of one worker: the one that every copy goes through, and those that relays keep while
// a receiver is slow. A relay that has to keep bytes takes the working buffer away as it is, and
// the worker goes on with another one, so bytes are never moved twice.
// Owned by a transport; its worker's thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace backends::socket {

// One read, one write. 64 KiB measured best of 16 to 256 KiB on loopback: larger falls out of the
// second-level cache, smaller asks the kernel more often (docs/benchmarks.md).
inline constexpr std::size_t kBufferBytes = 64UL * 1024;

struct Buffer {
  std::array<std::byte, kBufferBytes> bytes;
  // Of kept bytes: which of them are still to be sent, and where those behind them are.
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::unique_ptr<Buffer> next;

  std::span<const std::byte> unsent() const { return std::span(bytes).subspan(begin, end - begin); }
};

class HeldBuffers {
 public:
  HeldBuffers();

  // The working buffer: contents last until the next call of anything here.
  std::array<std::byte, kBufferBytes>& working() { return working_->bytes; }

  // Takes bytes [begin, end) of the working buffer out for a relay to keep. Null when there is no
  // memory for another working buffer.
  std::unique_ptr<Buffer> keep_working(std::size_t begin, std::size_t end);

  // Copies bytes behind those that a relay keeps; kept may be null. False: no memory for all of
  // them.
  bool append(std::unique_ptr<Buffer>& kept, std::span<const std::byte> bytes);

  // The first buffer only; the result is what was behind it.
  std::unique_ptr<Buffer> give_back(std::unique_ptr<Buffer> buffer);

 private:
  // Kept for the next slow receiver; the rest goes back to the system. 16 are 1 MiB a worker.
  static constexpr std::size_t kSpareMax = 16;

  std::unique_ptr<Buffer> spare_or_new();

  std::unique_ptr<Buffer> working_;
  std::vector<std::unique_ptr<Buffer>> spare_;
};

}  // namespace backends::socket
