#include "proxy/top_source.h"

#include <fmt/format.h>

#include <utility>

#include "config/config.h"

namespace proxy {

base::Parsed<TopSource> TopSource::make(ApiTarget target) {
  const bool is_admin = !target.socket.empty() || !target.token_file.empty();
  if (target.socket.empty() && target.url.empty()) {
    const config::Config defaults;
    target.url = "http://" + base::to_string(defaults.metrics.bind.address);
  }
  auto client = ApiClient::make(target);
  if (!client) return base::failure(std::move(client.error()));
  return TopSource(*std::move(client), is_admin);
}

std::string TopSource::name() const { return base::to_string(client_.address()); }

base::Parsed<TopStatus> TopSource::ask(base::Nanos wait_max) const {
  const char* target = is_admin_ ? "/v1/status" : "/status.json";
  const char* hint =
      is_admin_ ? "is that Millrace's admin API?" : "is that the metrics port of a Millrace?";
  const auto answer = client_.ask("GET", target, {}, wait_max);
  if (!answer) return base::failure(answer.error());
  if (!answer->good()) {
    return base::failure(fmt::format("no status document at {}: it answered \"{}\" to GET {}; {}",
                                     name(), error_of(*answer), target, hint));
  }
  auto status = parse_top_status(answer->text);
  if (!status) {
    return base::failure(
        fmt::format("no status document at {}: {}; {}", name(), status.error(), hint));
  }
  return status;
}

}  // namespace proxy
