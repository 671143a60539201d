#include "backends/dpdk/splice_core/tcp_options.h"

#include <algorithm>
#include <array>

#include "backends/dpdk/splice_core/wire.h"
#include "base/assert.h"

namespace backends::dpdk::splice_core {
namespace {

constexpr std::uint8_t kEnd = 0;
constexpr std::uint8_t kNop = 1;
constexpr std::uint8_t kMss = 2;
constexpr std::uint8_t kWindowScale = 3;
constexpr std::uint8_t kSackPermitted = 4;
constexpr std::uint8_t kSack = 5;

// Whole options, kind and length included.
constexpr std::size_t kMssBytes = 4;
constexpr std::size_t kWindowScaleBytes = 3;
constexpr std::size_t kSackPermittedBytes = 2;
constexpr std::size_t kSackBlockBytes = 8;
constexpr std::size_t kHeadBytes = 2;  // Kind and length.

std::uint8_t number(std::byte byte) { return std::to_integer<std::uint8_t>(byte); }

// Goes through options: next() steps onto the one that follows and is false behind the last.
class OptionWalk {
 public:
  explicit OptionWalk(std::span<const std::byte> options) : options_(options) {}

  bool next() {
    at_ += length_;
    while (at_ < options_.size() && number(options_[at_]) == kNop) ++at_;
    if (at_ >= options_.size() || number(options_[at_]) == kEnd) return false;
    const std::size_t space = options_.size() - at_;
    length_ = space < kHeadBytes ? 0 : number(options_[at_ + 1]);
    broken_ = length_ < kHeadBytes || length_ > space;
    return !broken_;
  }
  // Whether it ended at a length that contradicts the space.
  bool broken() const { return broken_; }

  std::uint8_t kind() const { return number(options_[at_]); }
  std::size_t at() const { return at_; }
  std::size_t length() const { return length_; }
  bool is(std::uint8_t kind_wanted, std::size_t length_wanted) const {
    return kind() == kind_wanted && length_ == length_wanted;
  }

 private:
  std::span<const std::byte> options_;
  std::size_t at_ = 0;
  std::size_t length_ = 0;  // Of the option at at_; at least two, so that every step goes on.
  bool broken_ = false;
};

// The blocks of one SACK option.
struct SackBlocks {
  std::uint8_t at = 0;  // Of the first block.
  std::uint8_t count = 0;
};

// All SACK options of a segment. One is what anybody sends; four of one block fill the space.
class SackOptions {
 public:
  static constexpr std::size_t kMax = kTcpOptionsMax / (kHeadBytes + kSackBlockBytes);

  explicit SackOptions(std::span<const std::byte> options) {
    CHECK(options.size() <= kTcpOptionsMax);
    OptionWalk walk(options);
    while (walk.next()) {
      const std::size_t bytes = walk.length() - kHeadBytes;
      if (walk.kind() != kSack || bytes == 0 || bytes % kSackBlockBytes != 0) continue;
      found_[size_++] = {.at = static_cast<std::uint8_t>(walk.at() + kHeadBytes),
                         .count = static_cast<std::uint8_t>(bytes / kSackBlockBytes)};
    }
    if (walk.broken()) size_ = 0;  // Found only now: this is why none is touched before the end.
  }

  std::span<const SackBlocks> all() const { return {found_.data(), size_}; }

