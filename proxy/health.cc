#include "proxy/health.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string_view>

#include "base/fd.h"
#include "config/loader.h"
#include "proxy/exit_code.h"

namespace proxy {
namespace {

// Container runtimes give a health check a few seconds; a healthy answer takes milliseconds.
constexpr base::Nanos kAnswerMax = std::chrono::seconds(3);
// A metrics page of 1,000 endpoints is about a megabyte.
constexpr std::size_t kAnswerBytesMax = std::size_t{16} << 20U;
constexpr std::size_t kReadBytes = std::size_t{64} << 10U;

// Until the socket is ready for events or the time has come.
base::Result<void> wait_for(int fd, short events, base::Nanos deadline) {
  pollfd ready{.fd = fd, .events = events, .revents = 0};
  for (;;) {
    const base::Nanos left = std::max(deadline - base::monotonic_now(), base::Nanos{0});
    const auto left_ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    const int count = poll(&ready, 1, static_cast<int>(left_ms));
    if (count > 0) return {};
    if (count == 0) return base::failure(base::to_errno(ETIMEDOUT));
    if (errno != EINTR) return base::failure_of_errno();
  }
}

base::Result<base::UniqueFd> connect_by(const base::Address& address, base::Nanos deadline) {
  const base::RawAddress raw = base::to_raw(address);
  base::UniqueFd fd(socket(raw.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return base::failure_of_errno();
  if (connect(fd.get(), raw.get(), raw.size) == 0) return fd;
  if (errno != EINPROGRESS) return base::failure_of_errno();
  if (auto ready = wait_for(fd.get(), POLLOUT, deadline); !ready) {
    return base::failure(ready.error());
  }
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
    return base::failure_of_errno();
  }
  if (error != 0) return base::failure(base::to_errno(error));
  return fd;
}

base::Result<void> send_all(int fd, std::string_view text, base::Nanos deadline) {
  while (!text.empty()) {
    const ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN) {
      return base::failure_of_errno();
    } else if (auto ready = wait_for(fd, POLLOUT, deadline); !ready) {
      return ready;
    }
  }
  return {};
}

base::Result<std::string> receive_all(int fd, base::Nanos deadline) {
  std::string text;
  std::array<char, kReadBytes> buffer{};
  while (text.size() < kAnswerBytesMax) {
    const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
    if (got > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(got));
    } else if (got == 0) {
      return text;
    } else if (errno != EAGAIN) {
      return base::failure_of_errno();
    } else if (auto ready = wait_for(fd, POLLIN, deadline); !ready) {
      return base::failure(ready.error());
    }
  }
  return base::failure(base::to_errno(EMSGSIZE));
}

// "HTTP/1.1 200 OK\r\n...\r\n\r\nbody"
std::optional<HttpAnswer> parse_answer(std::string_view text) {
  constexpr std::string_view kProtocol = "HTTP/1.";
  constexpr std::size_t kStatusAt = kProtocol.size() + 2;
  constexpr std::string_view kHeadEnd = "\r\n\r\n";
  const std::size_t head_end = text.find(kHeadEnd);
  if (!text.starts_with(kProtocol) || head_end == std::string_view::npos) return std::nullopt;
  HttpAnswer answer;
  const char* status = text.data() + kStatusAt;
  if (std::from_chars(status, text.data() + head_end, answer.status).ec != std::errc{}) {
    return std::nullopt;
  }
  answer.body = text.substr(head_end + kHeadEnd.size());
  return answer;
}

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

base::Parsed<HttpAnswer> http_get(const base::Address& address, const std::string& path,
                                  base::Nanos wait_max) {
  const base::Nanos deadline = base::monotonic_now() + wait_max;
  const auto fd = connect_by(address, deadline);
  if (!fd) return base::failure(base::errno_text(fd.error()));
  const std::string request = fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: millrace\r\nConnection: close\r\n\r\n", path,
      base::to_string(address));
  if (auto sent = send_all(fd->get(), request, deadline); !sent) {
    return base::failure(base::errno_text(sent.error()));
  }
  const auto text = receive_all(fd->get(), deadline);
  if (!text) return base::failure(base::errno_text(text.error()));
  auto answer = parse_answer(*text);
  if (!answer) return base::failure(std::string("the answer is not HTTP"));
  return *std::move(answer);
}

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
