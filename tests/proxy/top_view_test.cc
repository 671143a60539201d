#include "proxy/top_view.h"

#include <gtest/gtest.h>

#include <string>

namespace proxy {
namespace {
using Kind = TopKey::Kind;

constexpr TopScroll kScroll = {.page = 10, .last = 25};

// False: one of the keys ended it.
bool type(TopView& view, const std::string& text) {
  for (const char letter : text) {
    if (!press(view, {.kind = Kind::kText, .text = std::string(1, letter)}, kScroll)) return false;
  }
  return true;
}
bool press(TopView& view, Kind kind) { return proxy::press(view, {.kind = kind}, kScroll); }

TEST(TopView, LeavesWithQ) {
  TopView view;
  EXPECT_TRUE(type(view, "x"));
  EXPECT_FALSE(type(view, "q"));
  view.mode = TopMode::kHelp;
  EXPECT_FALSE(type(view, "q"));
}

TEST(TopView, ScrollsWithinWhatThereIs) {
  TopView view;
  press(view, Kind::kUp);
  EXPECT_EQ(view.scroll, 0U);
  press(view, Kind::kDown);
  EXPECT_EQ(view.scroll, 1U);
  press(view, Kind::kPageDown);
  EXPECT_EQ(view.scroll, 10U);  // One line of the page before stays.
  press(view, Kind::kPageDown);
  press(view, Kind::kPageDown);
  EXPECT_EQ(view.scroll, 25U);
  press(view, Kind::kPageUp);
  EXPECT_EQ(view.scroll, 16U);
  press(view, Kind::kEnd);
  EXPECT_EQ(view.scroll, 25U);
  press(view, Kind::kHome);
  EXPECT_EQ(view.scroll, 0U);
}

TEST(TopView, ScrollsFromWhereItStandsAfterTheListHasShrunk) {
  TopView view;
  view.scroll = 90;
  press(view, Kind::kUp);
  EXPECT_EQ(view.scroll, 24U);
}

TEST(TopView, SortsInTurn) {
  TopView view;
  view.scroll = 7;
  std::string seen;
  for (int i = 0; i < 4; ++i) {
    type(view, "s");
    seen += std::string(name(view.sort)) + " ";
  }
  EXPECT_EQ(seen, "sessions traffic name trouble ");
  EXPECT_EQ(view.scroll, 0U);
}

TEST(TopView, PausesAndGoesOn) {
  TopView view;
  type(view, "p");
  EXPECT_TRUE(view.paused);
  type(view, "p");
  EXPECT_FALSE(view.paused);
}

TEST(TopView, TypesAFilter) {
  TopView view;
  type(view, "f");
  EXPECT_EQ(view.mode, TopMode::kFilter);
  EXPECT_TRUE(type(view, "pq?s"));  // None of them is a key now.
  EXPECT_EQ(view.filter, "pq?s");
  EXPECT_FALSE(view.paused);
  press(view, Kind::kErase);
  EXPECT_EQ(view.filter, "pq?");
  press(view, Kind::kDown);
  EXPECT_EQ(view.scroll, 0U);
  press(view, Kind::kEnter);
  EXPECT_EQ(view.mode, TopMode::kFigures);
  EXPECT_EQ(view.filter, "pq?");
  press(view, Kind::kEscape);
  EXPECT_EQ(view.filter, "");
}

TEST(TopView, TakesTheFilterAwayWhileItIsTyped) {
  TopView view;
  type(view, "fredis");
  press(view, Kind::kEscape);
  EXPECT_EQ(view.filter, "");
  EXPECT_EQ(view.mode, TopMode::kFigures);
}

TEST(TopView, ErasesWholeCharacters) {
  TopView view;
  view.mode = TopMode::kFilter;
  view.filter = "aü日";
  press(view, Kind::kErase);
  EXPECT_EQ(view.filter, "aü");
  press(view, Kind::kErase);
  EXPECT_EQ(view.filter, "a");
  press(view, Kind::kErase);
  press(view, Kind::kErase);
  EXPECT_EQ(view.filter, "");
}

TEST(TopView, BoundsTheFilter) {
  TopView view;
  type(view, "f" + std::string(1000, 'x'));
  EXPECT_EQ(view.filter.size(), 64U);
}

TEST(TopView, ShowsTheHelpAndGoesBack) {
  TopView view;
  view.filter = "redis";
  type(view, "?");
  EXPECT_EQ(view.mode, TopMode::kHelp);
  type(view, "?");
  EXPECT_EQ(view.mode, TopMode::kFigures);
  type(view, "?");
  press(view, Kind::kEscape);
  EXPECT_EQ(view.mode, TopMode::kFigures);
  EXPECT_EQ(view.filter, "redis");  // Esc has left the help and nothing else.
}

TEST(TopView, MatchesWhateverTheCase) {
  EXPECT_TRUE(matches("Redis-Main", "redis"));
  EXPECT_TRUE(matches("redis", "EDI"));
  EXPECT_TRUE(matches("redis", ""));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("redis", "postgres"));
  EXPECT_FALSE(matches("", "a"));
}

}  // namespace
}  // namespace proxy
