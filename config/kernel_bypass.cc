// The checks of the engine that has no kernel; see kernel_bypass.h.
#include "config/kernel_bypass.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/address.h"

namespace config {
namespace {

constexpr const char* kWith = " with 'transport: dpdk'";

std::string family_name(base::Family family) {
  return family == base::Family::kV4 ? "IPv4" : "IPv6";
}

// Whether the first `bits` of both addresses are the same.
bool in_network(const base::IpPort& ip, const Network& network) {
  if (ip.family != network.ip.family) return false;
  std::uint32_t left = network.bits;
  for (std::size_t i = 0; left > 0; ++i) {
    const std::uint32_t here = std::min<std::uint32_t>(left, 8);
    const std::uint32_t mask = (0xff00U >> here) & 0xffU;
    if (((ip.bytes[i] ^ network.ip.bytes[i]) & mask) != 0) return false;
    left -= here;
  }
  return true;
}

// A network of one address has its gateway somewhere else.
bool is_whole(const Network& network) {
  return network.bits == (network.ip.family == base::Family::kV4 ? 32U : 128U);
}

class Checker {
 public:
  Checker(const Config& config, Problems& problems) : config_(config), problems_(problems) {}

  void check_section() {
    for (const LocalAddress& local : config_.dpdk.addresses) {
      if (local.address.ip.family == base::Family::kNone) continue;
      const std::string text = base::ip_to_string(local.address.ip);
      const auto [found, is_new] = own_.try_emplace(text, &local);
      if (!is_new) {
        problems_.add(local.mark, "duplicate address " + text + "; the first is at " +
                                      to_string(found->second->mark));
      }
      check_port(local);
      check_gateway(local);
    }
  }

  // After check_section().
  void check_use(bool faultless) {
    const Dpdk& section = config_.dpdk;
    if (section.ports.empty() || section.addresses.empty()) {
      // In a file with faults they may have been in one of them.
      if (!faultless) return;
      problems_.add(config_.transport_mark,
                    "'transport: dpdk' needs 'ports' and 'addresses' in the section 'dpdk'");
      return;
    }
    for (const Listener& listener : config_.listeners) check_listener(listener);
    for (const Upstream& upstream : config_.upstreams) check_upstream(upstream);
  }

 private:
  void check_port(const LocalAddress& local) {
    const std::size_t ports = config_.dpdk.ports.size();
    if (ports == 0 || local.port < ports) return;
    problems_.add(local.mark, "'port' " + std::to_string(local.port) + " of " +
                                  base::ip_to_string(local.address.ip) +
                                  " is none of 'ports', which are 0 to " +
                                  std::to_string(ports - 1));
  }

  void check_gateway(const LocalAddress& local) {
    const base::IpPort& gateway = local.gateway;
    if (gateway.family == base::Family::kNone) return;
    const bool fits = gateway.family == local.address.ip.family && gateway != local.address.ip;
    if (fits && (is_whole(local.address) || in_network(gateway, local.address))) return;
    problems_.add(local.mark, "'gateway' " + base::ip_to_string(gateway) + " is no neighbour of " +
                                  base::ip_to_string(local.address.ip) + "/" +
                                  std::to_string(local.address.bits));
  }

  bool is_own(const base::IpPort& ip) const { return own_.contains(base::ip_to_string(ip)); }

  bool has_family(base::Family family) const {
    const std::vector<LocalAddress>& all = config_.dpdk.addresses;
    return std::any_of(all.begin(), all.end(), [family](const LocalAddress& local) {
      return local.address.ip.family == family;
    });
  }

  void check_listener(const Listener& listener) {
    for (const Bind& bind : listener.bind) check_bind(bind, listener);
    if (listener.tcp == Tcp{}) return;
    problems_.add(listener.tcp_mark, std::string("'tcp' has no effect") + kWith +
                                         ", whose connections have no sockets; leave it out");
  }

