// The index against a multimap, with the growth of the table in between: what is put in is found,
// in whichever of the two tables it is just now, and nothing else is.
#include "backends/dpdk/splice_core/flow_index.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <unordered_map>
#include <vector>

#include "base/fd.h"
#include "base/prng.h"

namespace {

using backends::dpdk::splice_core::FlowIndex;
using backends::dpdk::splice_core::PageWish;

constexpr std::uint32_t kNothing = FlowIndex::kNothing;

struct Entry {
  std::uint32_t hash = 0;
  std::uint32_t reference = 0;
};

bool has(const FlowIndex& index, const Entry& entry) {
  return index.find(entry.hash, [&](std::uint32_t reference) {
    return reference == entry.reference;
  }) == entry.reference;
}

// An index and what must be in it.
class Walk {
 public:
  Walk(std::uint64_t seed, std::size_t entries_max)
      : prng_(seed), index_(entries_max, PageWish::kPlain) {}

  FlowIndex& index() { return index_; }
  const std::vector<Entry>& entries() const { return entries_; }

  void insert(std::uint32_t hash) {
    const Entry entry{hash, next_reference_++};
    ASSERT_TRUE(index_.insert(entry.hash, entry.reference));
    entries_.push_back(entry);
    model_.emplace(entry.hash, entry.reference);
  }

  void remove_one() {
    const std::size_t at = prng_.below(entries_.size());
    const Entry entry = entries_[at];
    index_.remove(entry.hash, entry.reference);
    forget(entry);
    entries_[at] = entries_.back();
    entries_.pop_back();
    ASSERT_FALSE(has(index_, entry));
  }

  void replace_one() {
    Entry& entry = entries_[prng_.below(entries_.size())];
    forget(entry);
    const std::uint32_t fresh = next_reference_++;
    index_.replace(entry.hash, entry.reference, fresh);
    ASSERT_FALSE(has(index_, entry));
    entry.reference = fresh;
    model_.emplace(entry.hash, entry.reference);
    ASSERT_TRUE(has(index_, entry));
  }

  // All that the index says about one hash is what the model says.
  void expect_same(std::uint32_t hash) {
    std::vector<std::uint32_t> found;
    EXPECT_EQ(index_.find(hash,
                          [&](std::uint32_t reference) {
                            found.push_back(reference);
                            return false;
                          }),
              kNothing);
    std::vector<std::uint32_t> expected;
    const auto [first, last] = model_.equal_range(hash);
    for (auto at = first; at != last; ++at) expected.push_back(at->second);
    EXPECT_EQ(index_.peek(hash), found.empty() ? kNothing : found.front());
    std::sort(found.begin(), found.end());
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(found, expected) << "hash " << hash;
  }

  void expect_same_everywhere() {
    ASSERT_EQ(index_.size(), entries_.size());
    for (const Entry& entry : entries_) {
      expect_same(entry.hash);
      if (testing::Test::HasFatalFailure()) return;
    }
  }

 private:
  void forget(const Entry& entry) {
    const auto [first, last] = model_.equal_range(entry.hash);
    model_.erase(std::find_if(first, last,
                              [&](const auto& pair) { return pair.second == entry.reference; }));
  }

  base::Prng prng_;
  FlowIndex index_;
  std::unordered_multimap<std::uint32_t, std::uint32_t> model_;
  std::vector<Entry> entries_;
  std::uint32_t next_reference_ = 0;
};

// Hashes of several manners: anywhere, at both ends, in heaps and in tight ranges.
std::uint32_t some_hash(base::Prng& prng) {
  const auto anywhere = static_cast<std::uint32_t>(prng.next() >> 32U);
  switch (prng.below(12)) {
    case 0:
      return prng.chance(100) ? 0U : anywhere;
    case 1:
      return prng.chance(100) ? 0xffffffffU : anywhere;
    case 2:  // A few dozens of entries of one hash.
      return static_cast<std::uint32_t>(prng.below(60)) * 0x04000000U;
    case 3:  // The end of the table, into its tail.
      return 0xffffffffU - static_cast<std::uint32_t>(prng.below(1U << 20U)) * 16U;
    case 4:  // Long clusters.
      return 0x80000000U + static_cast<std::uint32_t>(prng.below(1U << 22U));
    default:
      return anywhere;
  }
}

void walk(std::uint64_t seed, std::size_t entries) {
  Walk walk(seed, entries);
  base::Prng prng(seed + 1000);
  std::size_t steps_of_growth = 0;
  while (walk.index().size() < entries) {
    const std::uint64_t what = prng.below(10);
    if (what < 6 || walk.entries().size() < 10) {
      walk.insert(some_hash(prng));
    } else if (what < 8) {
      walk.remove_one();
    } else {
      walk.replace_one();
    }
    if (walk.index().growing()) ++steps_of_growth;
    walk.expect_same(some_hash(prng));
    walk.expect_same(walk.entries()[prng.below(walk.entries().size())].hash);
    if (walk.index().growing() && prng.chance(2)) walk.expect_same_everywhere();
    if (testing::Test::HasFatalFailure()) return;
  }
  walk.expect_same_everywhere();
  EXPECT_GT(steps_of_growth, 50U);
  while (!walk.entries().empty() && !testing::Test::HasFatalFailure()) walk.remove_one();
  EXPECT_EQ(walk.index().size(), 0U);
}

TEST(FlowIndex, KnowsWhatAMultimapKnowsAtEveryStepOfItsGrowth) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    walk(seed, 8'000);
    if (HasFatalFailure()) return;
  }
}

