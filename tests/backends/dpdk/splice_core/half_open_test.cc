// Half-open clients: who is due when, and that the table holds what it says it does.
#include "backends/dpdk/splice_core/half_open.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "base/prng.h"

namespace {

using backends::dpdk::splice_core::HalfOpen;
using backends::dpdk::splice_core::HalfOpenTable;
using backends::dpdk::splice_core::HashSecret;
using backends::dpdk::splice_core::Ip4;
using backends::dpdk::splice_core::Ip6;
using base::Nanos;
using namespace std::chrono_literals;

constexpr HashSecret kSecret = {{0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb}};
constexpr Nanos kSyn = 1000s;

Ip4 address(std::uint32_t number, const Ip4&) { return {number}; }
Ip6 address(std::uint32_t number, const Ip6&) { return {{0x20010db8, number}}; }

template <typename Ip>
HalfOpen<Ip> entry(std::uint32_t number) {
  HalfOpen<Ip> made;
  made.flow = {address(number, Ip{}), address(7, Ip{}), static_cast<std::uint16_t>(number), 443};
  made.client_isn = number * 3;
  made.cookie = number * 5;
  made.hop = static_cast<std::uint16_t>(number % 9);
  made.sack = number % 2 == 0;
  made.window_scale = number % 3 == 0;
  return made;
}

template <typename Ip>
std::uint32_t number_of(const HalfOpen<Ip>& found) {
  return found.client_isn / 3;
}

// The numbers of all that are due, in their order.
template <typename Ip>
std::vector<std::uint32_t> all_due(HalfOpenTable<Ip>& table, Nanos now) {
  std::vector<std::uint32_t> numbers;
  for (std::size_t i = 0; i <= 2 * table.capacity(); ++i) {
    const HalfOpen<Ip>* due = table.next_due(now);
    if (due == nullptr) return numbers;
    numbers.push_back(number_of(*due));
  }
  ADD_FAILURE() << "does not end";
  return numbers;
}

using Numbers = std::vector<std::uint32_t>;

template <typename Ip>
class HalfOpenTableTest : public testing::Test {
 public:
  HalfOpenTable<Ip> table{4, kSecret};
};

using Versions = testing::Types<Ip4, Ip6>;
TYPED_TEST_SUITE(HalfOpenTableTest, Versions);

TYPED_TEST(HalfOpenTableTest, FindGivesTheEntryAndNothingOfAnotherFlow) {
  ASSERT_TRUE(this->table.add(entry<TypeParam>(1), kSyn));
  const auto* const found = this->table.find(entry<TypeParam>(1).flow);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(number_of(*found), 1U);
  EXPECT_EQ(this->table.find(entry<TypeParam>(2).flow), nullptr);
  EXPECT_TRUE(this->table.remove(entry<TypeParam>(1).flow));
  EXPECT_EQ(this->table.find(entry<TypeParam>(1).flow), nullptr);
}

TYPED_TEST(HalfOpenTableTest, AnAnswerIsDueAgainAfter1And3And7SecondsThenForgotten) {
  ASSERT_TRUE(this->table.add(entry<TypeParam>(1), kSyn));
  for (const Nanos after : {1s, 3s, 7s}) {
    EXPECT_EQ(this->table.size(), 1U);
    EXPECT_EQ(this->table.next_due(kSyn + after - 1ns), nullptr);
    EXPECT_EQ(all_due(this->table, kSyn + after), Numbers{1});
  }
  EXPECT_EQ(this->table.size(), 0U);
  EXPECT_EQ(all_due(this->table, kSyn + 1h), Numbers{});
  EXPECT_FALSE(this->table.remove(entry<TypeParam>(1).flow));
}

TYPED_TEST(HalfOpenTableTest, GivesBackAllThatItWasGivenTheLastTimeToo) {
  const HalfOpen<TypeParam> given = entry<TypeParam>(12);
  ASSERT_TRUE(this->table.add(given, kSyn));
  for (const Nanos after : {1s, 3s, 7s}) {
    const HalfOpen<TypeParam>* due = this->table.next_due(kSyn + after);
    ASSERT_NE(due, nullptr);
    EXPECT_EQ(due->flow, given.flow);
    EXPECT_EQ(due->client_isn, given.client_isn);
    EXPECT_EQ(due->cookie, given.cookie);
    EXPECT_EQ(due->hop, given.hop);
    EXPECT_EQ(due->sack, given.sack);
    EXPECT_EQ(due->window_scale, given.window_scale);
  }
}

TYPED_TEST(HalfOpenTableTest, OneThatWasRemovedIsNotDue) {
  ASSERT_TRUE(this->table.add(entry<TypeParam>(1), kSyn));
  ASSERT_TRUE(this->table.add(entry<TypeParam>(2), kSyn));
  ASSERT_TRUE(this->table.add(entry<TypeParam>(3), kSyn));
  EXPECT_TRUE(this->table.remove(entry<TypeParam>(2).flow));
  EXPECT_FALSE(this->table.remove(entry<TypeParam>(2).flow));
  EXPECT_EQ(this->table.size(), 2U);
  EXPECT_EQ(all_due(this->table, kSyn + 1s), (Numbers{1, 3}));
  EXPECT_TRUE(this->table.remove(entry<TypeParam>(3).flow));
  EXPECT_TRUE(this->table.remove(entry<TypeParam>(1).flow));
  EXPECT_EQ(all_due(this->table, kSyn + 3s), Numbers{});
  EXPECT_EQ(this->table.size(), 0U);
}

TYPED_TEST(HalfOpenTableTest, AFlowAddedAgainIsReplacedAndItsTimesBeginAnew) {
  ASSERT_TRUE(this->table.add(entry<TypeParam>(1), kSyn));
  ASSERT_TRUE(this->table.add(entry<TypeParam>(2), kSyn));
  EXPECT_EQ(all_due(this->table, kSyn + 1s), (Numbers{1, 2}));
  HalfOpen<TypeParam> again = entry<TypeParam>(1);
  again.cookie = 99;
  ASSERT_TRUE(this->table.add(again, kSyn + 2500ms));
  EXPECT_EQ(this->table.size(), 2U);
  EXPECT_EQ(all_due(this->table, kSyn + 3s), Numbers{2});
  EXPECT_EQ(this->table.next_due(kSyn + 3500ms - 1ns), nullptr);
  const HalfOpen<TypeParam>* due = this->table.next_due(kSyn + 3500ms);
  ASSERT_NE(due, nullptr);
  EXPECT_EQ(due->cookie, 99U);
}

TYPED_TEST(HalfOpenTableTest, AFullTableTakesOnlyWhatItHas) {
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_TRUE(this->table.add(entry<TypeParam>(i), kSyn));
  EXPECT_FALSE(this->table.add(entry<TypeParam>(4), kSyn));
  EXPECT_TRUE(this->table.add(entry<TypeParam>(2), kSyn));
  EXPECT_EQ(this->table.size(), 4U);
  EXPECT_EQ(all_due(this->table, kSyn + 1s), (Numbers{0, 1, 3, 2}));
  EXPECT_TRUE(this->table.remove(entry<TypeParam>(3).flow));
  EXPECT_TRUE(this->table.add(entry<TypeParam>(4), kSyn + 1s));
  EXPECT_FALSE(this->table.add(entry<TypeParam>(3), kSyn + 1s));
}

TYPED_TEST(HalfOpenTableTest, FloodsThatComeAndGoLeaveTheWholeRoom) {
  for (std::uint32_t i = 0; i < 10000; ++i) {
    ASSERT_TRUE(this->table.add(entry<TypeParam>(i), kSyn));
    if (i >= 3) {
      ASSERT_TRUE(this->table.remove(entry<TypeParam>(i - 3).flow));
    }
  }
  EXPECT_EQ(all_due(this->table, kSyn + 1s), (Numbers{9997, 9998, 9999}));
}

TYPED_TEST(HalfOpenTableTest, FlowsThatDifferInOnePartOnlyAreDifferent) {
  const HalfOpen<TypeParam> first = entry<TypeParam>(1);
  HalfOpen<TypeParam> other = first;
  other.flow.local_port = 444;
  HalfOpen<TypeParam> third = first;
  third.flow.local = address(8, TypeParam{});
  ASSERT_TRUE(this->table.add(first, kSyn));
  EXPECT_FALSE(this->table.remove(other.flow));
  EXPECT_FALSE(this->table.remove(third.flow));
  ASSERT_TRUE(this->table.add(other, kSyn));
  ASSERT_TRUE(this->table.add(third, kSyn));
  EXPECT_EQ(this->table.size(), 3U);
}

TYPED_TEST(HalfOpenTableTest, TimesThatWereSleptOverAreNotMadeUpForAtOnce) {
  ASSERT_TRUE(this->table.add(entry<TypeParam>(1), kSyn));
  EXPECT_EQ(all_due(this->table, kSyn + 1h), Numbers{1});
  EXPECT_EQ(all_due(this->table, kSyn + 1h + 1s - 1ns), Numbers{});
  EXPECT_EQ(all_due(this->table, kSyn + 1h + 1s), Numbers{1});
}

TYPED_TEST(HalfOpenTableTest, TheEarliestComesFirstWhicheverTimeItIs) {
  ASSERT_TRUE(this->table.add(entry<TypeParam>(1), kSyn));
  EXPECT_EQ(all_due(this->table, kSyn + 1s), Numbers{1});
  ASSERT_TRUE(this->table.add(entry<TypeParam>(2), kSyn + 2100ms));
  ASSERT_TRUE(this->table.add(entry<TypeParam>(3), kSyn + 1500ms + 1s));
  // Due after 3 s, 3.1 s and 3.5 s.
  EXPECT_EQ(all_due(this->table, kSyn + 4s), (Numbers{1, 2, 3}));
}

TYPED_TEST(HalfOpenTableTest, ATableOfNothingTakesNothing) {
  HalfOpenTable<TypeParam> none(0, kSecret);
  EXPECT_FALSE(none.add(entry<TypeParam>(1), kSyn));
  EXPECT_FALSE(none.remove(entry<TypeParam>(1).flow));
  EXPECT_EQ(none.next_due(kSyn), nullptr);
}

// The same rules, written as plainly as can be.
struct Model {
  struct Waiting {
    Nanos due;
    int stage;
  };
  std::map<std::uint32_t, Waiting> waiting;

