#include "proxy/demo_load.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "proxy/demo_socket.h"
#include "proxy/demo_upstream.h"

namespace {

using namespace std::chrono_literals;

// The load straight against an honest upstream.
class DemoLoad : public testing::Test {
 protected:
  void SetUp() override {
    auto started = proxy::DemoUpstream::start(1, 256);
    ASSERT_TRUE(started);
    upstream_ = *std::move(started);
    context_.target = upstream_->addresses()[0];
  }
  void TearDown() override { EXPECT_EQ(context_.failed.value(), 0U) << context_.first_failure; }

  std::unique_ptr<proxy::DemoUpstream> upstream_;
  proxy::LoadContext context_;
};

TEST_F(DemoLoad, CountsEveryRoundTrip) {
  const auto trips = proxy::run_round_trips(context_, 8, 100ms);
  EXPECT_GE(trips.count, 8U);
  EXPECT_EQ(trips.latencies.count(), trips.count);
  EXPECT_EQ(context_.requests.value(), trips.count);
  EXPECT_EQ(context_.bytes.value(), trips.count * 64);
  EXPECT_EQ(context_.sessions.value(), 8U);
  EXPECT_GE(trips.elapsed, 100ms);
  EXPECT_GT(trips.per_second(), 0);
}

TEST_F(DemoLoad, EndsEveryShortSessionThatItStarted) {
  const auto sessions = proxy::run_short_sessions(context_, 100ms);
  EXPECT_GE(sessions.count, 16U);
  EXPECT_EQ(context_.sessions.value(), sessions.count);
  EXPECT_EQ(context_.bytes.value(), sessions.count * 64);
}

TEST_F(DemoLoad, GetsABulkStreamBackWhole) {
  const auto bulk = proxy::run_bulk(context_, 100ms);
  EXPECT_GT(bulk.bytes, 2U << 20U);  // Past the end of the pattern, so that it wraps.
  EXPECT_EQ(context_.bytes.value(), bulk.bytes);
  EXPECT_GT(bulk.gigabits_per_second(), 0);
}

TEST_F(DemoLoad, HoldsIdleSessionsThatReallyExist) {
  auto sessions = proxy::open_idle(context_, 50);
  EXPECT_EQ(sessions.size(), 50U);
  EXPECT_EQ(context_.bytes.value(), 50U);
  proxy::close_idle(context_, sessions);
  EXPECT_TRUE(sessions.empty());
}

TEST_F(DemoLoad, StopsWhenItIsTold) {
  context_.stop = true;
  const base::Nanos before = base::monotonic_now();
  EXPECT_LE(proxy::run_round_trips(context_, 4, 1h).count, 4U);
  EXPECT_EQ(proxy::run_short_sessions(context_, 1h).count, 0U);
  proxy::run_bulk(context_, 1h);
  EXPECT_LT(base::monotonic_now() - before, 10s);
}

// An upstream that answers every message with as many zeros.
class LyingUpstream {
 public:
  LyingUpstream() : listener_(*proxy::listen_on_loopback()) {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  base::Address address() const { return proxy::address_of(listener_.get()); }

 private:
  void run(const std::stop_token& stop) {
    std::vector<base::UniqueFd> clients;
    const std::array<char, 4096> zeros{};
    std::array<char, 4096> buffer{};
    while (!stop.stop_requested()) {
      base::UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK));
      if (fd) clients.push_back(std::move(fd));
      for (const base::UniqueFd& client : clients) {
        const auto got = proxy::receive_some(client.get(), buffer);
        if (got.state == proxy::IoState::kMoved) {
          proxy::send_some(client.get(), std::span(zeros).first(got.bytes));
        }
      }
      std::this_thread::yield();
    }
  }

  base::UniqueFd listener_;
  std::jthread thread_;
};

TEST(DemoLoadAgainstALiar, NoticesAWrongByteInEveryKindOfWork) {
  const LyingUpstream liar;
  const auto first_failure = [&liar](auto work) {
    proxy::LoadContext context;
    context.target = liar.address();
    work(context);
    EXPECT_GT(context.failed.value(), 0U);
    return context.first_failure;
  };
  EXPECT_EQ(first_failure([](auto& context) { proxy::run_round_trips(context, 1, 10s); }),
            "a reply had other bytes than its message");
  EXPECT_EQ(first_failure([](auto& context) { proxy::run_short_sessions(context, 10s); }),
            "a reply had other bytes than its message");
  EXPECT_EQ(first_failure([](auto& context) { proxy::run_bulk(context, 10s); }),
            "a bulk stream came back with other bytes");
  // The first idle session sends a zero itself; the second one is lied to.
  EXPECT_EQ(first_failure([](auto& context) { proxy::open_idle(context, 2); }),
            "the first byte of a session did not come back");
}

TEST(DemoLoadAgainstNobody, CountsWhatCannotConnect) {
  auto listener = proxy::listen_on_loopback();
  ASSERT_TRUE(listener);
  proxy::LoadContext context;
  context.target = proxy::address_of(listener->get());
  listener->close();
  EXPECT_EQ(proxy::run_short_sessions(context, 10s).count, 0U);
  EXPECT_GT(context.failed.value(), 0U);
  EXPECT_NE(context.first_failure.find("ECONNREFUSED"), std::string::npos);
}

}  // namespace
