#include "config/own_listeners.h"

namespace config {
namespace {

// What the address means to connect(2): the v4 one behind a mapped one, and this machine's loopback
// for a wildcard.
base::Address target_of(const base::Address& address) {
  base::Address target = address;
  target.ip = base::unmapped(address.ip);
  if (!base::is_wildcard(target.ip)) return target;
  if (target.family() == base::Family::kV4) target.ip.bytes[0] = 127;
  target.ip.bytes[target.family() == base::Family::kV4 ? 3 : 15] = 1;
  return target;
}

}  // namespace

void OwnListeners::add(const base::Address& bound, std::size_t id) {
  if (bound.family() == base::Family::kNone) return;
  if (bound.family() == base::Family::kUnix) {
    exact_.try_emplace(base::to_string(bound), id);
    return;
  }
  if (bound.ip.port == 0) return;
  const base::IpPort ip = base::unmapped(bound.ip);
  if (!base::is_wildcard(ip)) {
    exact_.try_emplace(base::to_string(ip), id);
    return;
  }
  Wildcards& any = any_[ip.port];
  std::optional<std::size_t>& place = ip.family == base::Family::kV4 ? any.v4 : any.v6;
  if (!place) place = id;
}

std::optional<std::size_t> OwnListeners::reached_by(const base::Address& address) const {
  const base::Address target = target_of(address);
  if (const auto found = exact_.find(base::to_string(target)); found != exact_.end()) {
    return found->second;
  }
  if (!base::is_loopback(target.ip)) return std::nullopt;
  const auto found = any_.find(target.ip.port);
  if (found == any_.end()) return std::nullopt;
  const Wildcards& any = found->second;
  // [::] takes IPv4 too, unless there is a 0.0.0.0 beside it.
  if (target.family() == base::Family::kV4 && any.v4) return any.v4;
  return any.v6;
}

}  // namespace config
