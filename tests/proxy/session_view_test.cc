#include "proxy/session_view.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/proxy/worker_fixture.h"

namespace proxy {
namespace {

TEST(SessionView, NamesAndCursorsAreReadBackAndNothingElseIs) {
  const SessionName name{3, {.slot = 17, .generation = 4}};
  EXPECT_EQ(to_string(name), "3.17.4");
  EXPECT_EQ(session_name_of("3.17.4"), name);
  for (const char* text : {"", "3", "3.17", "3.17.4.5", "3.17.", "a.b.c", "3.-1.4", " 3.17.4",
                           "3.17.4 ", "3.17.99999999999"}) {
    EXPECT_FALSE(session_name_of(text)) << text;
  }
  const SessionCursor cursor{1, 64};
  EXPECT_EQ(session_cursor_of(to_string(cursor)), cursor);
  EXPECT_FALSE(session_cursor_of("1.2.3"));
}

TEST(SessionView, AFilterFitsWhatItNamesAndOthersNot) {
  const std::string listener = "web";
  const std::string upstream = "app";
  const std::string endpoint = "10.0.0.2:80";
  AccessRecord record;
  record.listener = &listener;
  record.upstream = &upstream;
  record.endpoint = &endpoint;
  record.client = base::parse_address("[::ffff:192.0.2.7]:4711")->ip;
  EXPECT_TRUE(fits({}, record));
  const auto client = [](const char* text) { return base::parse_address(text)->ip; };
  EXPECT_TRUE(fits(
      {.listener = "web", .upstream = "app", .endpoint = endpoint, .client = client("192.0.2.7:0")},
      record));
  EXPECT_TRUE(
      fits({.listener = {}, .upstream = {}, .endpoint = {}, .client = client("192.0.2.7:4711")},
           record));
  EXPECT_FALSE(fits(
      {.listener = {}, .upstream = {}, .endpoint = {}, .client = client("192.0.2.7:1")}, record));
  EXPECT_FALSE(fits({.listener = "x", .upstream = {}, .endpoint = {}, .client = {}}, record));
  EXPECT_FALSE(
      fits({.listener = {}, .upstream = {}, .endpoint = "10.0.0.3:80", .client = {}}, record));
  record.endpoint = nullptr;
  EXPECT_FALSE(fits({.listener = {}, .upstream = {}, .endpoint = endpoint, .client = {}}, record));
}

// A worker with sessions, asked as the supervisor asks.
class SessionListing : public testing::Test {
 protected:
  SessionListing() {
    echo_ = worker_.echo_service("10.0.0.2:80");
    EXPECT_FALSE(worker_.apply(WorkerFixture::one_listener({"10.0.0.2:80"})));
  }

  void open(std::size_t count) {
    const std::size_t before = clients_.size();
    for (std::size_t i = 0; i < count; ++i) {
      clients_.push_back(worker_.client());
      clients_.back()->send(bytes_of("hello"));
    }
    ASSERT_TRUE(worker_.run_until([&] {
      for (std::size_t i = before; i < clients_.size(); ++i) {
        if (clients_[i]->received().size() < 5) return false;
      }
      return true;
    }));
  }

  WorkerFixture& worker() { return worker_; }
  std::vector<std::unique_ptr<backends::SimPeer>>& clients() { return clients_; }

 private:
  WorkerFixture worker_;
  std::unique_ptr<backends::SimService> echo_;
  std::vector<std::unique_ptr<backends::SimPeer>> clients_;
};

TEST_F(SessionListing, ShowsWhatTheAccessLogWouldSayNow) {
  open(1);
  const SessionFilter filter;
  SessionSlice slice;
  slice.filter = &filter;
  slice.rows_max = 10;
  worker().ask(Command::Kind::kList, &slice, nullptr);
  ASSERT_EQ(slice.rows.size(), 1U);
  EXPECT_TRUE(slice.at_end);
  const SessionRow& row = slice.rows[0];
  EXPECT_EQ(row.state, SessionState::kRelaying);
  EXPECT_EQ(row.endpoint, "10.0.0.2:80");
  EXPECT_EQ(*row.record.listener, "web");
  EXPECT_EQ(row.record.bytes[0], 5U);

  SessionSlice alone;
  alone.filter = &filter;
  alone.only = row.name.slot;
  worker().ask(Command::Kind::kList, &alone, nullptr);
  ASSERT_EQ(alone.rows.size(), 1U);
  EXPECT_EQ(alone.rows[0].name, row.name);
}

TEST_F(SessionListing, GoesThroughTheTableInPagesOnceWhileOthersComeAndGo) {
  open(30);
  const SessionFilter filter;
  std::set<std::string> seen;
  SessionSlice slice;
  slice.filter = &filter;
  for (int page = 0; page < 100 && !slice.at_end; ++page) {
    slice.rows_max = 7;
    slice.rows.clear();
    worker().ask(Command::Kind::kList, &slice, nullptr);
    EXPECT_LE(slice.rows.size(), 7U);
    for (const SessionRow& row : slice.rows) {
      EXPECT_TRUE(seen.insert(to_string(row.name)).second) << to_string(row.name);
    }
    open(1);
  }
  EXPECT_TRUE(slice.at_end);
  EXPECT_GE(seen.size(), 30U);
}

TEST_F(SessionListing, EndsThoseThatAreNamedAndSaysHowMany) {
  open(3);
  const SessionFilter filter;
  SessionSlice slice;
  slice.filter = &filter;
  slice.rows_max = 2;
  worker().ask(Command::Kind::kList, &slice, nullptr);
  ASSERT_EQ(slice.rows.size(), 2U);
  SessionEnding ending;
  for (const SessionRow& row : slice.rows) ending.slots.push_back(row.name.slot);
  ending.slots.push_back({.slot = 9999, .generation = 1});  // Long gone.
  worker().ask(Command::Kind::kEnd, nullptr, &ending);
  EXPECT_EQ(ending.ended, 2U);
  ASSERT_TRUE(
      worker().run_until([&] { return worker().ended(Actor::kAdmin, Cause::kReset) == 2; }));
  const auto clients_reset = [&] {
    return std::ranges::count_if(clients(), [](const auto& client) { return client->was_reset(); });
  };
  EXPECT_TRUE(worker().run_until([&] { return clients_reset() == 2; }));
}

}  // namespace
}  // namespace proxy