TEST(FlowIndex, FindsNothingWhereNothingIs) {
  const FlowIndex index(10, PageWish::kPlain);
  for (const std::uint32_t hash : {0U, 1U, 0x80000000U, 0xffffffffU}) {
    EXPECT_EQ(index.peek(hash), kNothing);
    index.prefetch(hash);
  }
  EXPECT_EQ(index.size(), 0U);
}

TEST(FlowIndex, TakesTheFirstAndTheLastHashAndTheFirstAndTheLastReference) {
  FlowIndex index(10, PageWish::kPlain);
  const std::array<Entry, 4> entries = {Entry{0, 0}, Entry{0, 0xfffffffe}, Entry{0xffffffff, 0},
                                        Entry{0xffffffff, 0xfffffffe}};
  for (const Entry& entry : entries) ASSERT_TRUE(index.insert(entry.hash, entry.reference));
  for (const Entry& entry : entries) EXPECT_TRUE(has(index, entry));
  for (const Entry& entry : entries) index.remove(entry.hash, entry.reference);
  EXPECT_EQ(index.size(), 0U);
  EXPECT_EQ(index.peek(0), kNothing);
  EXPECT_EQ(index.peek(0xffffffff), kNothing);
}

TEST(FlowIndex, AsksAboutEveryEntryOfAHashUntilOneMatches) {
  FlowIndex index(100, PageWish::kPlain);
  for (std::uint32_t reference = 0; reference < 40; ++reference) {
    ASSERT_TRUE(index.insert(0xffffffff, reference));
    ASSERT_TRUE(index.insert(0xfffffffe, reference + 1000));
  }
  for (std::uint32_t reference = 0; reference < 40; ++reference) {
    EXPECT_TRUE(has(index, {0xffffffff, reference}));
    EXPECT_TRUE(has(index, {0xfffffffe, reference + 1000}));
    EXPECT_FALSE(has(index, {0xffffffff, reference + 1000}));
  }
}

TEST(FlowIndex, SaysNoWhenItIsFullAndYesWhenOneHasLeft) {
  FlowIndex index(5000, PageWish::kPlain);
  base::Prng prng(3);
  std::vector<Entry> entries;
  for (std::uint32_t reference = 0; reference < 5000; ++reference) {
    entries.push_back({static_cast<std::uint32_t>(prng.next()), reference});
    ASSERT_TRUE(index.insert(entries.back().hash, reference));
  }
  EXPECT_FALSE(index.insert(1, 5000));
  EXPECT_EQ(index.size(), 5000U);
  for (const Entry& entry : entries) EXPECT_TRUE(has(index, entry));
  index.remove(entries[17].hash, 17);
  EXPECT_TRUE(index.insert(1, 5000));
  EXPECT_FALSE(index.insert(2, 5001));
}

TEST(FlowIndex, HoldsNothingWhenNothingIsAllowed) {
  FlowIndex index(0, PageWish::kPlain);
  EXPECT_FALSE(index.insert(1, 1));
}

