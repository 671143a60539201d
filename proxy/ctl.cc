#include "proxy/ctl.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/errno.h"
#include "proxy/admin_sessions.h"
#include "proxy/ctl_request.h"
#include "proxy/ctl_view.h"
#include "proxy/exit_code.h"

namespace proxy {
namespace {

using nlohmann::json;

// A reload waits for the DNS and for all workers; the API itself gives up after ten seconds in its
// queue.
constexpr base::Nanos kAnswerMax = std::chrono::seconds(60);

int failed(std::string_view why) {
  fmt::print(stderr, "millrace ctl: {}\n", why);
  return kExitFailed;
}

base::Parsed<std::string> read_file(const std::string& path) {
  if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.is_open() && !file.bad()) return text;
  return base::failure(
      fmt::format("cannot read {}: {}", path, base::errno_text(base::last_errno())));
}

// What a refusal says, with what to do about it here.
int refused(const CtlOptions& options, const ApiClient::Answer& answer) {
  constexpr int kUnauthorized = 401;
  if (options.json) fmt::print("{}", answer.text);
  if (answer.status == kUnauthorized) {
    return failed(options.target.token_file.empty()
                      ? "the admin API asks for a token: --token-file FILE"
                      : "the admin API has another token than " + options.target.token_file);
  }
  const json document = json::parse(answer.text, nullptr, false);
  if (document.is_object() && document.contains("problems")) {
    fmt::print(stderr, "{}", problems_text("the file", document["problems"]));
  }
  return failed(error_of(answer));
}

// Pages of sessions, until there are as many as were asked for.
int list_sessions(const ApiClient& client, const CtlOptions& options) {
  json all = json::array();
  std::string cursor;
  bool more = true;
  while (more && (options.limit == 0 || all.size() < options.limit)) {
    const std::size_t wanted = options.limit == 0
                                   ? kSessionRowsMax
                                   : std::min(options.limit - all.size(), kSessionRowsMax);
    const CtlRequest request = page_request(options, wanted, cursor);
    const auto answer = client.ask(request.method, request.target, request.body, kAnswerMax);
    if (!answer) return failed(answer.error());
    if (!answer->good()) return refused(options, *answer);
    json page = json::parse(answer->text, nullptr, false);
    if (!page.is_object() || !page["sessions"].is_array()) {
      return failed("the answer is not a page of sessions; is that millrace?");
    }
    for (json& session : page["sessions"]) all.push_back(std::move(session));
    more = page["next"].is_string();
    if (more) cursor = page["next"].get<std::string>();
  }
  const json document = {{"sessions", std::move(all)}, {"next", more ? json(cursor) : json()}};
  if (options.json) {
    fmt::print("{}\n", document.dump());
  } else {
    fmt::print("{}", ctl_text(options, document));
    static_cast<void>(std::fflush(stdout));  // The table first, also where both go to one file.
    if (more) fmt::print(stderr, "There are more: --all, or a larger --limit.\n");
  }
  return kExitDone;
}

}  // namespace

int run_ctl(const CtlOptions& options) {
  const auto client = ApiClient::make(options.target);
  if (!client) {
    failed(client.error());
    return kExitUsage;
  }
  if (options.action == CtlAction::kSessions) return list_sessions(*client, options);
  std::string text;
  if (options.action == CtlAction::kDiffConfig) {
    auto read = read_file(options.file);
    if (!read) {
      failed(read.error());
      return kExitUsage;
    }
    text = *std::move(read);
  }
  const CtlRequest request = request_of(options, text);
  const auto answer = client->ask(request.method, request.target, request.body, kAnswerMax);
  if (!answer) return failed(answer.error());
  if (!answer->good()) return refused(options, *answer);
  const json document = json::parse(answer->text, nullptr, false);
  if (!document.is_object()) return failed("the answer is not JSON; is that millrace?");
  fmt::print("{}", options.json ? answer->text : ctl_text(options, document));
  // A candidate with errors is no success, though the question was answered.
  const bool invalid = options.action == CtlAction::kDiffConfig && !document.value("valid", false);
  return invalid ? kExitFailed : kExitDone;
}

}  // namespace proxy
