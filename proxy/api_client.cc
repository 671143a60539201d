#include "proxy/api_client.h"

#include <fmt/format.h>

#include <cctype>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/errno.h"
#include "proxy/admin_token.h"
#include "proxy/http_client.h"

namespace proxy {
namespace {

using nlohmann::json;

base::Parsed<base::Address> address_of_url(const std::string& url) {
  constexpr std::string_view kScheme = "http://";
  std::string_view rest(url);
  const auto failed = [&] {
    return base::failure(fmt::format("'{}' is not a URL like http://127.0.0.1:9464", url));
  };
  if (!rest.starts_with(kScheme)) return failed();
  rest.remove_prefix(kScheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  auto address = base::parse_address(rest);
  if (!address || address->family() == base::Family::kUnix || address->ip.port == 0) {
    return failed();
  }
  return *std::move(address);
}

// What the user of a command can do about it.
std::string_view advice_of(std::string_view why, bool is_unix) {
  const auto has = [&](std::string_view name) { return why.find(name) != std::string_view::npos; };
  if (has("ENOENT")) return "; is millrace running, with the admin API at this path?";
  if (has("ECONNREFUSED")) return "; is millrace running?";
  if (has("EACCES") && is_unix) return "; its user, its group and root may use the socket";
  if (has("ETIMEDOUT")) return "; it is there and does not answer";
  return "";
}

}  // namespace

base::Parsed<ApiClient> ApiClient::make(const ApiTarget& target) {
  ApiClient client;
  auto address = target.url.empty() ? base::parse_address("unix:" + target.socket)
                                    : address_of_url(target.url);
  if (!address) return base::failure(std::move(address.error()));
  client.address_ = *std::move(address);
  if (target.token_file.empty()) return client;
  auto token = AdminToken::read(target.token_file);
  if (!token) return base::failure(std::move(token.error()));
  client.token_ = std::move(token->secret);
  return client;
}

base::Parsed<ApiClient::Answer> ApiClient::ask(std::string_view method, const std::string& target,
                                               std::string_view body, base::Nanos wait_max) const {
  auto answer = http_ask(
      address_, {.method = method, .target = target, .body = body, .token = token_}, wait_max);
  if (answer) return Answer{.status = answer->status, .text = std::move(answer->body)};
  const bool is_unix = address_.family() == base::Family::kUnix;
  return base::failure(fmt::format("no answer from {}: {}{}", base::to_string(address_),
                                   answer.error(), advice_of(answer.error(), is_unix)));
}

base::Parsed<json> ApiClient::get(const std::string& target, base::Nanos wait_max) const {
  auto answer = ask("GET", target, {}, wait_max);
  if (!answer) return base::failure(std::move(answer.error()));
  if (!answer->good()) return base::failure(error_of(*answer));
  json document = json::parse(answer->text, nullptr, false);
  if (!document.is_discarded()) return document;
  return base::failure(fmt::format("what {} says at {} is not JSON; is that millrace?",
                                   base::to_string(address_), target));
}

std::string error_of(const ApiClient::Answer& answer) {
  const json document = json::parse(answer.text, nullptr, false);
  if (document.is_object() && document.contains("error") && document["error"].is_string()) {
    return document["error"].get<std::string>();
  }
  return fmt::format("{} {}", answer.status, answer.text.substr(0, answer.text.find('\n')));
}

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        std::isalnum(byte) != 0 || std::string_view("-._~").find(c) != std::string_view::npos;
    encoded += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return encoded;
}

}  // namespace proxy
