// What a service manager is told, read from the other end of a NOTIFY_SOCKET.
#include "proxy/service_manager.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/fd.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

constexpr base::Nanos kStart = 1h;

class ServiceManagerTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string name = "@millrace-notify-" + std::to_string(::getpid());
    const base::RawAddress raw = base::to_raw(base::parse_address("unix:" + name).value());
    ASSERT_EQ(::bind(socket_.get(), raw.get(), raw.size), 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  void TearDown() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
  }

  // What has come since the last call.
  std::vector<std::string> heard() {
    std::vector<std::string> all;
    std::string text(4096, '\0');
    for (;;) {
      const ssize_t got = ::recv(socket_.get(), text.data(), text.size(), MSG_DONTWAIT);
      if (got <= 0) return all;
      all.emplace_back(text, 0, static_cast<std::size_t>(got));
    }
  }

  base::UniqueFd socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  ServiceFacts facts_{.generation = 3, .sessions = 12, .workers = 2};
};

using Messages = std::vector<std::string>;

TEST_F(ServiceManagerTest, HearsOfReadyReloadAndStop) {
  ServiceManager manager(kStart);
  EXPECT_TRUE(manager.present());
  manager.ready(facts_);
  EXPECT_EQ(heard(), (Messages{"READY=1\nSTATUS=configuration 3 in force, 12 sessions open on 2 "
                               "workers"}));
  manager.reloading(kStart + 1us);
  EXPECT_EQ(heard(), (Messages{"RELOADING=1\nMONOTONIC_USEC=3600000001"}));
  facts_.draining = true;
  facts_.drain_deadline = kStart + 60s;
  manager.stopping(kStart, facts_);
  EXPECT_EQ(heard(), (Messages{"STOPPING=1\nSTATUS=stopping, 12 sessions open",
                               "EXTEND_TIMEOUT_USEC=15000000"}));
}

TEST_F(ServiceManagerTest, HearsTheStatusWhenItHasChanged) {
  ServiceManager manager(kStart);
  manager.ready(facts_);
  heard();
  EXPECT_FALSE(manager.tend(manager.next(), facts_));
  EXPECT_TRUE(heard().empty());
  facts_.sessions = 13;
  EXPECT_FALSE(manager.tend(kStart + 6s, facts_));
  EXPECT_TRUE(heard().empty()) << "it is not time yet";
  EXPECT_FALSE(manager.tend(manager.next(), facts_));
  EXPECT_EQ(heard(), (Messages{"STATUS=configuration 3 in force, 13 sessions open on 2 workers"}));
}

TEST_F(ServiceManagerTest, GivesTimeToADrainAndNoLonger) {
  ServiceManager manager(kStart);
  facts_.draining = true;
  facts_.drain_deadline = kStart + 12s;
  manager.stopping(kStart, facts_);
  heard();
  std::vector<base::Nanos> extended;
  base::Nanos promised = kStart + 15s;  // By stopping().
  for (base::Nanos now = manager.next(); now < kStart + 1min; now = manager.next()) {
    manager.tend(now, facts_);
    for (const std::string& message : heard()) {
      ASSERT_TRUE(message.starts_with("EXTEND_TIMEOUT_USEC=")) << message;
      EXPECT_LT(now, promised) << "too late";
      promised = now + std::chrono::microseconds(std::stoll(message.substr(20)));
      extended.push_back(now - kStart);
    }
  }
  EXPECT_EQ(extended, (std::vector<base::Nanos>{5s, 10s, 15s}));
  EXPECT_EQ(promised, kStart + 17s) << "the deadline and a moment for what it cuts";
}

TEST_F(ServiceManagerTest, GivesAPatientStopAllTheTimeItTakes) {
  ServiceManager manager(kStart);
  facts_.draining = true;
  manager.stopping(kStart, facts_);
  heard();
  manager.tend(kStart + 10h, facts_);
  EXPECT_EQ(heard(), (Messages{"EXTEND_TIMEOUT_USEC=15000000"}));
}

TEST_F(ServiceManagerTest, IsToldThatAllIsWellOnlyWhenTheWorkersHaveAnswered) {
  ::setenv("WATCHDOG_USEC", "2000000", 1);
  ServiceManager manager(kStart);
  EXPECT_TRUE(manager.tend(kStart, facts_)) << "to ask the workers";
  facts_.workers_answered = false;
  for (base::Nanos now = kStart; now < kStart + 4s; now += 50ms) {
    EXPECT_FALSE(manager.tend(now, facts_));
  }
  EXPECT_TRUE(heard().empty());
  facts_.workers_answered = true;
  EXPECT_FALSE(manager.tend(manager.next(), facts_));
  EXPECT_EQ(heard(), (Messages{"WATCHDOG=1"}));
}

TEST_F(ServiceManagerTest, HasNoWatchdogThatIsMeantForAnotherProcess) {
  ::setenv("WATCHDOG_USEC", "2000000", 1);
  ::setenv("WATCHDOG_PID", "1", 1);
  ServiceManager manager(kStart);
  EXPECT_FALSE(manager.tend(kStart + 1h, facts_));
}

TEST_F(ServiceManagerTest, IsSilentWhereNobodyListens) {
  ::unsetenv("NOTIFY_SOCKET");
  ::setenv("WATCHDOG_USEC", "2000000", 1);
  ServiceManager manager(kStart);
  EXPECT_FALSE(manager.present());
  manager.ready(facts_);
  manager.stopping(kStart, facts_);
  EXPECT_FALSE(manager.tend(kStart + 1h, facts_));
  EXPECT_EQ(manager.next(), base::kForever) << "main need not wake up";
  EXPECT_TRUE(heard().empty());
}

}  // namespace
}  // namespace proxy
