// What the tests of everything above a single lookup share: a name server with a zone that the test
// changes, a log that can be read, and an upstream that asks there.
#pragma once

#include <unistd.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/fd.h"
#include "config/config.h"
#include "proxy/dns_answer.h"
#include "proxy/log.h"
#include "proxy/log_output.h"
#include "tests/proxy/name_server.h"

namespace proxy {

// Answers for every name and type with a response code.
inline NameServer::Answer always(std::uint16_t code) {
  return [code](const DnsQuestion& question) { return question.reply({}, code); };
}

// No answer at all.
inline NameServer::Answer silence() {
  return [](const DnsQuestion&) { return DnsBytes{}; };
}

// app.example with these addresses, and a TTL of 0.
inline NameServer::Answer app(const std::vector<std::string>& ips) {
  std::vector<DnsRecord> records;
  records.reserve(ips.size());
  for (const std::string& ip : ips) records.push_back(address_record("app.example", ip, 0));
  return NameServer::zone(std::move(records));
}

class DnsFixture {
 public:
  DnsFixture() {
    std::array<int, 2> ends{};
    CHECK(::pipe(ends.data()) == 0);
    reader_ = base::UniqueFd(ends[0]);
    writer_ = base::UniqueFd(ends[1]);
    output_ = std::make_unique<LogOutput>(writer_.get());
    log_ = std::make_unique<Log>(*output_, config::Log{});
  }

  Log& log() { return *log_; }
  NameServer& names() const { return *names_; }

  // Everything logged; the log is gone afterwards.
  std::string logged() {
    log_.reset();
    output_.reset();
    writer_.close();
    std::string text;
    std::array<char, 4096> piece{};
    for (;;) {
      const auto got = ::read(reader_.get(), piece.data(), piece.size());
      if (got <= 0) return text;
      text.append(piece.data(), static_cast<std::size_t>(got));
    }
  }

  config::Upstream upstream(const std::string& name = "app") const {
    config::Upstream upstream;
    upstream.name = name;
    config::Dns& dns = upstream.dns.emplace();
    dns.name = "app.example";
    dns.port = 80;
    dns.refresh = std::chrono::milliseconds(10);
    dns.timeout = std::chrono::seconds(30);
    dns.linger = base::Nanos{0};
    dns.servers = {names_->address()};
    dns.mark = {.line = 7, .column = 9};
    return upstream;
  }

 private:
  std::unique_ptr<NameServer> names_ = std::make_unique<NameServer>(app({"10.0.0.1"}));
  base::UniqueFd reader_;
  base::UniqueFd writer_;
  std::unique_ptr<LogOutput> output_;
  std::unique_ptr<Log> log_;
};

inline std::vector<std::string> texts_of(const std::vector<DnsAddress>& addresses) {
  std::vector<std::string> all;
  all.reserve(addresses.size());
  for (const DnsAddress& it : addresses) all.push_back(base::to_string(it.address));
  return all;
}

}  // namespace proxy