 private:
  std::array<SackBlocks, kMax> found_{};
  std::size_t size_ = 0;
};

void shift_blocks(std::span<std::byte> options, SackBlocks blocks, std::uint32_t shift,
                  ChecksumDelta& delta) {
  const bool odd = blocks.at % 2 != 0;
  std::byte* edge = options.data() + blocks.at;
  for (std::size_t left = std::size_t{blocks.count} * 2; left > 0; --left, edge += 4) {
    const auto old_raw = load_raw<std::uint32_t>(edge);
    const std::uint32_t new_raw = swap_bytes(swap_bytes(old_raw) + shift);
    store_raw(edge, new_raw);
    if (odd) {
      delta.replace_odd32(old_raw, new_raw);
    } else {
      delta.replace32(old_raw, new_raw);
    }
  }
}

// NOP NOP SACK and nothing else: what every stack sends that sends no timestamps. None when the
// options are anything else.
SackBlocks only_sack(std::span<const std::byte> options) {
  constexpr std::size_t kFirstBlock = 4;
  constexpr std::byte kNopByte{kNop};
  constexpr std::byte kSackByte{kSack};
  if (options.size() <= kFirstBlock || options[0] != kNopByte || options[1] != kNopByte ||
      options[2] != kSackByte || number(options[3]) != options.size() - kHeadBytes ||
      options.size() % kSackBlockBytes != kFirstBlock) {
    return {};
  }
  return {.at = kFirstBlock,
          .count = static_cast<std::uint8_t>((options.size() - kFirstBlock) / kSackBlockBytes)};
}

void blank_blocks(std::span<std::byte> options, SackBlocks blocks, ChecksumDelta& delta) {
  const std::size_t begin = blocks.at - kHeadBytes;
  const std::size_t end = blocks.at + blocks.count * kSackBlockBytes;
  for (std::size_t i = begin; i < end; ++i) {
    const std::uint32_t place = i % 2 * 8;  // Raw words have their second byte on top.
    delta.replace16(static_cast<std::uint16_t>(number(options[i]) << place),
                    static_cast<std::uint16_t>(kNop << place));
    options[i] = std::byte{kNop};
  }
}

}  // namespace

std::optional<SynOptions> parse_syn_options(std::span<const std::byte> options) {
  SynOptions found;
  OptionWalk walk(options);
  while (walk.next()) {
    const std::byte* value = options.data() + walk.at() + kHeadBytes;
    if (walk.is(kMss, kMssBytes)) {
      found.mss = load16(value);
    } else if (walk.is(kWindowScale, kWindowScaleBytes)) {
      found.window_scale = std::min(number(*value), kWindowScaleMax);
    } else if (walk.is(kSackPermitted, kSackPermittedBytes)) {
      found.sack = true;
    }
  }
  if (walk.broken()) return std::nullopt;
  return found;
}

std::size_t write_syn_options(std::byte* at, const SynOptions& offered) {
  CHECK(offered.window_scale <= kNoWindowScale);
  std::size_t size = 0;
  const auto put = [at, &size](std::size_t byte) { at[size++] = static_cast<std::byte>(byte); };
  if (offered.mss != 0) {
    put(kMss);
    put(kMssBytes);
    store16(at + size, offered.mss);
    size += sizeof(offered.mss);
  }
  if (offered.sack) {
    put(kSackPermitted);
    put(kSackPermittedBytes);
  }
  if (offered.window_scale != kNoWindowScale) {
    put(kWindowScale);
    put(kWindowScaleBytes);
    put(offered.window_scale);
  }
  while (size % 4 != 0) put(kNop);
  return size;
}

std::size_t shift_sack(std::span<std::byte> options, std::uint32_t shift, ChecksumDelta& delta) {
  if (options.empty()) return 0;
  const SackBlocks only = only_sack(options);
  if (only.count != 0) {
    shift_blocks(options, only, shift, delta);
    return only.count;
  }
  std::size_t blocks = 0;
  const SackOptions sack(options);
  for (const SackBlocks& one : sack.all()) {
    shift_blocks(options, one, shift, delta);
    blocks += one.count;
  }
  return blocks;
}

std::size_t blank_sack(std::span<std::byte> options, ChecksumDelta& delta) {
  std::size_t blocks = 0;
  const SackOptions sack(options);
  for (const SackBlocks& one : sack.all()) {
    blank_blocks(options, one, delta);
    blocks += one.count;
  }
  return blocks;
}

}  // namespace backends::dpdk::splice_core
