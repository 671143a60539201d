#include "proxy/top_summary.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/proxy/top_example.h"

namespace proxy {
namespace {

std::vector<std::string> texts(const TopStatus& status) {
  TopStatus later = status;
  later.now += 2;
  std::vector<std::string> result;
  for (const TopSentence& sentence : summarize(top_example::figures_of(status, later))) {
    result.push_back(sentence.text);
  }
  return result;
}

TopStatus well() {
  TopStatus status = top_example::status();
  status.upstreams[1].endpoints[1].state = "up";
  return status;
}

using Texts = std::vector<std::string>;

TEST(TopSummary, CountsWhatIsThereWhenAllIsWell) {
  EXPECT_EQ(texts(well()), Texts{"All well: 2 listeners, 2 upstreams, 4 endpoints; 12 sessions"});
}

TEST(TopSummary, NamesTheEndpointsThatAreDown) {
  EXPECT_EQ(texts(top_example::status()), Texts{"1 endpoint is down: 10.0.1.2:80 of web"});
  TopStatus many = well();
  for (int i = 0; i < 5; ++i) {
    many.upstreams[0].endpoints.push_back(top_example::endpoint("10.0.0.9:1", "down", 0));
  }
  EXPECT_EQ(texts(many), Texts{"5 endpoints are down: 10.0.0.9:1 of redis, 10.0.0.9:1 of redis,"
                               " 10.0.0.9:1 of redis, 2 more"});
}

TEST(TopSummary, SaysFirstWhoCannotBeServed) {
  TopStatus status = well();
  for (TopEndpoint& endpoint : status.upstreams[1].endpoints) endpoint.state = "maintenance";
  const std::vector<TopSentence> sentences = summarize(top_example::figures_of(status, [&] {
    TopStatus later = status;
    later.now += 2;
    return later;
  }()));
  ASSERT_EQ(sentences.size(), 2U);
  EXPECT_EQ(sentences[0].text, "Upstream web has no usable endpoint");
  EXPECT_EQ(sentences[0].level, TopLevel::kBad);
  EXPECT_EQ(sentences[1].text, "2 endpoints are in maintenance");
  TopStatus empty = well();
  empty.upstreams[0].endpoints.clear();
  EXPECT_EQ(texts(empty), Texts{"Upstream redis has no address"});
}

TEST(TopSummary, DoesNotCallItWorseThanItIs) {
  TopStatus status = well();
  status.listeners.pop_back();  // Nobody uses the upstream web now.
  status.upstreams[1].endpoints[0].state = "weightless";
  status.upstreams[1].endpoints[1].state = "weightless";
  const auto figures = top_example::figures_of(well(), status);
  EXPECT_EQ(summarize(figures)[0].level, TopLevel::kWarning);
  TopStatus drained = well();
  drained.upstreams[0].endpoints[0].state = "draining";
  EXPECT_EQ(texts(drained), (Texts{"All well: 2 listeners, 2 upstreams, 4 endpoints; 12 sessions",
                                   "1 endpoint is draining"}));
}

TEST(TopSummary, SaysWhatIsOddAboutTheProgram) {
  TopStatus status = well();
  status.last_reload_accepted = false;
  status.open_fds = 95;
  status.max_fds = 100;
  status.upstreams[0].queue = 4;
  status.upstreams[0].endpoints[1].state = "ejected";
  TopStatus later = status;
  later.now += 2;
  later.log_dropped += 1;
  Texts found;
  for (const TopSentence& sentence : summarize(top_example::figures_of(status, later))) {
    found.push_back(sentence.text);
  }
  EXPECT_EQ(found, (Texts{"1 endpoint is ejected: 10.0.0.2:6379 of redis",
                          "Sessions wait for a place at upstream redis",
                          "The last reload was refused: configuration 3 stays in force",
                          "More than 90 % of the descriptors are in use",
                          "The access log drops lines: nobody reads its output in time"}));
}

TEST(TopSummary, SaysWhenItStartsOrDrains) {
  TopStatus status = well();
  status.state = "draining";
  EXPECT_EQ(texts(status), Texts{"Draining: no new sessions; 12 sessions left"});
  status.state = "starting";
  EXPECT_EQ(texts(status), Texts{"Starting"});
}

TEST(TopSummary, HasAWordForWhatIsOddAboutAListener) {
  TopListener listener = top_example::listener("redis", "1.2.3.4:5", 10);
  const TopCounters rejecting = {.rejected = 0.5};
  EXPECT_FALSE(problem_of(listener, TopCounters{}));
  EXPECT_FALSE(problem_of(listener, std::nullopt));
  EXPECT_EQ(problem_of(listener, rejecting)->word, "rejecting");
  listener.max_sessions = 10;
  EXPECT_EQ(problem_of(listener, rejecting)->word, "full");
  EXPECT_EQ(problem_of(listener, rejecting)->text, "is at its limit of 10 sessions");
  listener.paused = true;
  EXPECT_EQ(problem_of(listener, rejecting)->level, TopLevel::kBad);
}

TEST(TopSummary, TakesTheWorstEndpointForItsUpstream) {
  TopUpstream upstream = well().upstreams[0];
  EXPECT_EQ(level_of(upstream), TopLevel::kGood);
  upstream.endpoints[0].state = "resting";  // A word of a later version.
  EXPECT_EQ(level_of(upstream), TopLevel::kNote);
  upstream.endpoints[0].state = "ejected";
  EXPECT_EQ(level_of(upstream), TopLevel::kWarning);
  upstream.endpoints[1].state = "draining";  // None is up.
  EXPECT_EQ(level_of(upstream), TopLevel::kBad);
  upstream.removed = true;
  EXPECT_EQ(level_of(upstream), TopLevel::kNote);
}

}  // namespace
}  // namespace proxy
