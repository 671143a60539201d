#include "proxy/top_source.h"

#include <string_view>
#include <utility>

#include "config/config.h"
#include "proxy/health.h"

namespace proxy {
namespace {

constexpr std::string_view kScheme = "http://";
constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kMetricsPath = "/status.json";
constexpr std::string_view kAdminPath = "/v1/status";

constexpr int kOk = 200;
constexpr int kUnauthorized = 401;

// "localhost:9464" is what people write; other names are for a resolver, which is not asked here.
std::string numeric(std::string_view authority) {
  constexpr std::string_view kLocalhost = "localhost:";
  if (!authority.starts_with(kLocalhost)) return std::string(authority);
  return "127.0.0.1:" + std::string(authority.substr(kLocalhost.size()));
}

const char* hint_of(const TopSource& source) {
  return source.path == kAdminPath ? "is it the socket of a Millrace's admin API?"
                                   : "is it the metrics port of a Millrace?";
}

}  // namespace

base::Parsed<TopSource> top_source_of_url(const std::string& url) {
  const std::string right = "; write it as http://127.0.0.1:9464";
  if (url.empty()) {
    const base::Address address = config::Metrics{}.bind.address;
    return TopSource{.address = address,
                     .path = std::string(kMetricsPath),
                     .name = std::string(kScheme) + base::to_string(address)};
  }
  std::string_view rest = url;
  if (!rest.starts_with(kScheme)) {
    return base::failure("--url \"" + url + "\" does not begin with http://" + right);
  }
  rest.remove_prefix(kScheme.size());
  const std::string_view authority = rest.substr(0, rest.find('/'));
  std::string_view path = rest.substr(authority.size());
  if (path.empty() || path == "/") path = kMetricsPath;
  if (path.find_first_of(" \r\n\t") != std::string_view::npos) {
    return base::failure("--url \"" + url + "\" has a space in it" + right);
  }
  const auto address = base::parse_address(numeric(authority));
  if (!address) return base::failure("--url \"" + url + "\": " + address.error() + right);
  if (address->family() == base::Family::kUnix) {
    return base::failure("--url \"" + url + "\" is a socket's path; --socket takes it");
  }
  return TopSource{.address = *address,
                   .path = std::string(path),
                   .name = std::string(kScheme) + std::string(authority)};
}

base::Parsed<TopSource> top_source_of_socket(const std::string& path) {
  const std::string name = path.starts_with(kUnix) ? path : std::string(kUnix) + path;
  auto address = base::parse_address(name);
  if (!address) return base::failure("--socket \"" + path + "\": " + address.error());
  return TopSource{.address = *address, .path = std::string(kAdminPath), .name = name};
}

base::Parsed<TopStatus> ask_for_status(const TopSource& source, base::Nanos wait_max) {
  const auto answer = http_get(source.address, source.path, wait_max);
  if (!answer) {
    return base::failure("cannot reach " + source.name + ": " + answer.error() +
                         "; is Millrace running there?");
  }
  if (answer->status == kUnauthorized) {
    return base::failure(
        source.name + " wants a token; the metrics port and the admin API's socket" + " want none");
  }
  if (answer->status != kOk) {
    return base::failure("no status document at " + source.name + ": it answered " +
                         std::to_string(answer->status) + " to GET " + source.path + "; " +
                         hint_of(source));
  }
  auto status = parse_top_status(answer->body);
  if (!status) {
    return base::failure("no status document at " + source.name + ": " + status.error() + "; " +
                         hint_of(source));
  }
  return status;
}

}  // namespace proxy
