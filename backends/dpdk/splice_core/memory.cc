#include "backends/dpdk/splice_core/memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "base/assert.h"
#include "base/fd.h"

namespace backends::dpdk::splice_core {

namespace {

constexpr int kProtection = PROT_READ | PROT_WRITE;
constexpr int kHugeFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (21 << MAP_HUGE_SHIFT);
constexpr int kReservedFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

std::size_t small_page_bytes() {
  static const auto kBytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return kBytes;
}

constexpr std::size_t rounded_down(std::size_t bytes, std::size_t unit) {
  return bytes / unit * unit;
}

constexpr std::size_t rounded_up(std::size_t bytes, std::size_t unit) {
  return rounded_down(bytes + unit - 1, unit);
}

// madvise(MADV_HUGEPAGE) succeeds without effect when the operator has switched the pages off.
bool transparent_pages_are_off() {
  constexpr const char* kPath = "/sys/kernel/mm/transparent_hugepage/enabled";
  const base::UniqueFd file(::open(kPath, O_RDONLY | O_CLOEXEC));
  std::array<char, 64> text{};
  const ssize_t length = file ? ::read(file.get(), text.data(), text.size()) : -1;
  if (length <= 0) return false;
  const std::string_view words(text.data(), static_cast<std::size_t>(length));
  return words.find("[never]") != std::string_view::npos;
}

// Addresses that begin at a multiple of a huge page, because the kernel puts one only there: asks
// for one page more and gives back what is before and behind. size is whole huge pages.
std::byte* reserve_aligned(std::size_t size) {
  void* const memory = ::mmap(nullptr, size + kHugePageBytes, kProtection, kReservedFlags, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  auto* const begin = static_cast<std::byte*>(memory);
  const std::size_t behind = reinterpret_cast<std::uintptr_t>(memory) % kHugePageBytes;
  const std::size_t before = behind == 0 ? 0 : kHugePageBytes - behind;
  if (before != 0) CHECK(::munmap(begin, before) == 0);
  CHECK(::munmap(begin + before + size, kHugePageBytes - before) == 0);
  return begin + before;
}

}  // namespace

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      kind_(std::exchange(other.kind_, PageKind::kPlain)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  Mapping taken(std::move(other));
  std::swap(data_, taken.data_);
  std::swap(size_, taken.size_);
  std::swap(kind_, taken.kind_);
  return *this;
}

Mapping::~Mapping() {
  if (data_ != nullptr) CHECK(::munmap(data_, size_) == 0);
}

base::Result<Mapping> Mapping::make(std::size_t bytes, PageWish wish) {
  if (wish == PageWish::kHuge) {
    const std::size_t size = rounded_up(bytes, kHugePageBytes);
    void* const memory = ::mmap(nullptr, size, kProtection, kHugeFlags, -1, 0);
    if (memory != MAP_FAILED) {
      return Mapping(static_cast<std::byte*>(memory), size, PageKind::kHuge);
    }
  }
  if (wish != PageWish::kPlain && !transparent_pages_are_off()) {
    const std::size_t size = rounded_up(bytes, kHugePageBytes);
    std::byte* const memory = reserve_aligned(size);
    if (memory == nullptr) return base::failure_of_errno();
    const bool advised = ::madvise(memory, size, MADV_HUGEPAGE) == 0;  // No: a kernel without them.
    return Mapping(memory, size, advised ? PageKind::kTransparent : PageKind::kPlain);
  }
  const std::size_t size = rounded_up(bytes, small_page_bytes());
  void* const memory = ::mmap(nullptr, size, kProtection, kReservedFlags, -1, 0);
  if (memory == MAP_FAILED) return base::failure_of_errno();
  // So that it is plain where the operator gives transparent pages to everybody. A kernel that has
  // none says EINVAL, which changes nothing.
  static_cast<void>(::madvise(memory, size, MADV_NOHUGEPAGE));
  return Mapping(static_cast<std::byte*>(memory), size, PageKind::kPlain);
}

void Mapping::release(std::size_t begin, std::size_t end) {
  CHECK(begin <= end && end <= size_);
  if (kind_ == PageKind::kHuge) return;
  const std::size_t first = rounded_up(begin, small_page_bytes());
  const std::size_t last = rounded_down(end, small_page_bytes());
  if (first >= last) return;
  CHECK(::madvise(data_ + first, last - first, MADV_DONTNEED) == 0);
}

}  // namespace backends::dpdk::splice_core
