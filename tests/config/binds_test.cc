// Addresses that the kernel could not give us side by side.
#include "config/binds.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/config/loading.h"

namespace config {
namespace {

using testing::printed;

// A configuration of one listener for each address, on lines 2, 3, ...; metrics stay at their
// default.
Config listening_at(const std::vector<std::string>& addresses) {
  Config config;
  std::uint32_t line = 2;
  for (const std::string& text : addresses) {
    auto address = base::parse_address(text);
    EXPECT_TRUE(address) << text;
    config.listeners.emplace_back().bind.push_back(
        {std::move(*address), false, {.line = line++, .column = 9}});
  }
  return config;
}

std::vector<std::string> conflicts(const std::vector<std::string>& addresses) {
  Config config = listening_at(addresses);
  Problems problems;
  const BindTable table(config, problems);
  return printed(problems.sorted());
}

using Lines = std::vector<std::string>;

TEST(Binds, DifferentAddressesDoNotConflict) {
  EXPECT_EQ(conflicts({"127.0.0.1:80", "127.0.0.2:80", "127.0.0.1:81", "[::1]:80", "[::1]:81",
                       "unix:/a", "unix:/b", "unix:@a"}),
            Lines());
}

TEST(Binds, TheSameAddressTwiceIsReportedWithBothPlaces) {
  for (const std::string text :
       {"127.0.0.1:80", "0.0.0.0:80", "[::]:80", "[::1]:80", "unix:/a", "unix:@a"}) {
    EXPECT_EQ(conflicts({text, text}),
              Lines{":3:9: error: " + text + " is bound twice; the first is at line 2, column 9"});
  }
}

TEST(Binds, AWildcardOverlapsTheAddressesOfItsFamilyWhicheverComesFirst) {
  EXPECT_EQ(conflicts({"0.0.0.0:80", "127.0.0.1:80"}),
            Lines{":3:9: error: 127.0.0.1:80 overlaps 0.0.0.0:80, which is at line 2, column 9"});
  EXPECT_EQ(conflicts({"127.0.0.1:80", "0.0.0.0:80"}),
            Lines{":2:9: error: 127.0.0.1:80 overlaps 0.0.0.0:80, which is at line 3, column 9"});
  EXPECT_EQ(conflicts({"[::]:80", "[::1]:80"}),
            Lines{":3:9: error: [::1]:80 overlaps [::]:80, which is at line 2, column 9"});
  EXPECT_EQ(conflicts({"0.0.0.0:80", "[::1]:80"}), Lines());
}

TEST(Binds, ADualStackWildcardTakesIpv4Too) {
  EXPECT_EQ(conflicts({"[::]:80", "127.0.0.1:80"}),
            Lines{":3:9: error: 127.0.0.1:80 overlaps [::]:80, which is at line 2, column 9"});
}

TEST(Binds, ADualStackWildcardLeavesIpv4ToTheFilesOwn) {
  EXPECT_EQ(conflicts({"[::]:80", "0.0.0.0:80"}), Lines());
  Config config = listening_at({"[::]:80", "0.0.0.0:80", "[::]:81", "0.0.0.0:82", "[::1]:82"});
  Problems problems;
  const BindTable table(config, problems);
  std::vector<bool> v6_only;
  for (const Listener& listener : config.listeners) v6_only.push_back(listener.bind[0].v6_only);
  EXPECT_EQ(v6_only, (std::vector<bool>{true, false, false, false, false}));
}

TEST(Binds, PortZeroConflictsWithNothing) {
  EXPECT_EQ(conflicts({"0.0.0.0:0", "0.0.0.0:0", "127.0.0.1:0", "[::]:0", "[::]:0"}), Lines());
}

TEST(Binds, TheMetricsAddressIsOneOfThem) {
  EXPECT_EQ(
      conflicts({"127.0.0.1:9464"}),
      Lines{":2:9: error: 127.0.0.1:9464 is bound twice; the first is the default of 'metrics'"});
  EXPECT_EQ(conflicts({"0.0.0.0:9464"}),
            Lines{":2:9: error: 0.0.0.0:9464 overlaps 127.0.0.1:9464, which is the default of "
                  "'metrics'"});
  Config config = listening_at({"127.0.0.1:80"});
  config.metrics.bind = {
      base::parse_address("0.0.0.0:80").value(), false, {.line = 9, .column = 3}};
  Problems problems;
  const BindTable table(config, problems);
  EXPECT_EQ(printed(problems.sorted()),
            Lines{":2:9: error: 127.0.0.1:80 overlaps 0.0.0.0:80, which is 'metrics' at line 9, "
                  "column 3"});
}

TEST(Binds, TheAdminApiIsOneOfThem) {
  EXPECT_EQ(conflicts({"unix:/run/millrace/admin.sock"}),
            Lines{":2:9: error: unix:/run/millrace/admin.sock is bound twice; the first is the "
                  "default of 'admin'"});
  Config config = listening_at({"unix:/run/millrace/admin.sock"});
  config.admin.enable = AdminEnable::kOff;
  Problems problems;
  const BindTable table(config, problems);
  EXPECT_EQ(printed(problems.sorted()), Lines());
}

}  // namespace
}  // namespace config
