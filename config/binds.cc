// Overlaps between listening addresses; see binds.h.
#include "config/binds.h"

#include "base/address.h"

namespace config {
namespace {

// Port 0 becomes some free port, so no other address of the file can be in its way.
bool can_overlap(const base::Address& address) {
  if (address.family() == base::Family::kNone) return false;  // It could not be read.
  return address.family() == base::Family::kUnix || address.ip.port != 0;
}

}  // namespace

BindTable::BindTable(Config& config, Problems& problems) {
  const auto for_each = [&config](auto visit) {
    // First: a clash with a default is the listener's to solve.
    visit(config.metrics.bind, Owner::kMetrics);
    if (config.admin.enable != AdminEnable::kOff) visit(config.admin.bind, Owner::kAdmin);
    for (Listener& listener : config.listeners) {
      for (Bind& bind : listener.bind) visit(bind, Owner::kListener);
    }
  };
  for_each([this](const Bind& bind, Owner owner) {
    if (!can_overlap(bind.address) || !base::is_wildcard(bind.address.ip)) return;
    Wildcards& any = any_[bind.address.ip.port];
    Entry& entry = bind.address.family() == base::Family::kV4 ? any.v4 : any.v6;
    if (entry.bind == nullptr) entry = {&bind, owner};
  });
  for_each([this](Bind& bind, Owner /*owner*/) { set_v6_only(bind); });
  for_each([&](Bind& bind, Owner owner) { insert(bind, owner, problems); });
}

void BindTable::set_v6_only(Bind& bind) {
  const bool v6 = bind.address.family() == base::Family::kV6;
  if (!v6 || !base::is_wildcard(bind.address.ip)) return;
  const auto found = any_.find(bind.address.ip.port);
  bind.v6_only = found != any_.end() && found->second.v4.bind != nullptr;
}

void BindTable::insert(Bind& bind, Owner owner, Problems& problems) {
  if (!can_overlap(bind.address)) return;
  const std::string text = base::to_string(bind.address);
  const auto [found, is_new] = exact_.try_emplace(text, Entry{&bind, owner});
  if (!is_new) {
    problems.add(bind.mark, text + " is bound twice; the first is " + place_of(found->second));
    return;
  }
  if (base::is_wildcard(bind.address.ip)) return;
  if (const Entry over = wildcard_over(bind.address.ip); over.bind != nullptr) {
    const std::string other = base::to_string(over.bind->address);
    // A default has no place to point at: the wildcard is what was written.
    const bool written = bind.mark.line > 1 || bind.mark.column > 1;
    if (written) {
      problems.add(bind.mark, text + " overlaps " + other + ", which is " + place_of(over));
    } else {
      problems.add(over.bind->mark,
                   other + " overlaps " + text + ", which is " + place_of({&bind, owner}));
    }
  }
}

BindTable::Entry BindTable::wildcard_over(const base::IpPort& ip) const {
  const auto found = any_.find(ip.port);
  if (found == any_.end()) return {};
  const Wildcards& any = found->second;
  if (ip.family == base::Family::kV6) return any.v6;
  if (ip.family != base::Family::kV4) return {};
  if (any.v4.bind != nullptr) return any.v4;
  return any.v6;  // Dual stack, since nobody binds 0.0.0.0.
}

std::string BindTable::place_of(const Entry& entry) {
  const bool written = entry.bind->mark.line > 1 || entry.bind->mark.column > 1;
  std::string_view section;
  switch (entry.owner) {
    case Owner::kListener:
      return "at " + to_string(entry.bind->mark);
    case Owner::kMetrics:
      section = "'metrics'";
      break;
    case Owner::kAdmin:
      section = "'admin'";
      break;
  }
  if (!written) return "the default of " + std::string(section);
  return std::string(section) + " at " + to_string(entry.bind->mark);
}

}  // namespace config
