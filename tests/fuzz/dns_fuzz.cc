// Any bytes as a name server's reply: no crash, and what the parsers promise about their answer.
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "base/assert.h"
#include "proxy/dns_answer.h"
#include "proxy/dns_filter.h"

namespace {

// The parts of a kept set that everybody relies on.
void check_set(proxy::DnsAnswer answer) {
  CHECK((answer.result == proxy::DnsResult::kOk) == !answer.addresses.empty());
  CHECK(answer.ttl >= base::Nanos{0});
  proxy::DnsFilter{}.apply(answer.addresses);
  CHECK(answer.addresses.size() <= proxy::DnsFilter::kAddressesMax);
  const proxy::DnsAddress* before = nullptr;
  for (const proxy::DnsAddress& address : answer.addresses) {
    CHECK(address.weight > 0 && address.weight <= proxy::kDnsWeightMax);
    CHECK(proxy::is_usable(address.address));
    CHECK(before == nullptr || proxy::comes_before(*before, address));
    before = &address;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> reply(data, size);
  const proxy::HostRecords host{.v4 = proxy::parse_addresses(reply, base::Family::kV4),
                                .v6 = proxy::parse_addresses(reply, base::Family::kV6)};
  for (const proxy::AddressRecords* records : {&host.v4, &host.v6}) {
    CHECK((records->result == proxy::DnsResult::kOk) == !records->addresses.empty());
  }
  check_set(proxy::answer_of(host, 80));
  const proxy::SrvRecords services = proxy::parse_services(reply);
  CHECK((services.result == proxy::DnsResult::kOk) == !services.targets.empty());
  std::map<std::string, proxy::HostRecords> hosts;
  for (const proxy::SrvTarget& target : services.targets) {
    CHECK(!target.name.empty());
    hosts[target.name].v4 = {.result = proxy::DnsResult::kOk,
                             .addresses = {base::parse_address("10.0.0.1:0").value().ip},
                             .ttl = {}};
  }
  check_set(proxy::answer_of(services, hosts));
  return 0;
}
