#include "proxy/page_sums.h"

#include <gtest/gtest.h>

#include <chrono>

namespace proxy {
namespace {

class PageSumsTest : public testing::Test {
 protected:
  UpstreamSeries series_{3, {.listener = {}, .upstream = "app", .endpoint = {}}};
};

TEST_F(PageSumsTest, CountersAndHistogramsOfAllWorkersAreAddedUp) {
  for (const auto& cells : series_.cells) {
    cells->retries.add(2);
    cells->discard(Discard::kAged);
    cells->connect.observe(std::chrono::seconds(1));
  }
  EXPECT_EQ(total(series_, &UpstreamCells::retries), 6U);
  const auto aged = [](const UpstreamCells& cells) -> auto& { return cells.discarded[0]; };
  EXPECT_EQ(total(series_, aged), 3U);
  EXPECT_EQ(merged(series_, &UpstreamCells::connect).count(), 3U);
  EXPECT_DOUBLE_EQ(merged(series_, &UpstreamCells::connect).sum_seconds, 3);
}

TEST_F(PageSumsTest, WhatTheConfigurationHasLostIsShownWhileASessionIsLeft) {
  EXPECT_TRUE(shown(series_, &UpstreamCells::sessions));
  series_.configured = false;
  EXPECT_FALSE(shown(series_, &UpstreamCells::sessions));
  series_.cells[2]->sessions.add(1);
  EXPECT_TRUE(shown(series_, &UpstreamCells::sessions));
}

}  // namespace
}  // namespace proxy
