#include "proxy/http_client.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <optional>

#include "base/fd.h"

namespace proxy {
namespace {

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
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return {};  // Answered, perhaps: that shows when we read.
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
    } else if (errno == ECONNRESET && !text.empty()) {
      return text;  // It did not want the rest of the question.
    } else if (errno != EAGAIN) {
      return base::failure_of_errno();
    } else if (auto ready = wait_for(fd, POLLIN, deadline); !ready) {
      return base::failure(ready.error());
    }
  }
  return base::failure(base::to_errno(EMSGSIZE));
}

// What the head says of the body; 0 when it says nothing.
std::size_t content_length(std::string_view head) {
  constexpr std::string_view kName = "\r\ncontent-length:";
  const auto found = std::search(
      head.begin(), head.end(), kName.begin(), kName.end(),
      [](char have, char want) { return want == std::tolower(static_cast<unsigned char>(have)); });
  if (found == head.end()) return 0;
  head.remove_prefix(static_cast<std::size_t>(found - head.begin()) + kName.size());
  head.remove_prefix(std::min(head.find_first_not_of(' '), head.size()));
  std::size_t length = 0;
  std::from_chars(head.data(), head.data() + head.size(), length);
  return length;
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
  if (answer.body.size() < content_length(text.substr(0, head_end))) return std::nullopt;
  return answer;
}

std::string text_of(const base::Address& address, const HttpQuestion& question) {
  const bool is_unix = address.family() == base::Family::kUnix;
  std::string text = fmt::format(
      "{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: millrace\r\nConnection: close\r\n",
      question.method, question.target, is_unix ? "millrace" : base::to_string(address));
  if (!question.token.empty()) text += fmt::format("Authorization: Bearer {}\r\n", question.token);
  if (!question.body.empty()) text += fmt::format("Content-Length: {}\r\n", question.body.size());
  return text.append("\r\n").append(question.body);
}

}  // namespace

base::Parsed<HttpAnswer> http_ask(const base::Address& address, const HttpQuestion& question,
                                  base::Nanos wait_max) {
  const base::Nanos deadline = base::monotonic_now() + wait_max;
  const auto fd = connect_by(address, deadline);
  if (!fd) return base::failure(base::errno_text(fd.error()));
  if (auto sent = send_all(fd->get(), text_of(address, question), deadline); !sent) {
    return base::failure(base::errno_text(sent.error()));
  }
  const auto text = receive_all(fd->get(), deadline);
  if (!text) return base::failure(base::errno_text(text.error()));
  auto answer = parse_answer(*text);
  if (!answer) return base::failure(std::string("the answer is not HTTP, or not all of it"));
  return *std::move(answer);
}

}  // namespace proxy
