// Where clients arrive, as one worker sees it. Plain data, owned by the worker's roster, on the
// worker's thread. A removed listener stays until its last session has ended.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backends/transport.h"
#include "base/slab.h"
#include "config/config.h"
#include "proxy/snapshot.h"
#include "proxy/upstream.h"

namespace proxy {

struct ListenerBind {
  backends::ListenSpec spec;
  backends::ListenerId id = backends::ListenerId::kNone;
};

struct Listener;

// What a listener's sessions get at accept and keep to their end, whatever a reload changes. Those
// that came under the same configuration share it.
struct SessionRules {
  Listener* listener = nullptr;
  Upstream* upstream = nullptr;
  const RouteSeries* route = nullptr;
  RouteCells* route_cells = nullptr;
  config::Timeouts timeouts;
  std::uint32_t sessions = 0;  // That have them: nobody may free them before these end.
};

struct Listener {
  base::SlotId id;  // What its tag says.
  std::vector<ListenerBind> binds;
  // The last are in force, and those before them have sessions left. Empty before the listener's
  // first commit.
  std::vector<std::unique_ptr<SessionRules>> rules;
  backends::TcpOptions tcp;
  std::uint32_t max_sessions = 0;
  std::uint32_t sessions =
      0;  // This worker's, of this incarnation: nobody may free it before they end.
  std::uint32_t paused = 0;  // Binds that do not accept for want of resources.
  bool removed = false;
  base::Nanos removed_at{0};
  const ListenerSeries* series = nullptr;
  ListenerCells* cells = nullptr;

  const std::string& name() const { return series->names.listener; }
};

}  // namespace proxy
