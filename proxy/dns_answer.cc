#include "proxy/dns_answer.h"

#include <ares.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <tuple>

#include "base/assert.h"

namespace proxy {
namespace {

// A message has at most 64 KiB and an A record at least 16 bytes: no reply has more addresses.
constexpr std::size_t kRecordsMax = 4096;

// RFC 2181, 8: a TTL with the highest bit set is 0.
base::Nanos ttl_of(int seconds) { return std::chrono::seconds(std::max(0, seconds)); }

// The v4 and the v6 records of c-ares differ in names and types only.
void copy_address(const ares_addrttl& record, base::IpPort& out) {
  out.family = base::Family::kV4;
  std::memcpy(out.bytes.data(), &record.ipaddr, sizeof record.ipaddr);
}
void copy_address(const ares_addr6ttl& record, base::IpPort& out) {
  out.family = base::Family::kV6;
  std::memcpy(out.bytes.data(), &record.ip6addr, sizeof record.ip6addr);
}

template <typename Record, typename Parse>
AddressRecords parse_with(std::span<const std::uint8_t> reply, Parse parse) {
  std::vector<Record> found(kRecordsMax);
  int count = static_cast<int>(found.size());
  AddressRecords records;
  const int status =
      parse(reply.data(), static_cast<int>(reply.size()), nullptr, found.data(), &count);
  records.result = result_of(status);
  if (records.result != DnsResult::kOk) return records;
  found.resize(static_cast<std::size_t>(std::max(0, count)));
  records.ttl = base::kForever;
  for (const Record& record : found) {
    copy_address(record, records.addresses.emplace_back());
    records.ttl = std::min(records.ttl, ttl_of(record.ttl));
  }
  if (found.empty()) records = {.result = DnsResult::kEmpty, .addresses = {}, .ttl = {}};
  return records;
}

// Walks over the parts of a message that c-ares' SRV parser does not tell: the TTL.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> message) : message_(message) {}

  std::optional<std::uint32_t> number(std::size_t bytes) {
    if (message_.size() - at_ < bytes) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value = value << 8U | message_[at_ + i];
    at_ += bytes;
    return value;
  }
  bool skip(std::size_t bytes) {
    if (message_.size() - at_ < bytes) return false;
    at_ += bytes;
    return true;
  }
  bool skip_name() {
    if (at_ >= message_.size()) return false;
    char* name = nullptr;
    long length = 0;
    const int status = ares_expand_name(message_.data() + at_, message_.data(),
                                        static_cast<int>(message_.size()), &name, &length);
    if (status != ARES_SUCCESS) return false;
    ares_free_string(name);
    return length > 0 && skip(static_cast<std::size_t>(length));
  }

 private:
  std::span<const std::uint8_t> message_;
  std::size_t at_ = 0;
};

// The shortest TTL of the answer section (RFC 1035, 4.1); nothing when it cannot be read.
std::optional<base::Nanos> shortest_ttl(std::span<const std::uint8_t> message) {
  Reader reader(message);
  if (!reader.skip(4)) return std::nullopt;  // Identifier and flags.
  const auto questions = reader.number(2);
  const auto answers = reader.number(2);
  if (!questions || !answers || !reader.skip(4)) return std::nullopt;
  for (std::uint32_t i = 0; i < *questions; ++i) {
    if (!reader.skip_name() || !reader.skip(4)) return std::nullopt;
  }
  base::Nanos shortest = base::kForever;
  for (std::uint32_t i = 0; i < *answers; ++i) {
    if (!reader.skip_name() || !reader.skip(4)) return std::nullopt;
    const auto ttl = reader.number(4);
    const auto length = reader.number(2);
    if (!ttl || !length || !reader.skip(*length)) return std::nullopt;
    shortest = std::min(shortest, ttl_of(static_cast<int>(*ttl)));
  }
  return shortest;
}

// Authoritative: there is nothing more to learn about this family.
bool is_definite(DnsResult result) {
  return result == DnsResult::kOk || result == DnsResult::kEmpty || result == DnsResult::kNxdomain;
}

// What to say when neither of two results brings addresses.
DnsResult worse(DnsResult a, DnsResult b) {
  for (const DnsResult result :
       {DnsResult::kTimeout, DnsResult::kError, DnsResult::kNxdomain, DnsResult::kEmpty}) {
    if (a == result || b == result) return result;
  }
  return DnsResult::kError;
}

std::size_t addresses_of(const HostRecords& host) {
  return host.v4.addresses.size() + host.v6.addresses.size();
}

void add_addresses(const HostRecords& host, const DnsAddress& like, DnsAnswer& answer) {
  for (const AddressRecords* records : {&host.v4, &host.v6}) {
    if (records->addresses.empty()) continue;
    answer.ttl = std::min(answer.ttl, records->ttl);
    for (const base::IpPort& address : records->addresses) {
      DnsAddress& added = answer.addresses.emplace_back(like);
      added.address = address;
      added.address.port = like.address.port;
    }
  }
}

}  // namespace

