#include "proxy/admin_site.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

namespace proxy {
namespace {

using metrics::HttpReply;
using metrics::HttpRequest;
using metrics::HttpStatus;

class AdminSiteTest : public testing::Test {
 protected:
  std::uint64_t refused(AdminRefusal reason) const {
    return stats_.refused[static_cast<std::size_t>(reason)].value();
  }
  // The refusal of a head; its body is the one form of an error.
  HttpReply refusal(const HttpRequest& head) {
    auto admission = site_.admit(head);
    EXPECT_TRUE(admission.reply) << head.target;
    if (!admission.reply) return {};
    const auto body = nlohmann::json::parse(admission.reply->body);
    EXPECT_EQ(body["status"], metrics::code_of(admission.reply->status));
    EXPECT_FALSE(body["error"].get<std::string>().empty());
    return *std::move(admission.reply);
  }
  static std::string header(const HttpReply& reply, const std::string& name) {
    for (const auto& each : reply.headers) {
      if (each.name == name) return each.value;
    }
    return "";
  }

  AdminQueue queue_;
  AdminStats stats_;
  AdminSite site_{queue_, stats_, nullptr};
};

TEST_F(AdminSiteTest, SaysHowLongABodyMayBe) {
  EXPECT_EQ(site_.admit({.method = "GET", .target = "/v1/status"}).body_bytes_max, 0U);
  EXPECT_EQ(site_.admit({.method = "POST", .target = "/v1/reload"}).body_bytes_max, 65'536U);
  EXPECT_EQ(site_.admit({.method = "POST", .target = "/v1/config/diff"}).body_bytes_max,
            8'388'608U);
  EXPECT_EQ(site_.too_long({}, 5).status, HttpStatus::kTooLarge);
  EXPECT_EQ(site_.too_many({}).status, HttpStatus::kUnavailable);
  EXPECT_EQ(refused(AdminRefusal::kTooLong), 1U);
  EXPECT_EQ(refused(AdminRefusal::kTooMany), 1U);
}

TEST_F(AdminSiteTest, RefusesWhatCannotBeBeforeItsBody) {
  EXPECT_EQ(refusal({.method = "GET", .target = "/v1/nothing"}).status, HttpStatus::kNotFound);
  EXPECT_EQ(refusal({.method = "GET", .target = "/v1/%2e%2e"}).status, HttpStatus::kBadRequest);
  EXPECT_EQ(refusal({.method = "GET", .target = "/v1/status?x=1"}).status, HttpStatus::kBadRequest);
  const HttpReply method = refusal({.method = "PATCH", .target = "/v1/log"});
  EXPECT_EQ(method.status, HttpStatus::kMethodNotAllowed);
  EXPECT_EQ(header(method, "Allow"), "GET, HEAD, PUT");
  EXPECT_EQ(refused(AdminRefusal::kPath), 1U);
  EXPECT_EQ(refused(AdminRefusal::kSyntax), 2U);
  EXPECT_EQ(refused(AdminRefusal::kMethod), 1U);
}

TEST_F(AdminSiteTest, AsksForTheTokenBeforeAnythingElse) {
  SharedToken token;
  token.set({.secret = "0123456789abcdef"});
  AdminSite guarded(queue_, stats_, &token);
  for (const char* target : {"/v1/status", "/v1/nothing", "//"}) {
    const auto admission = guarded.admit({.method = "GET", .target = target});
    ASSERT_TRUE(admission.reply);
    EXPECT_EQ(admission.reply->status, HttpStatus::kUnauthorized);
    EXPECT_EQ(header(*admission.reply, "WWW-Authenticate"), "Bearer realm=\"millrace\"");
  }
  EXPECT_EQ(refused(AdminRefusal::kToken), 3U);
  EXPECT_FALSE(
      guarded
          .admit(
              {.method = "GET", .target = "/v1/status", .authorization = "Bearer 0123456789abcdef"})
          .reply);
}

TEST_F(AdminSiteTest, HandsTheCallToMain) {
  std::thread main([&] {
    pollfd wait{.fd = queue_.fd(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(poll(&wait, 1, 20'000), 1);
    const AdminCall* call = queue_.take();
    ASSERT_NE(call, nullptr);
    EXPECT_EQ(call->route->action, AdminAction::kSetLog);
    EXPECT_EQ(call->body, "{}");
    EXPECT_EQ(call->client, "uid 1 pid 2");
    queue_.answer({.status = HttpStatus::kBadRequest, .body = "main's"});
  });
  const HttpReply reply =
      site_.answer({.method = "PUT", .target = "/v1/log", .body = "{}", .client = "uid 1 pid 2"});
  main.join();
  EXPECT_EQ(reply.body, "main's");
  EXPECT_EQ(refused(AdminRefusal::kSyntax), 1U);
}

TEST_F(AdminSiteTest, SaysThatTheProxyIsStopping) {
  queue_.close();
  const HttpReply reply = site_.answer({.method = "GET", .target = "/v1/status"});
  EXPECT_EQ(reply.status, HttpStatus::kUnavailable);
  EXPECT_NE(reply.body.find("stopping"), std::string::npos);
  EXPECT_EQ(refused(AdminRefusal::kStopping), 1U);
}

}  // namespace
}  // namespace proxy
