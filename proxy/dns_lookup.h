// One lookup of an upstream's name: A and AAAA side by side, or SRV and then the addresses of its
// targets. It has a c-ares channel of its own, so that its name servers, its time limit and its
// sockets are its own: a new source port for each lookup makes forged replies harder, and
// /etc/resolv.conf is read anew each time. The name is taken as it stands: no search domains, no
// /etc/hosts.
//
// The resolver owns it and waits for its descriptors; everything on the resolver's thread.
#pragma once

#include <ares.h>
#include <poll.h>

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "config/config.h"
#include "proxy/dns_answer.h"

namespace proxy {

class DnsLookup {
 public:
  // Targets of an SRV answer whose addresses are asked for: the first by priority and name. Each
  // costs two questions.
  static constexpr std::size_t kTargetsMax = 48;
  // Questions asked again when no reply comes; each waits twice as long as the one before.
  static constexpr int kTries = 3;

  // Asks. dns is copied where needed.
  DnsLookup(const config::Dns& dns, base::Nanos now);
  DnsLookup(const DnsLookup&) = delete;
  DnsLookup& operator=(const DnsLookup&) = delete;
  // Drops what is still open.
  ~DnsLookup();

  // Appends what poll(2) has to wait for.
  void add_waits(std::vector<pollfd>& waits) const;
  // When process() must come at the latest.
  base::Nanos deadline() const { return wake_; }
  // After poll(2). ready may hold descriptors of others.
  void process(const std::vector<pollfd>& ready, base::Nanos now);

  // Empty until the lookup has ended, which it does within dns.timeout.
  const std::optional<DnsAnswer>& answer() const { return answer_; }
  // Targets of the SRV answer beyond kTargetsMax.
  std::size_t targets_ignored() const { return targets_ignored_; }

 private:
  enum class Kind : std::uint8_t { kV4, kV6, kServices };
  // One question to the name servers and what came back.
  struct Query {
    Kind kind = Kind::kV4;
    std::string name;
    bool answered = false;
    AddressRecords addresses;
    SrvRecords services;
  };

  // c-ares calls these two from inside ares_query() and ares_process_fd(): they only write down.
  static void received(void* query, int status, int timeouts, unsigned char* reply, int size);
  static void socket_changed(void* lookup, int fd, int readable, int writable);

  bool open();
  bool use_servers(const std::vector<base::IpPort>& servers);
  void ask(Kind kind, const std::string& name);
  void ask_for_host(const std::string& name);
  // Goes on when everything asked so far has been answered.
  void advance(base::Nanos now);
  void set_wake(base::Nanos now);
  DnsAnswer answer_so_far() const;

  config::DnsType type_;
  std::uint16_t port_;
  base::Nanos timeout_;
  base::Nanos end_;
  base::Nanos wake_{0};
  std::deque<Query> queries_;  // Never move: c-ares holds pointers to them.
  std::vector<pollfd> sockets_;
  std::size_t targets_ignored_ = 0;
  bool targets_asked_ = false;
  std::optional<DnsAnswer> answer_;
  ares_channel channel_ = nullptr;
};

}  // namespace proxy
