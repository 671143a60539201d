#include "proxy/snapshot.h"

#include <utility>

#include "base/assert.h"

namespace proxy {
namespace {

// An endpoint of each address. The limits of an endpoint are a written endpoint's alone.
void add_resolved(UpstreamPlan& plan, const DnsEndpoints& resolved, MetricsCatalog& catalog) {
  const std::string& name = plan.config->name;
  catalog.dns(name);
  const auto found = resolved.find(name);
  if (found == resolved.end()) return;
  for (const DnsAddress& it : found->second) {
    EndpointPlan& endpoint = plan.endpoints.emplace_back();
    endpoint.address.ip = it.address;
    endpoint.weight = it.weight;
    endpoint.priority = it.priority;
    endpoint.series = &catalog.endpoint(name, base::to_string(it.address));
  }
}

void apply_overrides(UpstreamPlan& plan, const Overrides& overrides) {
  for (EndpointPlan& endpoint : plan.endpoints) {
    endpoint.configured_weight = endpoint.weight;
    const EndpointOverride* found =
        overrides.find(plan.config->name, endpoint.series->names.endpoint);
    if (found == nullptr) continue;
    endpoint.overridden = *found;
    endpoint.weight = found->effective_weight(endpoint.weight);
  }
}

UpstreamPlan plan_of(const config::Upstream& upstream, const DnsEndpoints& resolved,
                     MetricsCatalog& catalog, const Overrides& overrides) {
  UpstreamPlan plan;
  plan.config = &upstream;
  plan.series = &catalog.upstream(upstream.name);
  for (const config::Endpoint& endpoint : upstream.endpoints) {
    plan.endpoints.push_back(
        {.address = endpoint.address,
         .weight = endpoint.weight,
         .priority = endpoint.priority,
         .max_sessions = endpoint.max_sessions,
         .max_connecting = endpoint.max_connecting,
         .series = &catalog.endpoint(upstream.name, base::to_string(endpoint.address))});
  }
  if (upstream.dns) add_resolved(plan, resolved, catalog);
  if (upstream.original_dst) {
    EndpointPlan& anywhere = plan.endpoints.emplace_back();
    anywhere.weight = 1;
    anywhere.series = &catalog.endpoint(upstream.name, kOriginalDestination);
  }
  apply_overrides(plan, overrides);
  if (upstream.balance == config::Balance::kMaglev) {
    std::vector<BalancedEndpoint> balanced;
    for (const EndpointPlan& endpoint : plan.endpoints) {
      balanced.push_back({.weight = endpoint.weight,
                          .key = balancing_key(endpoint.series->names.endpoint),
                          .sessions = 0});
    }
    plan.maglev.emplace(balanced);
  }
  return plan;
}

ListenerPlan plan_of(const config::Listener& listener, const std::vector<base::Address>& addresses,
                     MetricsCatalog& catalog) {
  ListenerPlan plan;
  plan.config = &listener;
  plan.upstream = listener.upstream.index;
  plan.series = &catalog.listener(listener.name);
  plan.route = &catalog.route(listener.name, listener.upstream.name);
  CHECK(addresses.size() == listener.bind.size());
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    plan.binds.push_back(listen_spec(listener, listener.bind[i]));
    plan.binds.back().address = addresses[i];
  }
  return plan;
}

}  // namespace

backends::TcpOptions tcp_options(const config::Tcp& tcp) {
  return {.nodelay = tcp.nodelay,
          .keepalive_idle = tcp.keepalive.idle,
          .keepalive_interval = tcp.keepalive.interval,
          .keepalive_probes = static_cast<int>(tcp.keepalive.probes),
          .user_timeout = tcp.user_timeout};
}

backends::ListenSpec listen_spec(const config::Listener& listener, const config::Bind& bind) {
  return {.address = bind.address,
          .v6_only = bind.v6_only,
          .backlog = static_cast<int>(listener.tcp.backlog),
          .tcp = tcp_options(listener.tcp)};
}

SnapshotPtr make_snapshot(std::uint64_t generation, config::Config config,
                          const std::vector<std::vector<base::Address>>& bind_addresses,
                          MetricsCatalog& catalog, const DnsEndpoints& resolved,
                          const Overrides& overrides) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->generation = generation;
  snapshot->config = std::move(config);
  catalog.forget_configuration();
  for (const config::Upstream& upstream : snapshot->config.upstreams) {
    snapshot->upstreams.push_back(plan_of(upstream, resolved, catalog, overrides));
  }
  CHECK(bind_addresses.size() == snapshot->config.listeners.size());
  for (std::size_t i = 0; i < bind_addresses.size(); ++i) {
    snapshot->listeners.push_back(
        plan_of(snapshot->config.listeners[i], bind_addresses[i], catalog));
  }
  return snapshot;
}

}  // namespace proxy
