#include "proxy/admin_sessions.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>

namespace proxy {
namespace {

using nlohmann::json;

TEST(AdminSessions, AreAskedForByAQuery) {
  const auto query = session_query_of({{"listener", "web"},
                                       {"upstream", "app"},
                                       {"endpoint", "10.0.0.2:80"},
                                       {"client", "::ffff:10.0.0.1"},
                                       {"limit", "7"},
                                       {"cursor", "1.20"}});
  ASSERT_TRUE(query) << query.error();
  EXPECT_EQ(query->filter.listener, "web");
  EXPECT_EQ(query->filter.upstream, "app");
  EXPECT_EQ(query->filter.endpoint, "10.0.0.2:80");
  EXPECT_EQ(base::to_string(query->filter.client), "10.0.0.1:0");
  EXPECT_EQ(query->rows_max, 7U);
  EXPECT_EQ(query->from, (SessionCursor{1, 20}));
  EXPECT_EQ(session_query_of({})->rows_max, 100U);
}

TEST(AdminSessions, TakeAClientWithOrWithoutItsPort) {
  for (const auto& [text, client] : {std::pair{"10.0.0.1", "10.0.0.1:0"},
                                     {"10.0.0.1:5", "10.0.0.1:5"},
                                     {"::1", "[::1]:0"},
                                     {"[::1]", "[::1]:0"},
                                     {"[::1]:5", "[::1]:5"}}) {
    const auto query = session_query_of({{"client", text}});
    ASSERT_TRUE(query) << text;
    EXPECT_EQ(base::to_string(query->filter.client), client);
  }
}

TEST(AdminSessions, SayWhatIsWrongWithAQuery) {
  for (const auto& [key, value] : {std::pair{"client", "somebody"},
                                   {"client", "unix:/run/x"},
                                   {"limit", "0"},
                                   {"limit", "1001"},
                                   {"limit", "5x"},
                                   {"cursor", "5"},
                                   {"listener", ""}}) {
    const auto query = session_query_of({{key, value}});
    ASSERT_FALSE(query) << key << "=" << value;
    EXPECT_NE(query.error().find(key), std::string::npos) << query.error();
  }
}

TEST(AdminSessions, ShowWhatHasNotHappenedAsNull) {
  const std::string listener = "web";
  SessionRow row;
  row.name = {1, {.slot = 22, .generation = 3}};
  row.state = SessionState::kQueued;
  row.record.listener = &listener;
  row.record.client = base::parse_address("[::ffff:10.0.0.1]:5")->ip;
  row.record.local = base::parse_address("10.0.0.9:80")->ip;
  row.record.total = std::chrono::milliseconds(1500);
  row.idle = std::chrono::milliseconds(500);
  EXPECT_EQ(session_json(row), json::parse(R"({"id": "1.22.3", "state": "queued", "listener": "web",
      "upstream": null, "endpoint": null, "client": "10.0.0.1:5", "local": "10.0.0.9:80",
      "age": 1.5, "idle": 0.5, "setup": null, "connect": null, "bytes_to_upstream": 0,
      "bytes_to_client": 0, "attempts": 0, "pool": "miss", "worker": 1})"));
}

}  // namespace
}  // namespace proxy
