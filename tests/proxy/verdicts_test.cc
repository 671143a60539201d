#include "proxy/verdicts.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>

#include "base/fd.h"
#include "tests/proxy/monitor_fixture.h"

namespace proxy {
namespace {

class VerdictsTest : public testing::Test {
 protected:
  Ear ear_;
  MetricsCatalog catalog_{1};
  const EndpointSeries& endpoint_ = catalog_.endpoint("app", "10.0.0.1:1");
  Verdicts verdicts_{ear_, nullptr};
};

TEST_F(VerdictsTest, AreToldToTheWorkersOnceForAllChangesOfATurn) {
  verdicts_.announce();
  EXPECT_EQ(ear_.asked, 0);
  verdicts_.set_healthy(endpoint_, false, "a test");
  verdicts_.set_ejected(endpoint_, true, "a test");
  EXPECT_FALSE(endpoint_.verdict.healthy);
  EXPECT_TRUE(endpoint_.verdict.ejected);
  verdicts_.announce();
  verdicts_.announce();
  EXPECT_EQ(ear_.asked, 1);
  EXPECT_EQ(verdicts_.changes(), 2U);
}

TEST_F(VerdictsTest, AreToldAgainUntilEveryWorkerWasReached) {
  ear_.full = true;
  verdicts_.set_healthy(endpoint_, false, "a test");
  verdicts_.announce();
  EXPECT_TRUE(verdicts_.pending());
  ear_.full = false;
  verdicts_.announce();
  EXPECT_FALSE(verdicts_.pending());
  EXPECT_EQ(ear_.asked, 2);
}

TEST_F(VerdictsTest, SayNothingWhenNothingChanges) {
  verdicts_.set_healthy(endpoint_, true, "a test");
  verdicts_.set_ejected(endpoint_, false, "a test");
  Verdicts::set_suspected(endpoint_, true);
  EXPECT_TRUE(endpoint_.verdict.suspected);
  verdicts_.announce();
  EXPECT_EQ(ear_.asked, 0);
  EXPECT_EQ(verdicts_.changes(), 0U);
}

TEST_F(VerdictsTest, BeginAnewForAnEndpointThatReturns) {
  verdicts_.set_ejected(endpoint_, true, "a test");
  Verdicts::set_suspected(endpoint_, true);
  verdicts_.begin_health(endpoint_, false);
  verdicts_.begin_ejection(endpoint_);
  EXPECT_FALSE(endpoint_.verdict.healthy);
  EXPECT_FALSE(endpoint_.verdict.ejected);
  EXPECT_FALSE(endpoint_.verdict.suspected);
}

TEST_F(VerdictsTest, AreLoggedWithUpstreamEndpointAndReason) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const base::UniqueFd reader(ends[0]);
  base::UniqueFd writer(ends[1]);
  LogOutput output(writer.get());
  auto log = std::make_unique<Log>(output, config::Log{});
  Verdicts logged(ear_, log.get());
  logged.set_healthy(endpoint_, false, "3 checks in a row failed");
  logged.set_ejected(endpoint_, false, "nothing has changed");
  log.reset();  // Writes what is queued.
  std::string text(1000, '\0');
  const ssize_t got = read(reader.get(), text.data(), text.size());
  ASSERT_GT(got, 0);
  text.resize(static_cast<std::size_t>(got));
  EXPECT_NE(text.find("warning upstream app: endpoint 10.0.0.1:1 is unhealthy: 3 checks in a row "
                      "failed\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("ejected"), std::string::npos);
}

}  // namespace
}  // namespace proxy