// No hash of a flow does this, because it has a secret; the bound is there all the same.
TEST(FlowIndex, RefusesTheHeapThatWouldMakeEveryProbeLong) {
  for (const std::uint32_t hash : {0U, 0x80000000U, 0xffffffffU}) {
    FlowIndex index(100'000, PageWish::kPlain);
    std::uint32_t taken = 0;
    while (taken < 100'000 && index.insert(hash, taken)) ++taken;
    EXPECT_GE(taken, FlowIndex::kProbesMax);
    EXPECT_LE(taken, 2 * FlowIndex::kProbesMax);
    EXPECT_EQ(index.size(), taken);
    for (std::uint32_t reference = 0; reference < taken; ++reference) {
      EXPECT_TRUE(has(index, {hash, reference}));
    }
    // The rest goes on, through more growths.
    base::Prng prng(hash);
    std::vector<Entry> others;
    for (std::uint32_t reference = taken; reference < 20'000; ++reference) {
      const Entry entry{static_cast<std::uint32_t>(prng.next()), reference};
      if (index.insert(entry.hash, reference)) others.push_back(entry);
    }
    EXPECT_GT(others.size(), 10'000U);
    for (const Entry& entry : others) EXPECT_TRUE(has(index, entry));
    for (std::uint32_t reference = 0; reference < taken; ++reference) {
      EXPECT_TRUE(has(index, {hash, reference}));
    }
  }
}

TEST(FlowIndex, EndsAGrowthBeforeTheNextOneAndGrowsByAQuarter) {
  FlowIndex index(1'000'000, PageWish::kPlain);
  base::Prng prng(9);
  bool before = false;
  std::size_t places = index.places();
  std::size_t growths = 0;
  for (std::uint32_t reference = 0; reference < 300'000; ++reference) {
    ASSERT_TRUE(index.insert(static_cast<std::uint32_t>(prng.next()), reference));
    ASSERT_LE(index.size() * 4, index.places() * 3 + 4);
    if (index.places() != places) {
      ASSERT_FALSE(before) << "a growth began while another one was under way";
      ASSERT_TRUE(index.growing());
      EXPECT_EQ(index.places(), places + places / 4);
      places = index.places();
      ++growths;
    }
    before = index.growing();
  }
  EXPECT_GT(growths, 20U);
}

TEST(FlowIndex, NeedsAtMost13Point4BytesForAnEntryOnceItHasGrown) {
  FlowIndex index(1'000'000, PageWish::kPlain);
  base::Prng prng(11);
  for (std::uint32_t reference = 0; reference < 400'000; ++reference) {
    ASSERT_TRUE(index.insert(static_cast<std::uint32_t>(prng.next()), reference));
    if (index.places() == 1024) continue;
    ASSERT_LE(static_cast<double>(index.places() * 8), 13.4 * static_cast<double>(index.size()));
  }
}

TEST(FlowIndex, MakesNoLargerTableThanItsLastEntryNeeds) {
  FlowIndex index(100'000, PageWish::kPlain);
  base::Prng prng(12);
  for (std::uint32_t reference = 0; reference < 100'000; ++reference) {
    ASSERT_TRUE(index.insert(static_cast<std::uint32_t>(prng.next()), reference));
  }
  EXPECT_LE(index.places(), 133'335U);
}

// Without a stream: the address sanitizer keeps freed buffers, which would be measured too.
std::size_t resident_bytes() {
  const base::UniqueFd file(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  std::array<char, 128> text{};
  EXPECT_GT(::read(file.get(), text.data(), text.size() - 1), 0);
  const char* const second = std::strchr(text.data(), ' ');
  const auto pages = second == nullptr ? 0 : std::strtoull(second, nullptr, 10);
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// Without giving the old table back, the memory at the end of a walk would be 1.8 times as much.
TEST(FlowIndex, GivesTheOldTableBackWhileItMovesOutOfIt) {
  constexpr std::size_t kSlack = std::size_t{8} << 20U;  // Begun huge pages of both tables.
  for (const PageWish wish : {PageWish::kPlain, PageWish::kTransparent}) {
    FlowIndex index(3'000'000, wish);
    base::Prng prng(13);
    const std::size_t at_first = resident_bytes();
    std::size_t most = 0;
    for (std::uint32_t reference = 0; reference < 2'000'000; ++reference) {
      ASSERT_TRUE(index.insert(static_cast<std::uint32_t>(prng.next()), reference));
      const std::size_t bound = index.places() * 8 + kSlack;
      ASSERT_LE(index.memory_bytes(), bound);
      if (reference % 4096 != 0) continue;
      most = std::max(most, resident_bytes() - at_first);
      ASSERT_LE(resident_bytes() - at_first, bound);
    }
    EXPECT_GT(most, index.places() * 7) << "or this test measures nothing";
  }
}

TEST(FlowIndexDeathTest, RemovesNothingThatIsNotThere) {
  FlowIndex index(10, PageWish::kPlain);
  ASSERT_TRUE(index.insert(5, 1));
  EXPECT_DEATH(index.remove(5, 2), "kEmpty");
  EXPECT_DEATH(index.replace(6, 1, 2), "kEmpty");
}

TEST(FlowIndexDeathTest, TakesNoReferenceThatMeansNothing) {
  FlowIndex index(10, PageWish::kPlain);
  EXPECT_DEATH(index.insert(5, kNothing), "kNothing");
}

}  // namespace
