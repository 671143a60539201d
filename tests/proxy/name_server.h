// A name server on loopback in the test's own process: a UDP socket and a thread that answers as
// the test says. What a real one does is tests/integration/dns_test.py's business; this one also
// does what no real one would.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "base/address.h"
#include "base/assert.h"
#include "base/fd.h"
#include "tests/proxy/dns_messages.h"

namespace proxy {

struct DnsQuestion {
  std::uint16_t id = 0;
  std::string name;
  std::uint16_t type = 0;

  DnsBytes reply(const std::vector<DnsRecord>& answers, std::uint16_t code = 0) const {
    return dns_reply(id, name, type, answers, code);
  }
};

class NameServer {
 public:
  // Called on the server's thread. Empty: no reply is sent.
  using Answer = std::function<DnsBytes(const DnsQuestion&)>;

  explicit NameServer(Answer answer)
      : answer_(std::move(answer)),
        socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
        stop_(eventfd(0, EFD_CLOEXEC)) {
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) == 0);
    socklen_t size = sizeof own;
    CHECK(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&own), &size) == 0);
    address_ = base::parse_address("127.0.0.1:" + std::to_string(ntohs(own.sin_port))).value().ip;
    thread_ = std::thread([this] { serve(); });
  }
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;
  ~NameServer() {
    CHECK(eventfd_write(stop_.get(), 1) == 0);
    thread_.join();
  }

  const base::IpPort& address() const { return address_; }
  void answer_with(Answer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  std::size_t questions() const { return questions_; }

  // Has these records and no others.
  static Answer zone(std::vector<DnsRecord> records) {
    return [records = std::move(records)](const DnsQuestion& question) {
      std::vector<DnsRecord> found;
      bool exists = false;
      for (const DnsRecord& record : records) {
        exists |= record.name == question.name;
        if (record.name == question.name && record.type == question.type) found.push_back(record);
      }
      return question.reply(found, exists ? 0 : kDnsNxdomain);
    };
  }

 private:
  void serve() {
    for (;;) {
      std::array<pollfd, 2> waits = {{{.fd = socket_.get(), .events = POLLIN, .revents = 0},
                                      {.fd = stop_.get(), .events = POLLIN, .revents = 0}}};
      static_cast<void>(::poll(waits.data(), waits.size(), -1));
      if (waits[1].revents != 0) return;
      DnsBytes message(4096);
      sockaddr_in client{};
      socklen_t size = sizeof client;
      const auto got = ::recvfrom(socket_.get(), message.data(), message.size(), 0,
                                  reinterpret_cast<sockaddr*>(&client), &size);
      if (got < 12) continue;
      message.resize(static_cast<std::size_t>(got));
      ++questions_;
      const DnsBytes reply = ask(question_of(message));
      if (reply.empty()) continue;
      static_cast<void>(::sendto(socket_.get(), reply.data(), reply.size(), 0,
                                 reinterpret_cast<const sockaddr*>(&client), size));
    }
  }

  DnsBytes ask(const DnsQuestion& question) {
    const std::lock_guard lock(mutex_);
    return answer_(question);
  }

  static DnsQuestion question_of(const DnsBytes& message) {
    const auto number = [&](std::size_t at) {
      return static_cast<std::uint16_t>(message.at(at) << 8U | message.at(at + 1));
    };
    DnsQuestion question{.id = number(0), .name = {}, .type = 0};
    std::size_t at = 12;
    while (message.at(at) != 0) {
      const std::size_t length = message.at(at);
      if (!question.name.empty()) question.name += '.';
      for (std::size_t i = 1; i <= length; ++i) {
        question.name += static_cast<char>(message.at(at + i));
      }
      at += length + 1;
    }
    question.type = number(at + 1);
    return question;
  }

  std::mutex mutex_;
  Answer answer_;
  base::UniqueFd socket_;
  base::UniqueFd stop_;
  base::IpPort address_;
  std::atomic<std::size_t> questions_{0};
  std::thread thread_;
};

}  // namespace proxy
