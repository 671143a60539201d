// A client of the HTTP server's tests that can misbehave: it sends whatever bytes it is told to.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/fd.h"

namespace metrics {

class HttpClient {
 public:
  // Far beyond every timeout that a test sets, far below that of the test runner.
  static constexpr std::chrono::seconds kPatience{20};

  explicit HttpClient(const base::Address& address) {
    const base::RawAddress raw = base::to_raw(address);
    fd_ = base::UniqueFd(socket(raw.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{kPatience.count(), 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    connected_ = connect(fd_.get(), raw.get(), raw.size) == 0;
  }

  bool connected() const { return connected_; }

  // False when the server had enough before everything was sent.
  bool send_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  void send_end() { shutdown(fd_.get(), SHUT_WR); }

  // Everything until the server closes or resets; ended() says whether it did.
  std::string read_to_end() {
    std::string all;
    std::array<char, 65536> chunk{};
    while (true) {
      const ssize_t got = recv(fd_.get(), chunk.data(), chunk.size(), 0);
      if (got > 0) {
        all.append(chunk.data(), static_cast<std::size_t>(got));
        continue;
      }
      ended_ = got == 0 || errno == ECONNRESET;
      return all;
    }
  }
  bool ended() const { return ended_; }

  // True when the server closes or resets within kPatience, whatever is still unread.
  bool wait_for_hangup() {
    pollfd waiting{fd_.get(), POLLRDHUP, 0};
    const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(kPatience);
    return poll(&waiting, 1, static_cast<int>(patience.count())) == 1;
  }

 private:
  base::UniqueFd fd_;
  bool connected_ = false;
  bool ended_ = false;
};

// The whole answer to one well-formed request.
inline std::string ask(const base::Address& address, const std::string& path,
                       const std::string& method = "GET") {
  HttpClient client(address);
  client.send_all(method + " " + path + " HTTP/1.1\r\nHost: millrace\r\n\r\n");
  return client.read_to_end();
}

inline std::string head_of(const std::string& answer) {
  return answer.substr(0, answer.find("\r\n\r\n"));
}
inline std::string body_of(const std::string& answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}

}  // namespace metrics
