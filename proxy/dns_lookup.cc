#include "proxy/dns_lookup.h"

#include <sys/time.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <set>
#include <span>

#include "base/assert.h"

namespace proxy {
namespace {

using base::Nanos;

// What a resolver may send in one datagram: fits into every path without fragments (the value DNS
// Flag Day 2020 settled on). Larger answers come over TCP.
constexpr int kDatagramMax = 1232;

// The first question is asked again after this share of the whole time.
constexpr int kFirstTryShare = 4;
constexpr Nanos kFirstTryMin = std::chrono::milliseconds(10);

// Question types (RFC 1035, 3596, 2782) and the Internet's class.
constexpr int kTypeA = 1;
constexpr int kTypeAaaa = 28;
constexpr int kTypeSrv = 33;
constexpr int kClassIn = 1;

int milliseconds_of(Nanos time) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

}  // namespace

DnsLookup::DnsLookup(const config::Dns& dns, Nanos now)
    : type_(dns.type), port_(dns.port), timeout_(dns.timeout), end_(now + dns.timeout) {
  if (!open() || !use_servers(dns.servers)) {
    answer_ = DnsAnswer{};
    wake_ = now;
    return;
  }
  if (type_ == config::DnsType::kSrv) {
    ask(Kind::kServices, dns.name);
  } else {
    ask_for_host(dns.name);
  }
  advance(now);
}

DnsLookup::~DnsLookup() {
  if (channel_ != nullptr) ares_destroy(channel_);
}

bool DnsLookup::open() {
  std::string lookups = "b";  // DNS only: /etc/hosts is about this machine's view.
  ares_options options;
  std::memset(&options, 0, sizeof options);
  options.flags = ARES_FLAG_EDNS;
  options.ednspsz = kDatagramMax;
  options.timeout = milliseconds_of(std::max(timeout_ / kFirstTryShare, kFirstTryMin));
  options.tries = kTries;
  options.lookups = lookups.data();
  options.sock_state_cb = socket_changed;
  options.sock_state_cb_data = this;
  return ares_init_options(&channel_, &options,
                           ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                               ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB) == ARES_SUCCESS;
}

bool DnsLookup::use_servers(const std::vector<base::IpPort>& servers) {
  if (servers.empty()) return true;  // c-ares has read /etc/resolv.conf.
  std::vector<ares_addr_port_node> nodes(servers.size());
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const base::IpPort& from = servers[i];
    ares_addr_port_node& node = nodes[i];
    std::memset(&node, 0, sizeof node);
    node.next = i + 1 < nodes.size() ? &nodes[i + 1] : nullptr;
    node.udp_port = from.port;
    node.tcp_port = from.port;
    if (from.family == base::Family::kV4) {
      node.family = AF_INET;
      std::memcpy(&node.addr.addr4, from.bytes.data(), sizeof node.addr.addr4);
    } else {
      node.family = AF_INET6;
      std::memcpy(&node.addr.addr6, from.bytes.data(), sizeof node.addr.addr6);
    }
  }
  return ares_set_servers_ports(channel_, nodes.data()) == ARES_SUCCESS;
}

void DnsLookup::ask(Kind kind, const std::string& name) {
  Query& query = queries_.emplace_back();
  query.kind = kind;
  query.name = name;
  int type = kTypeSrv;
  if (kind == Kind::kV4) type = kTypeA;
  if (kind == Kind::kV6) type = kTypeAaaa;
  ares_query(channel_, query.name.c_str(), kClassIn, type, received, &query);
}

void DnsLookup::ask_for_host(const std::string& name) {
  ask(Kind::kV4, name);
  ask(Kind::kV6, name);
}

