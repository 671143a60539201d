#include "proxy/instance.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <string>

#include "base/fd.h"
#include "config/loader.h"
#include "tests/proxy/worker_fixture.h"

namespace proxy {
namespace {

// A running Millrace with two workers whose only endpoint is a socket of the test.
class InstanceTest : public testing::Test {
 protected:
  void SetUp() override {
    service_ = base::UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(listen(service_.get(), 16), 0);
    service_address_ = local(service_.get());
    service_address_.ip.bytes = {127, 0, 0, 1};
  }

  static base::Address local(int fd) {
    sockaddr_storage storage{};
    socklen_t size = sizeof(storage);
    EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size), 0);
    return base::from_raw(storage, size);
  }

  config::Config config(const std::string& more = "", const std::string& workers = "2") const {
    const std::string text = "workers: {count: " + workers +
                             "}\n"
                             "listeners:\n"
                             "  - {name: web, bind: \"127.0.0.1:0\", upstream: app}\n" +
                             more +
                             "upstreams:\n"
                             "  - {name: app, endpoints: [{address: \"" +
                             base::to_string(service_address_) +
                             "\"}]}\n"
                             "metrics: {bind: \"127.0.0.1:0\"}\n";
    return config::load_text(text).value();
  }

  void start() {
    instance_ = Instance::make(output_, config()).value();
    ASSERT_TRUE(instance_->start(config()).empty());
  }

  base::UniqueFd connect_to(std::size_t listener) {
    base::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto raw = base::to_raw(instance_->snapshot()->listeners[listener].binds[0].address);
    EXPECT_EQ(connect(fd.get(), raw.get(), raw.size), 0);
    return fd;
  }

  // Through the proxy to the service, there and back.
  void expect_served(int client) {
    const base::UniqueFd served(accept(service_.get(), nullptr, nullptr));
    ASSERT_TRUE(served);
    char byte = 'x';
    ASSERT_EQ(write(client, &byte, 1), 1);
    ASSERT_EQ(read(served.get(), &byte, 1), 1);
    ASSERT_EQ(write(served.get(), "y", 1), 1);
    ASSERT_EQ(read(client, &byte, 1), 1);
    EXPECT_EQ(byte, 'y');
  }

  void wait_until_finished() {
    while (!instance_->finished()) {
      pollfd wait{.fd = instance_->finished_fd(), .events = POLLIN, .revents = 0};
      ASSERT_EQ(poll(&wait, 1, 10000), 1) << "no worker finished within ten seconds";
      eventfd_t ignored = 0;
      static_cast<void>(read(wait.fd, &ignored, sizeof(ignored)));
    }
  }

  std::string get(const std::string& path) {
    base::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto raw = base::to_raw(instance_->metrics_address());
    EXPECT_EQ(connect(fd.get(), raw.get(), raw.size), 0);
    const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
    EXPECT_EQ(write(fd.get(), request.data(), request.size()),
              static_cast<ssize_t>(request.size()));
    std::string answer;
    char buffer[4096];
    for (ssize_t got = 0; (got = read(fd.get(), buffer, sizeof(buffer))) > 0;) {
      answer.append(buffer, static_cast<std::size_t>(got));
    }
    return answer;
  }

  base::UniqueFd service_;
  base::Address service_address_;
  base::UniqueFd sink_{open("/dev/null", O_WRONLY | O_CLOEXEC)};
  LogOutput output_{sink_.get()};
  std::unique_ptr<Instance> instance_;
};

TEST_F(InstanceTest, ServesThenDrainsAndSaysSo) {
  start();
  EXPECT_NE(get("/readyz").find("200 OK"), std::string::npos);
  base::UniqueFd client = connect_to(0);
  expect_served(client.get());
  instance_->drain(base::kForever);
  EXPECT_NE(get("/readyz").find("503"), std::string::npos);
  EXPECT_NE(get("/healthz").find("200 OK"), std::string::npos);
  client.close();
  wait_until_finished();
}

TEST_F(InstanceTest, ReloadsInProcessAndKeepsTheListenerThatStays) {
  start();
  const auto before = instance_->snapshot()->listeners[0].binds[0].address;
  ASSERT_TRUE(instance_->reload(config("  - {name: more, bind: \"127.0.0.1:0\", upstream: app}\n"))
                  .empty());
  EXPECT_EQ(instance_->snapshot()->generation, 2U);
  EXPECT_EQ(instance_->snapshot()->listeners[0].binds[0].address, before);
  const base::UniqueFd client = connect_to(1);
  expect_served(client.get());
  EXPECT_NE(get("/metrics").find("millrace_config_generation 2"), std::string::npos);
}

TEST_F(InstanceTest, RefusesAReloadThatNeedsARestartAndChangesNothing) {
  start();
  const auto problems = instance_->reload(config("", "1"));
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].mark.line, 1U);
  EXPECT_EQ(instance_->snapshot()->generation, 1U);
  const std::string page = get("/metrics");
  EXPECT_NE(page.find("millrace_config_reloads_total{result=\"refused\"} 1"), std::string::npos);
  EXPECT_NE(page.find("millrace_config_last_reload_successful 0"), std::string::npos);
  const base::UniqueFd client = connect_to(0);
  expect_served(client.get());
}

TEST_F(InstanceTest, RefusesAReloadWhoseAddressIsTakenAndGoesOn) {
  start();
  const auto problems = instance_->reload(config(
      "  - {name: more, bind: \"127.0.0.1:" + std::to_string(instance_->metrics_address().ip.port) +
      "\", upstream: app}\n"));
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].mark.line, 4U);
  const base::UniqueFd client = connect_to(0);
  expect_served(client.get());
}

TEST_F(InstanceTest, DoesNotStartOnAnAddressThatIsTaken) {
  start();
  config::Config same = config();
  same.listeners[0].bind[0].address = instance_->snapshot()->listeners[0].binds[0].address;
  auto second = Instance::make(output_, same).value();
  const auto problems = second->start(same);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems[0].text.find("cannot listen on"), std::string::npos);
}

}  // namespace
}  // namespace proxy
