// When a direction of a relay changes between copying and splicing. Shared by the kernel engines;
// one byte pair a direction.
//
// Splice costs more than recv + send for a small piece and a third of it for a large one, so a
// direction is spliced only after it has shown that it moves bulk, and copied again when it stops.
#pragma once

#include <cstddef>
#include <cstdint>

namespace backends::socket {

class BulkRule {
 public:
  // A read of at least this many bytes counts as bulk, in either mode.
  static constexpr std::size_t kBulkRead = 32UL * 1024;
  // So many bulk reads in a row promote,
  static constexpr std::uint8_t kPromoteAfter = 3;
  // and so many smaller ones in a row demote.
  static constexpr std::uint8_t kSmallRead = 8;

  bool bulk() const { return mode_ == Mode::kBulk; }

  // After one read and the write of all of it. True when the mode changed.
  bool moved(std::size_t bytes) {
    switch (mode_) {
      case Mode::kCopy:
        streak_ = bytes >= kBulkRead ? static_cast<std::uint8_t>(streak_ + 1) : std::uint8_t{0};
        return streak_ >= kPromoteAfter && change(Mode::kBulk);
      case Mode::kBulk:
        streak_ = bytes < kBulkRead ? static_cast<std::uint8_t>(streak_ + 1) : std::uint8_t{0};
        return streak_ >= kSmallRead && change(Mode::kCopy);
      case Mode::kRefused:
        return false;
    }
    return false;
  }

  // No pipe to be had: copy, and earn the next try with bulk reads again.
  void no_pipe() { change(Mode::kCopy); }

  // This pair of sockets cannot splice: copy for ever.
  void refuse() { change(Mode::kRefused); }
  bool refused() const { return mode_ == Mode::kRefused; }

 private:
  enum class Mode : std::uint8_t { kCopy, kBulk, kRefused };

  bool change(Mode mode) {
    mode_ = mode;
    streak_ = 0;
    return true;
  }

  Mode mode_ = Mode::kCopy;
  std::uint8_t streak_ = 0;
};

}  // namespace backends::socket
