#include "base/intrusive_list.h"

#include <gtest/gtest.h>

#include <vector>

namespace base {
namespace {

struct Member {
  int number = 0;
  ListLink<Member> link;
};
using Members = IntrusiveList<Member, &Member::link>;

std::vector<int> numbers(const Members& list) {
  std::vector<int> all;
  for (const Member* at = list.front(); at != nullptr; at = Members::next(*at)) {
    all.push_back(at->number);
  }
  return all;
}

TEST(IntrusiveList, KeepsTheOrderOfJoining) {
  Members list;
  Member a{.number = 1, .link = {}};
  Member b{.number = 2, .link = {}};
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.front(), nullptr);
  list.push_back(a);
  list.push_back(b);
  EXPECT_EQ(numbers(list), (std::vector<int>{1, 2}));
  EXPECT_EQ(list.size(), 2U);
}

TEST(IntrusiveList, AMemberLeavesFromAnyPlaceAndMayComeBack) {
  for (const std::size_t leaving : {0U, 1U, 2U}) {
    Members list;
    std::vector<Member> all(3);
    for (int i = 0; i < 3; ++i) {
      all[static_cast<std::size_t>(i)].number = i;
      list.push_back(all[static_cast<std::size_t>(i)]);
    }
    list.erase(all[leaving]);
    std::vector<int> left = {0, 1, 2};
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(leaving));
    EXPECT_EQ(numbers(list), left);
    list.push_back(all[leaving]);
    left.push_back(static_cast<int>(leaving));
    EXPECT_EQ(numbers(list), left);
  }
}

TEST(IntrusiveList, TheLastOneLeavesItEmpty) {
  Members list;
  Member only;
  list.push_back(only);
  list.erase(only);
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.front(), nullptr);
  EXPECT_FALSE(only.link.listed);
}

TEST(IntrusiveListDeathTest, StopsWhoJoinsTwice) {
  Members list;
  Member member;
  list.push_back(member);
  EXPECT_DEATH(list.push_back(member), "listed");
}

}  // namespace
}  // namespace base
