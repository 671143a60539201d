// What the name servers said, as plain data, and how it is read from their replies. The bytes come
// from the network: every reply is parsed by c-ares, and what does not parse is an error, never a
// crash. No state; used on the resolver's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/time.h"

namespace proxy {

// How a lookup ended. Only kOk brings addresses.
enum class DnsResult : std::uint8_t {
  kOk,
  kNxdomain,  // There is no such name.
  kEmpty,     // The name exists, without addresses that could be used.
  kTimeout,   // No reply in time.
  kError,     // A refusal, a failure of the name server, or rubbish.
  kCount
};

// "ok", "nxdomain", ...: the metric's label.
std::string_view name(DnsResult result);
// For people: "there is no such name (NXDOMAIN)".
std::string_view reason_of(DnsResult result);

// What a status of c-ares (ares.h) means for a lookup.
DnsResult result_of(int ares_status);

// An endpoint by DNS. Weights are in the configuration's range, never 0.
struct DnsAddress {
  base::IpPort address;
  std::uint32_t weight = 0;
  std::uint32_t priority = 0;

  friend bool operator==(const DnsAddress&, const DnsAddress&) = default;
};

// Of names whose records say nothing of weights: the default of a written endpoint.
inline constexpr std::uint32_t kDnsWeightDefault = 100;
// The largest weight of an endpoint, and of an SRV record.
inline constexpr std::uint32_t kDnsWeightMax = 65'535;

// A whole lookup.
struct DnsAnswer {
  DnsResult result = DnsResult::kError;
  // False: a part of the question was not answered (AAAA timed out, for example), so an address
  // that is missing here has not been withdrawn.
  bool complete = true;
  std::vector<DnsAddress> addresses;  // At least one exactly when kOk.
  base::Nanos ttl{0};                 // The shortest of all records used.
};

// The A or the AAAA records of one name; the ports are 0.
struct AddressRecords {
  DnsResult result = DnsResult::kError;
  std::vector<base::IpPort> addresses;
  base::Nanos ttl{0};
};

struct SrvTarget {
  std::string name;
  std::uint16_t port = 0;
  std::uint16_t weight = 0;
  std::uint16_t priority = 0;  // Lower ones first, as with endpoints.
};

struct SrvRecords {
  DnsResult result = DnsResult::kError;
  std::vector<SrvTarget> targets;  // By priority, then name, port and weight.
  base::Nanos ttl{0};
};

// Both families of one name.
struct HostRecords {
  AddressRecords v4;
  AddressRecords v6;
};

// Of a reply to a question for the family's addresses (kV4: A, kV6: AAAA), aliases followed.
AddressRecords parse_addresses(std::span<const std::uint8_t> reply, base::Family family);

// Of a reply to a question for SRV. The root as a target (RFC 2782: "no such service") is kEmpty.
SrvRecords parse_services(std::span<const std::uint8_t> reply);

// Puts the replies of a lookup together. Good when either family has addresses.
DnsAnswer answer_of(const HostRecords& host, std::uint16_t port);

// The same for SRV: hosts has the addresses of every target by its name. A target's weight is
// shared out among its addresses, because RFC 2782 gives it to the target; all weights are
// multiplied alike, so that small ones stay apart and 0 becomes the smallest of all.
DnsAnswer answer_of(const SrvRecords& services, const std::map<std::string, HostRecords>& hosts);

}  // namespace proxy
