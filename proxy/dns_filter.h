// Which addresses of an answer are never used: those we listen at ourselves, where sessions would
// go round for ever; those that no TCP connection can go to; and those beyond a bound. Plain data,
// made by main for each configuration, used on the resolver's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "config/own_listeners.h"
#include "proxy/dns_answer.h"

namespace proxy {

// Why an address was left out.
enum class DnsIgnored : std::uint8_t { kOwnListener, kUnusable, kTooMany, kCount };
// "own_listener", "unusable", "too_many": the metric's label.
std::string_view name(DnsIgnored cause);

using DnsIgnoredCounts = std::array<std::uint32_t, static_cast<std::size_t>(DnsIgnored::kCount)>;

class DnsFilter {
 public:
  // Endpoints of an upstream by DNS. Every worker keeps all of them, and a reload of the same size
  // takes milliseconds.
  static constexpr std::size_t kAddressesMax = 256;

  DnsFilter() = default;
  // What the listeners of a configuration are bound to.
  explicit DnsFilter(const std::vector<base::Address>& listening) {
    for (const base::Address& bound : listening) own_.add(bound, 0);
  }

  // Takes out what is not used, and every second mention of an address; sorts the rest by priority,
  // then address. Of too many the first by that order stay, so the same answer in another order
  // makes the same set.
  DnsIgnoredCounts apply(std::vector<DnsAddress>& addresses) const;

  // A connection to it would come back to a listener of this process, as far as OwnListeners knows.
  // Which upstream that listener goes on to is not asked: the next answer may close the loop.
  bool is_own(const base::IpPort& address) const {
    return own_.reached_by({.ip = address, .path = {}}).has_value();
  }

  friend bool operator==(const DnsFilter&, const DnsFilter&) = default;

 private:
  config::OwnListeners own_;
};

// The order of a set: by priority, then address. Two addresses of a set differ in it.
bool comes_before(const DnsAddress& a, const DnsAddress& b);

// False for port 0, 0.0.0.0 and :: (sinkholes answer with them, and they mean this machine),
// multicast, broadcast, and link-local v6, which says nothing without an interface.
bool is_usable(const base::IpPort& address);

}  // namespace proxy
