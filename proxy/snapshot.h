// The configuration as the workers need it: resolved addresses, maglev tables, and where to count.
// Made by main for every accepted configuration, never changed afterwards, shared by all workers
// (the one shared_ptr of the project), and gone when the last worker has moved on to a later one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "backends/transport.h"
#include "config/config.h"
#include "proxy/dns_answer.h"
#include "proxy/maglev_table.h"
#include "proxy/overrides.h"
#include "proxy/worker_metrics.h"

namespace proxy {

// What an original_dst upstream's only endpoint is called where a name is needed.
inline constexpr const char* kOriginalDestination = "original_dst";

struct ListenerPlan {
  const config::Listener* config = nullptr;
  std::size_t upstream = 0;  // Index into Snapshot::upstreams.
  std::vector<backends::ListenSpec> binds;
  const ListenerSeries* series = nullptr;
  const RouteSeries* route = nullptr;
};

struct EndpointPlan {
  base::Address address;
  std::uint32_t weight = 0;  // With the operator's override.
  std::uint32_t priority = 0;
  std::uint32_t max_sessions = 0;  // All workers together; 0: no limit.
  std::uint32_t max_connecting = 0;
  const EndpointSeries* series = nullptr;
  std::uint32_t configured_weight = 0;              // The file's or the DNS's.
  std::optional<EndpointOverride> overridden = {};  // Unset: as configured.

  AdminState admin_state() const { return overridden ? overridden->state : AdminState::kReady; }
};

struct UpstreamPlan {
  const config::Upstream* config = nullptr;
  std::vector<EndpointPlan> endpoints;  // One without an address for original_dst.
  std::optional<MaglevTable> maglev;    // Built here, because it takes milliseconds.
  const UpstreamSeries* series = nullptr;
};

struct Snapshot {
  std::uint64_t generation = 0;
  config::Config config;
  std::vector<ListenerPlan> listeners;
  std::vector<UpstreamPlan> upstreams;
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

// The addresses of each upstream that has dns, by its name.
using DnsEndpoints = std::map<std::string, std::vector<DnsAddress>>;

// Marks the catalog's series and points to them. bind_addresses has, for each listener of the
// config, the address of each of its binds as the transport factory claimed it (a port 0 is a
// number there). resolved has the endpoints of upstreams with dns; one that is missing has none
// yet. overrides are the operator's. A snapshot made only because one of the two has changed keeps
// its generation.
SnapshotPtr make_snapshot(std::uint64_t generation, config::Config config,
                          const std::vector<std::vector<base::Address>>& bind_addresses,
                          MetricsCatalog& catalog, const DnsEndpoints& resolved = {},
                          const Overrides& overrides = {});

// What a bind of the configuration asks of the transport.
backends::ListenSpec listen_spec(const config::Listener& listener, const config::Bind& bind);

// The socket options of both legs of a listener's sessions.
backends::TcpOptions tcp_options(const config::Tcp& tcp);

}  // namespace proxy