// NOLINTNEXTLINE(readability-non-const-parameter): the signature is c-ares'.
void DnsLookup::received(void* query, int status, int /*timeouts*/, unsigned char* reply,
                         int size) {
  Query& asked = *static_cast<Query*>(query);
  asked.answered = true;
  const DnsResult result = result_of(status);
  asked.addresses.result = result;
  asked.services.result = result;
  if (result != DnsResult::kOk) return;
  const std::span<const std::uint8_t> bytes(reply, static_cast<std::size_t>(size));
  switch (asked.kind) {
    case Kind::kV4:
      asked.addresses = parse_addresses(bytes, base::Family::kV4);
      return;
    case Kind::kV6:
      asked.addresses = parse_addresses(bytes, base::Family::kV6);
      return;
    case Kind::kServices:
      asked.services = parse_services(bytes);
      return;
  }
}

void DnsLookup::socket_changed(void* lookup, int fd, int readable, int writable) {
  auto& sockets = static_cast<DnsLookup*>(lookup)->sockets_;
  std::erase_if(sockets, [fd](const pollfd& socket) { return socket.fd == fd; });
  const int events = (readable != 0 ? POLLIN : 0) | (writable != 0 ? POLLOUT : 0);
  if (events == 0) return;
  sockets.push_back({.fd = fd, .events = static_cast<short>(events), .revents = 0});
}

void DnsLookup::add_waits(std::vector<pollfd>& waits) const {
  waits.insert(waits.end(), sockets_.begin(), sockets_.end());
}

void DnsLookup::process(const std::vector<pollfd>& ready, Nanos now) {
  if (answer_) return;
  for (const pollfd& wait : ready) {
    // Looked up again for each one: handling an earlier one may have closed it.
    const bool ours = std::any_of(sockets_.begin(), sockets_.end(),
                                  [&](const pollfd& own) { return own.fd == wait.fd; });
    if (!ours || wait.revents == 0) continue;
    const bool failed = (wait.revents & (POLLERR | POLLHUP)) != 0;
    ares_process_fd(channel_, failed || (wait.revents & POLLIN) != 0 ? wait.fd : ARES_SOCKET_BAD,
                    (wait.revents & POLLOUT) != 0 ? wait.fd : ARES_SOCKET_BAD);
  }
  ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // Its timers.
  if (now >= end_) ares_cancel(channel_);
  advance(now);
}

void DnsLookup::advance(Nanos now) {
  const auto waiting = [this] {
    return std::any_of(queries_.begin(), queries_.end(),
                       [](const Query& query) { return !query.answered; });
  };
  if (waiting()) return set_wake(now);
  const bool has_targets =
      type_ == config::DnsType::kSrv && queries_.front().services.result == DnsResult::kOk;
  if (has_targets && !targets_asked_ && now < end_) {
    targets_asked_ = true;
    std::vector<SrvTarget>& targets = queries_.front().services.targets;
    targets_ignored_ = targets.size() - std::min(targets.size(), kTargetsMax);
    targets.resize(targets.size() - targets_ignored_);
    std::set<std::string> hosts;
    for (const SrvTarget& target : targets) hosts.insert(target.name);
    for (const std::string& host : hosts) ask_for_host(host);
    if (waiting()) return set_wake(now);
  }
  answer_ = answer_so_far();
  wake_ = now;
}

void DnsLookup::set_wake(Nanos now) {
  timeval next{};
  const timeval* until = ares_timeout(channel_, nullptr, &next);
  wake_ = end_;
  if (until == nullptr) return;
  const Nanos wait =
      std::chrono::seconds(until->tv_sec) + std::chrono::microseconds(until->tv_usec);
  // c-ares rounds down: the turn after this one would come before its timer has run out.
  wake_ = std::min(end_, now + wait + std::chrono::milliseconds(1));
}

DnsAnswer DnsLookup::answer_so_far() const {
  std::map<std::string, HostRecords> hosts;
  for (const Query& query : queries_) {
    if (query.kind == Kind::kV4) hosts[query.name].v4 = query.addresses;
    if (query.kind == Kind::kV6) hosts[query.name].v6 = query.addresses;
  }
  if (type_ == config::DnsType::kSrv) return answer_of(queries_.front().services, hosts);
  CHECK(hosts.size() == 1);
  return answer_of(hosts.begin()->second, port_);
}

}  // namespace proxy
