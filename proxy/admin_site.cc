#include "proxy/admin_site.h"

#include <algorithm>
#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "base/assert.h"
#include "config/problem.h"
#include "proxy/admin_reply.h"
#include "proxy/admin_target.h"

namespace proxy {
namespace {

using metrics::HttpReply;
using metrics::HttpRequest;
using metrics::HttpStatus;

struct Refused {
  AdminRefusal reason;
  std::string text;
  std::string allow = {};  // Of kMethod.
};

HttpStatus status_of(AdminRefusal reason) {
  switch (reason) {
    case AdminRefusal::kToken:
      return HttpStatus::kUnauthorized;
    case AdminRefusal::kSyntax:
      return HttpStatus::kBadRequest;
    case AdminRefusal::kPath:
      return HttpStatus::kNotFound;
    case AdminRefusal::kMethod:
      return HttpStatus::kMethodNotAllowed;
    case AdminRefusal::kTooLong:
      return HttpStatus::kTooLarge;
    case AdminRefusal::kTooMany:
    case AdminRefusal::kQueueFull:
    case AdminRefusal::kTimeout:
    case AdminRefusal::kStopping:
      return HttpStatus::kUnavailable;
    case AdminRefusal::kCount:
      break;
  }
  CHECK(false);
}

std::string_view why(AdminRefusal no_answer) {
  switch (no_answer) {
    case AdminRefusal::kQueueFull:
      return "too many requests are waiting; try again";
    case AdminRefusal::kTimeout:
      return "the main thread has been busy for ten seconds; nothing was done, try again";
    default:
      return "the proxy is stopping";
  }
}

std::string known_keys(const AdminRoute& route) {
  std::string text;
  for (const std::string_view key : route.query) {
    if (!key.empty()) text += (text.empty() ? "'" : ", '") + std::string(key) + "'";
  }
  return text.empty() ? "it takes no query" : "it takes " + text;
}

// The call that a request means, its body aside.
tl::expected<AdminCall, Refused> understand(const HttpRequest& request) {
  auto target = parse_target(request.target);
  if (!target) return tl::unexpected(Refused{AdminRefusal::kSyntax, target.error()});
  AdminMatch found = match(request.method, target->segments);
  if (found.route == nullptr && found.allow.empty()) {
    return tl::unexpected(Refused{AdminRefusal::kPath, "no such path; /v1/openapi.json lists all"});
  }
  if (found.route == nullptr) {
    return tl::unexpected(
        Refused{AdminRefusal::kMethod, "this path takes " + found.allow, found.allow});
  }
  for (const auto& [key, value] : target->query) {
    const auto& keys = found.route->query;
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    return tl::unexpected(Refused{
        AdminRefusal::kSyntax,
        "unknown key " + config::quote(key) + " in the query; " + known_keys(*found.route)});
  }
  return AdminCall{.route = found.route,
                   .names = std::move(found.names),
                   .query = std::move(target->query),
                   .body = {},
                   .target = std::string(request.target),
                   .client = std::string(request.client)};
}

}  // namespace

metrics::HttpAdmission AdminSite::admit(const HttpRequest& head) {
  if (token_ != nullptr && !token_->matches(head.authorization)) {
    HttpReply reply =
        refuse(AdminRefusal::kToken, "the header 'Authorization: Bearer TOKEN' has to be there");
    reply.headers.push_back({"WWW-Authenticate", "Bearer realm=\"millrace\""});
    return {.reply = std::move(reply)};
  }
  const auto call = understand(head);
  if (call) return {.body_bytes_max = call->route->body_bytes_max};
  HttpReply reply = refuse(call.error().reason, call.error().text);
  if (!call.error().allow.empty()) reply.headers.push_back({"Allow", call.error().allow});
  return {.reply = std::move(reply)};
}

HttpReply AdminSite::answer(const HttpRequest& request) {
  auto call = understand(request);
  CHECK(call);  // Of the same words as admit()'s.
  call->body = request.body;
  AdminQueue::Outcome outcome = queue_.ask(*std::move(call), kPatience);
  if (!outcome.reply) return refuse(outcome.refusal, why(outcome.refusal));
  if (outcome.reply->status == HttpStatus::kBadRequest) stats_.refuse(AdminRefusal::kSyntax);
  return *std::move(outcome.reply);
}

HttpReply AdminSite::too_long(const HttpRequest& /*head*/, std::size_t body_bytes_max) {
  return refuse(AdminRefusal::kTooLong,
                "the body has at most " + std::to_string(body_bytes_max) + " bytes");
}

HttpReply AdminSite::too_many(const HttpRequest& /*head*/) {
  return refuse(AdminRefusal::kTooMany, "too many bodies are under way; try again");
}

HttpReply AdminSite::refuse(AdminRefusal reason, std::string_view text) {
  stats_.refuse(reason);
  return admin_error(status_of(reason), text);
}

}  // namespace proxy
