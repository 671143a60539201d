// What the kernel is promised to do with large memory: zeros at first, addresses before memory,
// and memory that goes back.
#include "backends/dpdk/splice_core/memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace {

using backends::dpdk::splice_core::kHugePageBytes;
using backends::dpdk::splice_core::Mapping;
using backends::dpdk::splice_core::name_of;
using backends::dpdk::splice_core::PageKind;
using backends::dpdk::splice_core::PageWish;

constexpr std::size_t kPage = 4096;
constexpr PageWish kWishes[] = {PageWish::kHuge, PageWish::kTransparent, PageWish::kPlain};

Mapping made(std::size_t bytes, PageWish wish) {
  auto mapping = Mapping::make(bytes, wish);
  EXPECT_TRUE(mapping.has_value());
  return mapping ? std::move(*mapping) : Mapping();
}

// Pages of the mapping that are memory.
std::size_t resident_pages(const Mapping& mapping) {
  std::vector<unsigned char> pages(mapping.size() / kPage);
  EXPECT_EQ(::mincore(mapping.data(), mapping.size(), pages.data()), 0);
  return static_cast<std::size_t>(
      std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return page % 2 == 1; }));
}

TEST(Mapping, IsZeroAndCanBeWrittenToItsLastByte) {
  for (const PageWish wish : kWishes) {
    const Mapping mapping = made(3 * kPage + 1, wish);
    ASSERT_GE(mapping.size(), 4 * kPage);
    for (std::size_t at = 0; at < mapping.size(); at += kPage) {
      EXPECT_EQ(mapping.data()[at], std::byte{0});
    }
    mapping.data()[mapping.size() - 1] = std::byte{7};
    EXPECT_EQ(mapping.data()[mapping.size() - 1], std::byte{7});
  }
}

TEST(Mapping, IsRoundedUpToWholePagesOfItsKind) {
  EXPECT_EQ(made(1, PageWish::kPlain).size(), kPage);
  EXPECT_EQ(made(kPage, PageWish::kPlain).size(), kPage);
  EXPECT_EQ(made(kPage + 1, PageWish::kPlain).size(), 2 * kPage);
  const Mapping larger = made(kHugePageBytes + 1, PageWish::kTransparent);
  const bool transparent = larger.page_kind() == PageKind::kTransparent;
  EXPECT_EQ(larger.size(), transparent ? 2 * kHugePageBytes : kHugePageBytes + kPage);
}

TEST(Mapping, BeginsWhereAHugePageCanBegin) {
  const Mapping first = made(kHugePageBytes, PageWish::kTransparent);
  const Mapping second = made(3 * kHugePageBytes, PageWish::kTransparent);
  if (first.page_kind() != PageKind::kTransparent) GTEST_SKIP() << "no transparent pages here";
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first.data()) % kHugePageBytes, 0U);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(second.data()) % kHugePageBytes, 0U);
}

TEST(Mapping, IsAlwaysHadWhenThePoolOfHugePagesIsTooSmall) {
  // More than any pool of a test machine: the next kind takes its place.
  const Mapping mapping = made(std::size_t{1} << 40U, PageWish::kHuge);
  EXPECT_NE(mapping.page_kind(), PageKind::kHuge);
  EXPECT_NE(mapping.data(), nullptr);
}

TEST(Mapping, SaysWhyThereAreNoAddresses) {
  for (const PageWish wish : kWishes) {
    const auto mapping = Mapping::make(std::size_t{1} << 60U, wish);
    ASSERT_FALSE(mapping.has_value());
    EXPECT_EQ(mapping.error(), base::Errno{ENOMEM});
  }
}

TEST(Mapping, BecomesMemoryOnlyWhereItIsTouched) {
  const Mapping mapping = made(64 * kPage, PageWish::kPlain);
  EXPECT_EQ(resident_pages(mapping), 0U);
  mapping.data()[10 * kPage] = std::byte{1};
  mapping.data()[20 * kPage] = std::byte{1};
  EXPECT_EQ(resident_pages(mapping), 2U);
}

TEST(Mapping, GivesTheWholePagesOfARangeBack) {
  Mapping mapping = made(8 * kPage, PageWish::kPlain);
  std::fill(mapping.data(), mapping.data() + mapping.size(), std::byte{1});
  mapping.release(kPage + 1, 5 * kPage - 1);  // Pages 2 and 3 are whole in it.
  EXPECT_EQ(resident_pages(mapping), 6U);
  EXPECT_EQ(mapping.data()[2 * kPage - 1], std::byte{1});
  EXPECT_EQ(mapping.data()[2 * kPage], std::byte{0});
  EXPECT_EQ(mapping.data()[4 * kPage - 1], std::byte{0});
  EXPECT_EQ(mapping.data()[4 * kPage], std::byte{1});
}

TEST(Mapping, GivesNothingBackForARangeWithoutAWholePage) {
  Mapping mapping = made(2 * kPage, PageWish::kPlain);
  std::fill(mapping.data(), mapping.data() + mapping.size(), std::byte{1});
  mapping.release(1, 2 * kPage - 1);
  mapping.release(kPage, kPage);
  EXPECT_EQ(resident_pages(mapping), 2U);
}

TEST(Mapping, GivesATransparentHugePageBack) {
  Mapping mapping = made(2 * kHugePageBytes, PageWish::kTransparent);
  std::fill(mapping.data(), mapping.data() + mapping.size(), std::byte{1});
  mapping.release(0, kHugePageBytes);
  EXPECT_EQ(resident_pages(mapping), kHugePageBytes / kPage);
  EXPECT_EQ(mapping.data()[kHugePageBytes - 1], std::byte{0});
  EXPECT_EQ(mapping.data()[kHugePageBytes], std::byte{1});
}

TEST(Mapping, MovesWithItsMemory) {
  Mapping first = made(kPage, PageWish::kPlain);
  first.data()[5] = std::byte{5};
  std::byte* const data = first.data();
  Mapping second(std::move(first));
  EXPECT_EQ(second.data(), data);
  EXPECT_EQ(first.data(), nullptr);  // NOLINT(bugprone-use-after-move): that is the promise.
  EXPECT_EQ(first.size(), 0U);
  Mapping third = made(2 * kPage, PageWish::kPlain);
  third = std::move(second);
  EXPECT_EQ(third.data()[5], std::byte{5});
  EXPECT_EQ(third.size(), kPage);
}

TEST(Mapping, IsUnmappedWhenItGoes) {
  std::byte* data = nullptr;
  {
    const Mapping mapping = made(kPage, PageWish::kPlain);
    data = mapping.data();
  }
  unsigned char page = 0;
  EXPECT_EQ(::mincore(data, kPage, &page), -1);
  EXPECT_EQ(errno, ENOMEM);
}

TEST(MappingDeathTest, ReleasesNothingBeyondItsEnd) {
  Mapping mapping = made(kPage, PageWish::kPlain);
  EXPECT_DEATH(mapping.release(0, kPage + 1), "end <= size_");
}

TEST(PageKind, HasANameForTheOperator) {
  EXPECT_EQ(name_of(PageKind::kHuge), "hugetlb");
  EXPECT_EQ(name_of(PageKind::kTransparent), "transparent");
  EXPECT_EQ(name_of(PageKind::kPlain), "4 KiB");
}

}  // namespace