  // Null at the end: whoever is due first.
  const std::pair<const std::uint32_t, Waiting>* first() const {
    const auto found = std::min_element(
        waiting.begin(), waiting.end(),
        [](const auto& left, const auto& right) { return left.second.due < right.second.due; });
    return found == waiting.end() ? nullptr : &*found;
  }
  void sent(std::uint32_t number, Nanos now) {
    Waiting& entry = waiting.at(number);
    if (++entry.stage == 3) {
      waiting.erase(number);
    } else {
      entry.due = std::max<Nanos>(entry.due + (entry.stage == 1 ? 2s : 4s), now + 1s);
    }
  }
};

TYPED_TEST(HalfOpenTableTest, DoesWhatASimpleModelDoes) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    base::Prng prng(seed);
    const std::size_t capacity = prng.between(1, 40);
    HalfOpenTable<TypeParam> walked(capacity, {{prng.next(), prng.next(), prng.next()}});
    Model model;
    Nanos now = kSyn;
    for (int step = 0; step < 3000; ++step) {
      now += Nanos(static_cast<std::int64_t>(prng.below(100'000'000)));
      if (prng.below(500) == 0) now += 20s;
      const auto number = static_cast<std::uint32_t>(prng.below(60));
      const bool known = model.waiting.contains(number);
      const std::uint64_t what = prng.below(10);
      if (what < 5) {
        const bool room = known || model.waiting.size() < capacity;
        ASSERT_EQ(walked.add(entry<TypeParam>(number), now), room);
        if (room) model.waiting[number] = {now + 1s, 0};
      } else if (what < 7) {
        ASSERT_EQ(walked.remove(entry<TypeParam>(number).flow), known);
        model.waiting.erase(number);
      } else {
        const auto* expected = model.first();
        const HalfOpen<TypeParam>* due = walked.next_due(now);
        ASSERT_EQ(due != nullptr, expected != nullptr && expected->second.due <= now);
        if (due != nullptr) {
          // Of several that are due at the same moment any may be first.
          ASSERT_TRUE(model.waiting.contains(number_of(*due)));
          ASSERT_EQ(model.waiting.at(number_of(*due)).due, expected->second.due);
          model.sent(number_of(*due), now);
        }
      }
      ASSERT_EQ(walked.size(), model.waiting.size());
    }
  }
}

}  // namespace