  void check_bind(const Bind& bind, const Listener& listener) {
    const base::IpPort& ip = bind.address.ip;
    if (ip.family == base::Family::kNone) return;
    const std::string text = base::to_string(bind.address);
    if (ip.family == base::Family::kUnix) {
      problems_.add(bind.mark, text + " is a UNIX socket, and there are none" + kWith);
    } else if (ip.port == 0) {
      problems_.add(bind.mark, text + " needs a port from 1 to 65535" + kWith);
    } else if (!base::is_wildcard(ip) && !is_own(ip)) {
      problems_.add(bind.mark, text + " is none of the 'addresses' of 'dpdk'");
    } else if (!has_family(ip.family)) {
      problems_.add(bind.mark, "none of the 'addresses' of 'dpdk' is an " + family_name(ip.family) +
                                   " address for " + text);
    } else {
      check_family(bind, listener);
    }
  }

  // A segment keeps its size on the way, and IPv6's header is the longer one.
  void check_family(const Bind& bind, const Listener& listener) {
    const std::size_t index = listener.upstream.index;
    // A name that leads nowhere has been reported, and its index means nothing.
    if (index >= config_.upstreams.size()) return;
    const Upstream& upstream = config_.upstreams[index];
    if (upstream.name != listener.upstream.name) return;
    const base::Family family = bind.address.family();
    const auto other = std::find_if(
        upstream.endpoints.begin(), upstream.endpoints.end(), [family](const Endpoint& endpoint) {
          const base::Family its = endpoint.address.family();
          return its != family && (its == base::Family::kV4 || its == base::Family::kV6);
        });
    if (other == upstream.endpoints.end()) return;
    problems_.add(bind.mark, base::to_string(bind.address) + " leads to " +
                                 base::to_string(other->address) + " (" + to_string(other->mark) +
                                 "): IPv4 and IPv6 cannot be joined" + kWith);
  }

  void check_upstream(const Upstream& upstream) {
    if (upstream.original_dst) {
      problems_.add(upstream.mark, "upstream " + quote(upstream.name) +
                                       " has 'original_dst', which only the kernel knows: not" +
                                       kWith);
    }
    for (const Endpoint& endpoint : upstream.endpoints) check_endpoint(endpoint);
    for (const base::IpPort& source : upstream.connect.sources) {
      if (is_own(source)) continue;
      problems_.add(upstream.connect.source_mark, "'source' " + base::ip_to_string(source) +
                                                      " is none of the 'addresses' of 'dpdk'");
    }
  }

  void check_endpoint(const Endpoint& endpoint) {
    const base::IpPort& ip = endpoint.address.ip;
    if (ip.family == base::Family::kNone) return;
    const std::string text = "endpoint " + base::to_string(endpoint.address);
    if (ip.family == base::Family::kUnix) {
      problems_.add(endpoint.mark, text + " is a UNIX socket, and there are none" + kWith);
    } else if (base::is_loopback(ip)) {
      problems_.add(endpoint.mark, text +
                                       " is the kernel's loopback, which no network port "
                                       "leads to");
    } else if (is_own(ip)) {
      problems_.add(endpoint.mark, text +
                                       " is one of the 'addresses' of 'dpdk', which do not "
                                       "talk to one another");
    } else if (!has_family(ip.family)) {
      problems_.add(endpoint.mark, "none of the 'addresses' of 'dpdk' is an " +
                                       family_name(ip.family) + " address to reach " + text);
    }
  }

  const Config& config_;
  Problems& problems_;
  std::unordered_map<std::string, const LocalAddress*> own_;  // By the text of the IP address.
};

}  // namespace

void check_kernel_bypass(const Config& config, Problems& problems) {
  const bool faultless = problems.empty();
  Checker checker(config, problems);
  checker.check_section();
  if (config.transport == TransportKind::kDpdk) checker.check_use(faultless);
}

}  // namespace config
