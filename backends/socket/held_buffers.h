// The buffers of one worker: the one that every copy goes through, and those that relays keep while
// a receiver is slow. A relay that has to keep bytes takes the working buffer away as it is, and
// the worker goes on with another one, so bytes are never moved twice.
// Owned by a transport; its worker's thread only.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace backends::socket {

// One read, one write. 64 KiB measured best of 16 to 256 KiB on loopback: larger falls out of the
// second-level cache, smaller asks the kernel more often (docs/benchmarks.md).
inline constexpr std::size_t kBufferBytes = 64UL * 1024;
using Buffer = std::array<std::byte, kBufferBytes>;

class HeldBuffers {
 public:
  HeldBuffers();

  // The working buffer: contents last until the next call of anything here.
  Buffer& working() { return *working_; }

  // Takes the working buffer out for a relay to keep. Null when there is no memory for another.
  std::unique_ptr<Buffer> keep_working();

  void give_back(std::unique_ptr<Buffer> buffer);

 private:
  // Kept for the next slow receiver; the rest goes back to the system. 16 are 1 MiB a worker.
  static constexpr std::size_t kSpareMax = 16;

  std::unique_ptr<Buffer> working_;
  std::vector<std::unique_ptr<Buffer>> spare_;
};

}  // namespace backends::socket