std::string_view name(DnsResult result) {
  constexpr std::array<std::string_view, static_cast<std::size_t>(DnsResult::kCount)> kNames = {
      "ok", "nxdomain", "empty", "timeout", "error"};
  return kNames[static_cast<std::size_t>(result)];
}

std::string_view reason_of(DnsResult result) {
  switch (result) {
    case DnsResult::kOk:
      return "answered";
    case DnsResult::kNxdomain:
      return "there is no such name (NXDOMAIN)";
    case DnsResult::kEmpty:
      return "the name has no address that can be used";
    case DnsResult::kTimeout:
      return "no answer in time";
    case DnsResult::kError:
      return "the name servers refused, failed, or made no sense";
    case DnsResult::kCount:
      break;
  }
  base::check_failed(__FILE__, __LINE__, "a result of the enum");
}

DnsResult result_of(int ares_status) {
  // c-ares has plain numbers; those not named here are all of one kind to us.
  switch (ares_status) {
    case ARES_SUCCESS:
      return DnsResult::kOk;
    case ARES_ENOTFOUND:
      return DnsResult::kNxdomain;
    case ARES_ENODATA:
      return DnsResult::kEmpty;
    case ARES_ETIMEOUT:
    case ARES_ECANCELLED:  // By us, when the time for the whole lookup was over.
      return DnsResult::kTimeout;
    default:
      return DnsResult::kError;
  }
}

AddressRecords parse_addresses(std::span<const std::uint8_t> reply, base::Family family) {
  CHECK(family == base::Family::kV4 || family == base::Family::kV6);
  if (family == base::Family::kV4) return parse_with<ares_addrttl>(reply, ares_parse_a_reply);
  return parse_with<ares_addr6ttl>(reply, ares_parse_aaaa_reply);
}

SrvRecords parse_services(std::span<const std::uint8_t> reply) {
  ares_srv_reply* list = nullptr;
  SrvRecords records;
  records.result =
      result_of(ares_parse_srv_reply(reply.data(), static_cast<int>(reply.size()), &list));
  if (records.result != DnsResult::kOk) return records;
  const std::unique_ptr<ares_srv_reply, decltype(&ares_free_data)> owner(list, ares_free_data);
  for (const ares_srv_reply* record = list; record != nullptr; record = record->next) {
    const std::string_view host = record->host;
    if (host.empty() || host == ".") continue;
    records.targets.push_back({.name = std::string(host),
                               .port = record->port,
                               .weight = record->weight,
                               .priority = record->priority});
  }
  const auto ttl = shortest_ttl(reply);
  if (!ttl) return {};
  records.ttl = *ttl;
  if (records.targets.empty()) records.result = DnsResult::kEmpty;
  const auto key = [](const SrvTarget& target) {
    return std::tie(target.priority, target.name, target.port, target.weight);
  };
  std::sort(records.targets.begin(), records.targets.end(),
            [&](const SrvTarget& a, const SrvTarget& b) { return key(a) < key(b); });
  return records;
}

DnsAnswer answer_of(const HostRecords& host, std::uint16_t port) {
  DnsAnswer answer;
  answer.complete = is_definite(host.v4.result) && is_definite(host.v6.result);
  if (addresses_of(host) == 0) {
    answer.result = worse(host.v4.result, host.v6.result);
    return answer;
  }
  answer.result = DnsResult::kOk;
  answer.ttl = base::kForever;
  DnsAddress like{.address = {}, .weight = kDnsWeightDefault, .priority = 0};
  like.address.port = port;
  add_addresses(host, like, answer);
  return answer;
}

DnsAnswer answer_of(const SrvRecords& services, const std::map<std::string, HostRecords>& hosts) {
  DnsAnswer answer;
  answer.result = services.result;
  answer.complete = is_definite(services.result);
  if (services.result != DnsResult::kOk) return answer;
  std::uint32_t heaviest = 1;
  for (const SrvTarget& target : services.targets) {
    heaviest = std::max<std::uint32_t>(heaviest, target.weight);
  }
  const std::uint32_t factor = kDnsWeightMax / heaviest;
  answer.ttl = services.ttl;
  DnsResult without = DnsResult::kEmpty;
  for (const SrvTarget& target : services.targets) {
    const auto found = hosts.find(target.name);
    const HostRecords host = found != hosts.end() ? found->second : HostRecords{};
    const DnsAnswer addresses = answer_of(host, target.port);
    answer.complete = answer.complete && addresses.complete;
    if (addresses.result != DnsResult::kOk) {
      without = worse(without, addresses.result);
      continue;
    }
    const std::uint32_t weight = target.weight * factor;
    const auto share = static_cast<std::uint32_t>(weight / addresses_of(host));
    DnsAddress like{.address = {}, .weight = std::max(1U, share), .priority = target.priority};
    like.address.port = target.port;
    add_addresses(host, like, answer);
  }
  // A target whose name does not exist is a mistake in one record, not the end of the service.
  if (without == DnsResult::kNxdomain) without = DnsResult::kEmpty;
  answer.result = answer.addresses.empty() ? without : DnsResult::kOk;
  return answer;
}

}  // namespace proxy
