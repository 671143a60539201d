#include "proxy/ctl_table.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace proxy {
namespace {

using nlohmann::json;

TEST(CtlTable, PrintsEachKindOfCell) {
  const json row = {{"text", "redis"}, {"count", 1234567},  {"none", 0},         {"bytes", 1536},
                    {"age", 3725.5},   {"latency", 0.0025}, {"list", {"a", "b"}}};
  EXPECT_EQ(cell_of(row, "text", CtlCell::kText), "redis");
  EXPECT_EQ(cell_of(row, "count", CtlCell::kCount), "1,234,567");
  EXPECT_EQ(cell_of(row, "none", CtlCell::kCount), "0");
  EXPECT_EQ(cell_of(row, "none", CtlCell::kLimit), "-");
  EXPECT_EQ(cell_of(row, "count", CtlCell::kLimit), "1,234,567");
  EXPECT_EQ(cell_of(row, "bytes", CtlCell::kBytes), "1.50 KiB");
  EXPECT_EQ(cell_of(row, "age", CtlCell::kAge), "1 h 2 min");
  EXPECT_EQ(cell_of(row, "latency", CtlCell::kLatency), "2.50 ms");
  EXPECT_EQ(cell_of(row, "list", CtlCell::kList), "a, b");
}

TEST(CtlTable, HasADashForWhatIsNotThere) {
  const json row = {{"null", nullptr}, {"empty", ""}, {"list", json::array()}};
  for (const char* key : {"null", "empty", "missing"}) {
    EXPECT_EQ(cell_of(row, key, CtlCell::kText), "-");
    EXPECT_EQ(cell_of(row, key, CtlCell::kCount), "-");
  }
  EXPECT_EQ(cell_of(row, "list", CtlCell::kList), "-");
  EXPECT_EQ(cell_of(json(5), "x", CtlCell::kText), "-");
}

TEST(CtlTable, LaysOutListsAndObjects) {
  const json list = {{{"name", "web"}, {"open", 5}}, {{"name", "a-longer-one"}, {"open", 1000}}};
  EXPECT_EQ(table_of(list, {{"NAME", "name"}, {"OPEN", "open", CtlCell::kCount}}),
            "NAME           OPEN\n"
            "web               5\n"
            "a-longer-one  1,000\n");
  EXPECT_EQ(lines_of(list[0], {{"name", "name"}, {"open now", "open", CtlCell::kCount}}),
            "name      web\n"
            "open now  5\n");
}

}  // namespace
}  // namespace proxy
