#include "proxy/health.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <string_view>

#include "base/address.h"
#include "config/loader.h"
#include "proxy/exit_code.h"
#include "proxy/http_client.h"

namespace proxy {
namespace {

// Container runtimes give a health check a few seconds; a healthy answer takes milliseconds.
constexpr base::Nanos kAnswerMax = std::chrono::seconds(3);

// Whom to ask, or the exit code when the options do not say.
tl::expected<base::Address, int> metrics_address(const HealthOptions& options) {
  if (!options.config_path.empty()) {
    auto loaded = config::load(options.config_path);
    if (loaded) return loaded->metrics.bind.address;
    for (const config::Problem& problem : loaded.error()) {
      fmt::print(stderr, "{}\n", config::to_string(options.config_path, problem));
    }
    return tl::make_unexpected(kExitUsage);
  }
  if (options.address.empty()) return config::Metrics{}.bind.address;
  auto address = base::parse_address(options.address);
  if (address) return *address;
  fmt::print(stderr, "--address: {}\n", address.error());
  return tl::make_unexpected(kExitUsage);
}

// A server that listens on every address is here, too.
base::Address reachable(base::Address address) {
  if (!base::is_wildcard(address.ip)) return address;
  const char* loopback = address.family() == base::Family::kV4 ? "127.0.0.1:0" : "[::1]:0";
  const std::uint16_t port = address.ip.port;
  address = *base::parse_address(loopback);
  address.ip.port = port;
  return address;
}

}  // namespace

int check_health(const HealthOptions& options) {
  const auto address = metrics_address(options);
  if (!address) return address.error();
  const base::Address target = reachable(*address);
  const auto answer = http_get(target, "/readyz", kAnswerMax);
  if (!answer) {
    fmt::print(stderr, "not ready: {}: {}\n", base::to_string(target), answer.error());
    return kExitFailed;
  }
  constexpr int kOk = 200;
  const std::string_view body(answer->body);
  const std::string_view line = body.substr(0, body.find('\n'));
  if (answer->status == kOk) {
    fmt::print("ready: {}\n", line);
    return kExitDone;
  }
  fmt::print(stderr, "not ready: {} {}\n", answer->status, line);
  return kExitFailed;
}

}  // namespace proxy
