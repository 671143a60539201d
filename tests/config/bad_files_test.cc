// Bad files, some of which only an attacker would write: how many errors each has, and the
// first of them to the letter. `millrace check -c tests/config/bad/NN-....yaml` shows them all.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

#include "tests/config/loading.h"

namespace config {
namespace {

struct BadFile {
  std::string_view name;
  std::size_t errors;
  std::string_view first;
};

constexpr BadFile kBadFiles[] = {
    {"01-misspelt-key.yaml", 1, ":1:1: error: unknown key 'listners'; did you mean 'listeners'?"},
    {"02-duplicate-key.yaml", 1,
     ":5:5: error: duplicate key 'bind'; the first is at line 3, column 5"},
    {"03-several-errors.yaml", 8,
     ":1:18: error: 'count' takes auto or an integer from 1 to 1024, not '0'"},
    {"04-bind-conflict.yaml", 1,
     ":6:11: error: 127.0.0.1:8080 overlaps 0.0.0.0:8080, which is at line 3, column 11"},
    {"05-unknown-upstream.yaml", 1,
     ":4:15: error: unknown upstream 'rediss'; did you mean 'redis'?"},
    {"06-not-supported-yet.yaml", 2, ":5:5: error: 'proxy_protocol' is not supported yet"},
    {"07-alias-bomb.yaml", 2,
     ":1:4: error: anchors (&name) are not supported; write the value out"},
    {"08-not-utf8.yaml", 1, ":2:14: error: not UTF-8: byte 0xe9"},
    {"09-deeply-nested.yaml", 1, ":1:75: error: nested deeper than 64 levels"},
    {"10-loop.yaml", 1,
     ":9:19: error: endpoint 127.0.0.1:8080 is listener 'web' itself (line 3, column 11); "
     "sessions would go round"},
    {"11-circle.yaml", 1,
     ":9:19: error: endpoint 127.0.0.1:8080 is listener 'outer' (line 2, column 25), which leads "
     "back here through 'to-inner', 'to-outer'; sessions would go round"},
    {"12-upstream-rules.yaml", 15,
     ":5:50: error: 'priority' takes an integer from 0 to 255, not '256'"},
    {"13-payload.yaml", 2,
     R"(:6:20: error: 'send' takes \r, \n, \t, \0, \\ or \xHH after a backslash; look at character 6)"},
    {"14-two-sources-of-endpoints.yaml", 2,
     ":6:5: error: 'dns' takes the place of 'endpoints', found at line 5, column 5"},
    {"15-engines.yaml", 3,
     ":1:12: error: 'transport' takes auto, epoll, io_uring or dpdk, not 'xdp'"},
    {"16-dpdk.yaml", 14, ":3:17: error: 'gateway' 10.2.0.1 is no neighbour of 10.1.0.2/24"},
    {"17-security.yaml", 2,
     ":5:9: error: 'user' takes the name of a user: 1 to 32 of a-z 0-9 _ -, a letter or _ first, "
     "not 'Mill Race'"},
};

TEST(BadFiles, EachHasItsFirstErrorAtItsPlace) {
  for (const BadFile& file : kBadFiles) {
    const Loaded loaded = load(testing::source_root() / "tests/config/bad" / file.name);
    ASSERT_FALSE(loaded) << file.name;
    EXPECT_EQ(loaded.error().size(), file.errors) << file.name;
    EXPECT_EQ(testing::printed(loaded.error()).front(), file.first) << file.name;
  }
}

TEST(BadFiles, AreAllInTheTable) {
  std::set<std::string> listed;
  for (const BadFile& file : kBadFiles) listed.emplace(file.name);
  std::set<std::string> found;
  for (const auto& entry :
       std::filesystem::directory_iterator(testing::source_root() / "tests/config/bad")) {
    found.insert(entry.path().filename());
  }
  EXPECT_EQ(found, listed);
}

}  // namespace
}  // namespace config
