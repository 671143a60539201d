// What a reload would do to the sessions that live now: the difference of two configurations with
// counts. For people who ask before they reload. A pure function of the snapshot and the counters;
// main thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/diff.h"
#include "config/problem.h"
#include "proxy/snapshot.h"

namespace proxy {

enum class ChangedThing : std::uint8_t { kListener, kUpstream, kEndpoint, kSettings };

// What happens to the live sessions.
enum class SessionEffect : std::uint8_t {
  kNone,            // There are none that it could concern.
  kKept,            // They go on until they end by themselves.
  kDrained,         // They go on, and those that are left after shutdown.drain are cut.
  kClosed,          // They are cut at once.
  kNewSessionsOnly  // They go on by the old rules; the new ones are for sessions that come.
};

// As the admin API spells them.
std::string_view name(ChangedThing what);
std::string_view name(SessionEffect effect);

struct ImpactRow {
  ChangedThing what = ChangedThing::kSettings;
  std::string name;      // The listener's or the upstream's; empty for the settings.
  std::string endpoint;  // Its address; empty unless what is kEndpoint.
  config::ChangeKind change = config::ChangeKind::kChanged;
  std::vector<std::string> fields;  // Keys of the file, of kChanged only.
  std::uint64_t sessions = 0;
  SessionEffect effect = SessionEffect::kNone;
};

struct ReloadImpact {
  std::vector<config::Problem> needs_restart;
  // Listeners, then each upstream with its endpoints, then the settings; what does not change is
  // left out. The endpoints of an upstream that is removed or added are told by the upstream's row.
  // Endpoints from the DNS are left out where the new configuration asks the DNS as well.
  std::vector<ImpactRow> changes;
};

// next must have been loaded without problems. Linear in the size of the two configurations.
ReloadImpact reload_impact(const Snapshot& now, const config::Config& next);

}  // namespace proxy
