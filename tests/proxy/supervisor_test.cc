#include "proxy/supervisor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <future>
#include <memory>
#include <string>

#include "base/cpu.h"
#include "base/fd.h"
#include "proxy/worker_thread.h"
#include "tests/proxy/dns_fixture.h"
#include "tests/proxy/refused_engine.h"
#include "tests/proxy/worker_fixture.h"

namespace proxy {
namespace {

config::Config config_on_loopback() {
  config::Config config = WorkerFixture::one_listener({"127.0.0.1:9"});
  config.listeners[0].bind[0].address = address("127.0.0.1:0");
  return config;
}

class SupervisorTest : public testing::Test {
 protected:
  static config::Config config() { return config_on_loopback(); }

  base::UniqueFd sink_{open("/dev/null", O_WRONLY | O_CLOEXEC)};
  LogOutput output_{sink_.get()};
  Log log_{output_, {}};
  AccessLog access_log_{output_, 3, {}};
  MetricsCatalog catalog_{3};
  std::unique_ptr<backends::TransportFactory> factory_ =
      backends::make_transport_factory("auto").value();
  Supervisor supervisor_{*factory_, catalog_, access_log_, log_};
};

TEST(WorkerCpus, AreAsManyAsAskedForAndRoundTheOnesGiven) {
  config::Workers workers;
  EXPECT_EQ(Supervisor::worker_cpus(workers), base::usable_cpus());
  workers.cpus = {4, 7};
  EXPECT_EQ(Supervisor::worker_cpus(workers), (std::vector<int>{4, 7}));
  workers.count = 3;
  EXPECT_EQ(Supervisor::worker_cpus(workers), (std::vector<int>{4, 7, 4}));
}

TEST_F(SupervisorTest, GivesEveryWorkerTheConfigurationAndStopsThemAll) {
  ASSERT_TRUE(supervisor_.start(std::vector<int>(3, base::usable_cpus().front())));
  ASSERT_TRUE(supervisor_.apply(config()).empty());
  EXPECT_EQ(supervisor_.snapshot()->generation, 1U);
  EXPECT_FALSE(supervisor_.finished());
  supervisor_.drain(base::kForever);
  EXPECT_TRUE(supervisor_.draining());
}

TEST_F(SupervisorTest, NumbersConfigurationsAndKeepsTheOldOneWhenTheNewOneCannotBe) {
  ASSERT_TRUE(supervisor_.start(std::vector<int>(3, base::usable_cpus().front())));
  ASSERT_TRUE(supervisor_.apply(config()).empty());
  config::Config bad = config();
  bad.listeners[0].bind[0].address = address("192.0.2.77:80");
  EXPECT_EQ(supervisor_.apply(bad).size(), 1U);
  EXPECT_EQ(supervisor_.snapshot()->generation, 1U);
  ASSERT_TRUE(supervisor_.apply(config()).empty());
  EXPECT_EQ(supervisor_.snapshot()->generation, 2U);
}

TEST_F(SupervisorTest, PutsOverridesInForceUnderTheSameGeneration) {
  ASSERT_TRUE(supervisor_.start(std::vector<int>(3, base::usable_cpus().front())));
  ASSERT_TRUE(supervisor_.apply(config()).empty());
  ASSERT_TRUE(supervisor_.override_endpoint("app", "127.0.0.1:9", {AdminState::kDrain, {}}));
  EXPECT_EQ(supervisor_.snapshot()->generation, 1U);
  EXPECT_EQ(supervisor_.snapshot()->upstreams[0].endpoints[0].weight, 0U);
  ASSERT_TRUE(supervisor_.override_endpoint("app", "127.0.0.1:9", {}));
  EXPECT_EQ(supervisor_.snapshot()->upstreams[0].endpoints[0].weight, 100U);
  EXPECT_EQ(supervisor_.overrides().size(), 0U);
}

TEST_F(SupervisorTest, SaysWhatThereIsToOverride) {
  ASSERT_TRUE(supervisor_.start(std::vector<int>(3, base::usable_cpus().front())));
  ASSERT_TRUE(supervisor_.apply(config()).empty());
  EXPECT_EQ(supervisor_.override_endpoint("ap", "127.0.0.1:9", {AdminState::kDrain, {}}).error(),
            "there is no upstream ap; there are app");
  EXPECT_EQ(supervisor_.override_endpoint("app", "127.0.0.1:8", {AdminState::kDrain, {}}).error(),
            "upstream app has no endpoint 127.0.0.1:8; it has 127.0.0.1:9");
}

TEST_F(SupervisorTest, DropsOverridesWithAReloadUnlessToldToKeepThoseOfEndpointsThatStay) {
  ASSERT_TRUE(supervisor_.start(std::vector<int>(3, base::usable_cpus().front())));
  ASSERT_TRUE(supervisor_.apply(config()).empty());
  ASSERT_TRUE(supervisor_.override_endpoint("app", "127.0.0.1:9", {AdminState::kDrain, {}}));
  ASSERT_TRUE(supervisor_.apply(config(), KeepOverrides::kKeep).empty());
  EXPECT_EQ(supervisor_.snapshot()->upstreams[0].endpoints[0].weight, 0U);
  config::Config other = config();
  other.upstreams[0].endpoints[0].address = address("127.0.0.1:8");
  ASSERT_TRUE(supervisor_.apply(other, KeepOverrides::kKeep).empty());
  EXPECT_EQ(supervisor_.overrides().size(), 0U);
  ASSERT_TRUE(supervisor_.override_endpoint("app", "127.0.0.1:8", {AdminState::kReady, 7}));
  EXPECT_EQ(supervisor_.snapshot()->upstreams[0].endpoints[0].weight, 7U);
  ASSERT_TRUE(supervisor_.apply(other).empty());
  EXPECT_EQ(supervisor_.snapshot()->upstreams[0].endpoints[0].weight, 100U);
}

TEST_F(SupervisorTest, WorkersThatSleepAnswerAndThoseThatHaveEndedNeedNot) {
  ASSERT_TRUE(supervisor_.start(std::vector<int>(3, base::usable_cpus().front())));
  ASSERT_TRUE(supervisor_.apply(config()).empty());
  EXPECT_TRUE(supervisor_.workers_answered()) << "nobody has asked";
  for (int round = 0; round < 200; ++round) {  // More than a mailbox holds.
    supervisor_.ask_workers();
    const base::Nanos limit = base::monotonic_now() + std::chrono::seconds(10);
    while (!supervisor_.workers_answered()) ASSERT_LT(base::monotonic_now(), limit);
  }
  supervisor_.ask_workers();
  supervisor_.drain(base::Nanos{0});
  while (!supervisor_.finished()) {
    pollfd wait{.fd = supervisor_.finished_fd(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(poll(&wait, 1, 10000), 1);
    eventfd_t ended = 0;
    static_cast<void>(eventfd_read(wait.fd, &ended));
  }
  EXPECT_TRUE(supervisor_.workers_answered());
  supervisor_.ask_workers();
  EXPECT_TRUE(supervisor_.workers_answered());
}

TEST_F(SupervisorTest, ListsNoSessionsWhereThereAreNoneAlsoWhenItHasStopped) {
  ASSERT_TRUE(supervisor_.start(std::vector<int>(3, base::usable_cpus().front())));
  ASSERT_TRUE(supervisor_.apply(config()).empty());
  EXPECT_TRUE(supervisor_.sessions({}, {}, 10).rows.empty());
  EXPECT_FALSE(supervisor_.session({.worker = 7, .slot = {.slot = 0, .generation = 1}}));
  EXPECT_FALSE(supervisor_.end_session({.worker = 0, .slot = {.slot = 0, .generation = 1}}));
  EXPECT_EQ(supervisor_.end_sessions({}), 0U);
  supervisor_.drain(base::Nanos{0});
  const SessionPage page = supervisor_.sessions({}, {}, 10);
  EXPECT_TRUE(page.rows.empty());
  EXPECT_FALSE(page.next);
}

TEST_F(SupervisorTest, RunsUnpinnedWhereAProcessorCannotBeHad) {
  EXPECT_TRUE(supervisor_.start({1023, 1023, 1023}));
  ASSERT_TRUE(supervisor_.apply(config()).empty());
}

TEST(SupervisorOfARefusedEngine, ServesOnAnotherAndWarnsOnce) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const base::UniqueFd reader(ends[0]);
  const base::UniqueFd writer(ends[1]);
  LogOutput output(writer.get());
  auto log = std::make_unique<Log>(output, config::Log{});
  RefusedEngine refused;
  MetricsCatalog catalog(2);
  {
    AccessLog access_log(output, 2, {});
    Supervisor supervisor(refused.factory(), catalog, access_log, *log);
    ASSERT_TRUE(supervisor.start(std::vector<int>(2, base::usable_cpus().front())));
    ASSERT_TRUE(supervisor.apply(config_on_loopback()).empty());
    ASSERT_TRUE(supervisor.apply(config_on_loopback()).empty());
  }
  EXPECT_EQ(catalog.worker(0).transport.engine(), "epoll");
  EXPECT_EQ(catalog.worker(1).transport.engine(), "epoll");
  log.reset();  // Writes what is queued.
  std::string text(4096, '\0');
  const ssize_t got = read(reader.get(), text.data(), text.size());
  ASSERT_GT(got, 0);
  text.resize(static_cast<std::size_t>(got));
  EXPECT_NE(text.find("2 workers on epoll, "), std::string::npos) << text;
  const std::string warning =
      "warning transport refused is not used: a filter forbids it; 3 of 3 transports run on "
      "epoll\n";
  const std::size_t first = text.find(warning);
  EXPECT_NE(first, std::string::npos) << text;
  EXPECT_EQ(text.find("is not used", first + warning.size()), std::string::npos) << text;
}

TEST_F(SupervisorTest, FollowsTheDnsUnderTheSameGeneration) {
  const DnsFixture dns;
  config::Config config = this->config();
  config.upstreams[0] = dns.upstream();
  config.upstreams[0].dns->startup = config::DnsStartup::kFail;
  ASSERT_TRUE(supervisor_.start(std::vector<int>(3, base::usable_cpus().front())));
  ASSERT_TRUE(supervisor_.apply(config).empty());
  EXPECT_FALSE(supervisor_.follow_dns());
  EXPECT_EQ(supervisor_.snapshot()->upstreams[0].endpoints.at(0).address, address("10.0.0.1:80"));
  dns.names().answer_with(app({"10.0.0.2"}));
  while (!supervisor_.follow_dns()) {
    pollfd wait{.fd = supervisor_.dns_fd(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&wait, 1, 30'000), 1);
  }
  EXPECT_EQ(supervisor_.snapshot()->upstreams[0].endpoints.at(0).address, address("10.0.0.2:80"));
  EXPECT_EQ(supervisor_.snapshot()->generation, 1U);
  supervisor_.drain(base::kForever);
  EXPECT_FALSE(supervisor_.follow_dns());
}

TEST_F(SupervisorTest, RefusesANameThatHasToHaveAddressesAndHasNone) {
  const DnsFixture dns;
  config::Config config = this->config();
  ASSERT_TRUE(supervisor_.start(std::vector<int>(3, base::usable_cpus().front())));
  ASSERT_TRUE(supervisor_.apply(config).empty());
  dns.names().answer_with(always(kDnsNxdomain));
  config.upstreams[0] = dns.upstream();
  config.upstreams[0].dns->startup = config::DnsStartup::kFail;
  EXPECT_EQ(supervisor_.apply(config).size(), 1U);
  EXPECT_EQ(supervisor_.snapshot()->generation, 1U);
  EXPECT_FALSE(supervisor_.follow_dns());
}

}  // namespace
}  // namespace proxy
