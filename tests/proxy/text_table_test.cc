#include "proxy/text_table.h"

#include <gtest/gtest.h>

namespace proxy {
namespace {

TEST(TextTable, AlignsItsColumns) {
  TextTable table(
      {{.title = "NAME"}, {.title = "OPEN", .align = Align::kRight}, {.title = "NOTE"}});
  table.add({"redis", "12", "paused"});
  table.add({"a-longer-name", "1,234", ""});
  EXPECT_EQ(table.text(),
            "NAME            OPEN  NOTE\n"
            "redis             12  paused\n"
            "a-longer-name  1,234\n");
}

TEST(TextTable, WithoutRowsHasItsTitles) {
  EXPECT_EQ(TextTable({{.title = "A"}, {.title = "B"}}).text(), "A  B\n");
}

}  // namespace
}  // namespace proxy
