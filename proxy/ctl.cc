#include "proxy/ctl.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/errno.h"
#include "base/fd.h"
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

// One byte more than the API takes is enough for its refusal; /dev/zero has no end.
constexpr std::size_t kFileBytesMax = (std::size_t{8} << 20U) + 1;
constexpr std::size_t kReadBytes = std::size_t{64} << 10U;

base::Parsed<std::string> read_file(const std::string& path) {
  const bool is_stdin = path == "-";
  const base::UniqueFd file(is_stdin ? -1 : open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  const int fd = is_stdin ? STDIN_FILENO : file.get();
  std::string text;
  std::array<char, kReadBytes> buffer{};
  while (fd >= 0 && text.size() < kFileBytesMax) {
    const ssize_t got =
        ::read(fd, buffer.data(), std::min(buffer.size(), kFileBytesMax - text.size()));
    if (got == 0) return text;
    if (got > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(got));
    } else if (errno != EINTR) {
      break;
    }
  }
  if (text.size() == kFileBytesMax) return text;
  return base::failure(
      fmt::format("cannot read {}: {}", path, base::errno_text(base::last_errno())));
}

// fmt::print throws where stdout takes no more: `ctl sessions --all | head` is no reason to abort,
// and a full disk is one to fail.
int put(std::string_view text) {
  const std::size_t written = std::fwrite(text.data(), 1, text.size(), stdout);
  if (written == text.size() && std::fflush(stdout) == 0) return kExitDone;
  if (errno == EPIPE) return kExitFailed;  // The reader has seen enough.
  return failed("cannot write the answer: " + base::errno_text(base::last_errno()));
}

// The document for people. The versions of the program and of who answers may differ.
int put_for_people(const CtlOptions& options, const json& document) {
  std::string text;
  try {
    text = ctl_text(options, document);
  } catch (const json::exception& error) {
    return failed(
        fmt::format("the answer has another shape than this version knows ({}); --json "
                    "prints it as it is",
                    error.what()));
  }
  return put(text);
}

// What a refusal says, with what to do about it here.
int refused(const CtlOptions& options, const ApiClient::Answer& answer) {
  constexpr int kUnauthorized = 401;
  if (options.json) static_cast<void>(put(answer.text));  // It has failed already.
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
    if (!more) continue;
    auto next = page["next"].get<std::string>();
    if (next == cursor) return failed("the pages of sessions do not go on; is that millrace?");
    cursor = std::move(next);
  }
  const json document = {{"sessions", std::move(all)}, {"next", more ? json(cursor) : json()}};
  const int code = options.json ? put(document.dump() + '\n') : put_for_people(options, document);
  if (more && !options.json && code == kExitDone) {
    fmt::print(stderr, "There are more: --all, or a larger --limit.\n");  // After the table.
  }
  return code;
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
  const int code = options.json ? put(answer->text) : put_for_people(options, document);
  // A candidate with errors is no success, though the question was answered.
  const bool invalid = options.action == CtlAction::kDiffConfig &&
                       (!document.contains("valid") || document["valid"] != true);
  return invalid ? kExitFailed : code;
}

}  // namespace proxy
