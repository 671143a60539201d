// Large memory that is reserved once and becomes real where it is touched: the tables of millions
// of pairs grow in it without moving. In 2 MiB pages when there are any: from the hugetlb pool when
// that is asked for, else transparent ones (madvise), else plain pages; page_kind() says which it
// became. Measured for random pairs among ten million: 22.9 and 18.1 against 12.0 million packets a
// second (facts/dpdk.md, 4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace backends::dpdk::splice_core {

// Of a huge page, from the pool or transparent.
inline constexpr std::size_t kHugePageBytes = std::size_t{2} << 20U;

enum class PageKind : std::uint8_t { kHuge, kTransparent, kPlain };
constexpr std::string_view name_of(PageKind kind) {
  switch (kind) {
    case PageKind::kHuge:
      return "hugetlb";
    case PageKind::kTransparent:
      return "transparent";
    case PageKind::kPlain:
      break;
  }
  return "4 KiB";
}

// What to begin with; what cannot be had is replaced by the next one.
enum class PageWish : std::uint8_t { kHuge, kTransparent, kPlain };

// Sole owner of a mapping. Zeroed where it was not written.
class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  // bytes (above zero) is rounded up to whole pages of the kind it becomes. kHuge takes all of it
  // from the pool now (the pool may be too small: then the next kind); the other two only reserve
  // addresses. Errors: those of mmap(2).
  static base::Result<Mapping> make(std::size_t bytes, PageWish wish);

  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  PageKind page_kind() const { return kind_; }

  // Gives the memory of [begin, end) back; it reads as zeros afterwards. Whole pages inside the
  // range only, of 4 KiB even where they are transparent huge ones: a range that cuts one of those
  // splits it, and its memory comes back with the rest of it. Nothing for kHuge.
  void release(std::size_t begin, std::size_t end);

 private:
  Mapping(std::byte* data, std::size_t size, PageKind kind)
      : data_(data), size_(size), kind_(kind) {}

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  PageKind kind_ = PageKind::kPlain;
};

}  // namespace backends::dpdk::splice_core
