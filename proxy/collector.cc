#include "proxy/collector.h"

#include <array>
#include <chrono>
#include <string>
#include <string_view>

#include "metrics/names.h"
#include "metrics/page.h"
#include "metrics/process_metrics.h"
#include "proxy/dns_page.h"
#include "proxy/monitor_page.h"
#include "proxy/page_sums.h"
#include "proxy/pool_page.h"
#include "proxy/refusals.h"
#include "proxy/upstream_page.h"

namespace proxy {
namespace {

namespace names = metrics::names;
using metrics::Page;

constexpr std::array<std::string_view, 2> kRejectionNames = {"limit", "resource"};
constexpr std::array<std::string_view, backends::kDirections> kDirectionNames = {"to_upstream",
                                                                                 "to_client"};
constexpr std::array<std::string_view, 4> kMethodNames = {"copy", "splice", "uring", "seq_splice"};
constexpr std::array<std::string_view, 10> kSyscallNames = {
    "poll", "enter",  "accept",   "connect", "receive",
    "send", "splice", "shutdown", "close",   "option"};
constexpr std::array<std::string_view, 5> kAcceptFailureNames = {"descriptors", "memory", "aborted",
                                                                 "capacity", "other"};
static_assert(kRejectionNames.size() == static_cast<std::size_t>(Rejection::kCount));
static_assert(kMethodNames.size() == static_cast<std::size_t>(backends::Method::kCount));
static_assert(kSyscallNames.size() == static_cast<std::size_t>(backends::Syscall::kCount));
static_assert(kAcceptFailureNames.size() ==
              static_cast<std::size_t>(backends::AcceptFailure::kCount));

void add_program(Page& page, const ProgramStatus& status, const Log& log,
                 const AccessLog& access_log) {
  page.add(names::kBuildInfo, {MILLRACE_VERSION, status.engine}, 1);
  page.add(names::kStartTime, {},
           std::chrono::duration<double>(status.started.time_since_epoch()).count());
  const SnapshotPtr snapshot = status.snapshot();
  page.add(names::kConfigGeneration, {}, snapshot != nullptr ? number(snapshot->generation) : 0);
  page.add(names::kConfigReloadsTotal, {"accepted"}, number(status.reloads_accepted.load()));
  page.add(names::kConfigReloadsTotal, {"refused"}, number(status.reloads_refused.load()));
  page.add(names::kConfigLastReloadSuccessful, {}, status.last_reload_accepted ? 1 : 0);
  page.add(names::kAccessLogLinesTotal, {}, number(access_log.written()));
  page.add(names::kAccessLogDroppedTotal, {}, number(access_log.dropped()));
  page.add(names::kAccessLogLeftOutTotal, {"sample"}, number(access_log.left_out_by_sample()));
  page.add(names::kAccessLogLeftOutTotal, {"rate"}, number(access_log.left_out_by_rate()));
  page.add(names::kLogDroppedTotal, {}, number(log.dropped()));
  if (snapshot == nullptr) return;
  for (const config::Listener& listener : snapshot->config.listeners) {
    page.add(names::kListenerMaxSessions, {listener.name}, listener.max_sessions);
  }
  add_upstream_limits(page, *snapshot);
  add_pool_settings(page, *snapshot);
}

void add_listener(Page& page, const ListenerSeries& series) {
  const std::string& name = series.names.listener;
  page.add(names::kListenerAcceptedTotal, {name}, number(total(series, &ListenerCells::accepted)));
  for (std::size_t i = 0; i < kRejectionNames.size(); ++i) {
    const auto read = [i](const ListenerCells& c) -> auto& { return c.rejected[i]; };
    page.add(names::kListenerRejectedTotal, {name, kRejectionNames[i]},
             number(total(series, read)));
  }
  page.add(names::kListenerPaused, {name},
           number(sum_over_workers(series, &ListenerCells::paused)));
  page.add(names::kSessionDurationSeconds, {name}, merged(series, &ListenerCells::duration).view());
  page.add(names::kSessionSetupSeconds, {name, "miss"},
           merged(series, &ListenerCells::setup).view());
  page.add(names::kSessionSetupSeconds, {name, "hit"},
           merged(series, &ListenerCells::setup_pooled).view());
}

void add_route(Page& page, const RouteSeries& series) {
  const std::string& listener = series.names.listener;
  const std::string& upstream = series.names.upstream;
  page.add(names::kSessionsActive, {listener, upstream},
           number(sum_over_workers(series, &RouteCells::sessions)));
  for (std::size_t i = 0; i < kDirectionNames.size(); ++i) {
    const auto read = [i](const RouteCells& c) -> auto& { return c.bytes[i]; };
    page.add(names::kRelayBytesTotal, {listener, upstream, kDirectionNames[i]},
             number(total(series, read)));
  }
  for (std::size_t actor = 0; actor < kActors; ++actor) {
    for (std::size_t cause = 0; cause < kCauses; ++cause) {
      const auto read = [&](const RouteCells& c) -> auto& { return c.ended[actor][cause]; };
      const std::uint64_t ended = total(series, read);
      // Most of the 80 pairs never happen; the usual ends are there from the start, so that rate()
      // sees their first one.
      const bool usual = static_cast<Cause>(cause) == Cause::kEof && actor < 2;
      if (ended == 0 && !usual) continue;
      page.add(
          names::kSessionsTotal,
          {listener, upstream, name(static_cast<Actor>(actor)), name(static_cast<Cause>(cause))},
          number(ended));
    }
  }
}

void add_refusals(Page& page, const std::vector<backends::Refusal>& refusals) {
  for (const backends::Refusal& refusal : refusals) {
    page.add(names::kTransportRefusedTransports, {refusal.engine, name(refusal.cause)},
             number(refusal.transports));
  }
}

void add_transport(Page& page, std::string_view worker, const TransportCells& cells) {
  const std::string_view engine = cells.engine();
  if (engine.empty()) return;  // The worker has not begun.
  const backends::TransportStats stats = cells.read();
  const auto add = [&](const metrics::Family& family, std::uint64_t value) {
    page.add(family, {engine, worker}, number(value));
  };
  add(names::kTransportPollsTotal, stats.polls);
  add(names::kTransportEventsTotal, stats.events);
  add(names::kTransportStaleEventsTotal, stats.stale_events);
  add(names::kTransportWakesTotal, stats.wakes);
  add(names::kTransportConnectsRefusedTotal, stats.connects_refused);
  add(names::kTransportSourcesExhaustedTotal, stats.sources_exhausted);
  add(names::kTransportShortWritesTotal, stats.short_writes);
  add(names::kTransportFairnessYieldsTotal, stats.fairness_yields);
  add(names::kTransportPromotionsTotal, stats.promotions);
  add(names::kTransportDemotionsTotal, stats.demotions);
  add(names::kTransportPipesShrunkTotal, stats.pipes_shrunk);
  add(names::kTransportSubmissionsTotal, stats.submissions);
  add(names::kTransportCompletionsTotal, stats.completions);
  add(names::kTransportCompletionsOverflowedTotal, stats.completions_overflowed);
  add(names::kTransportCancellationsTotal, stats.cancellations);
  add(names::kTransportResetsMissedTotal, stats.resets_missed);
  add(names::kTransportBuffersExhaustedTotal, stats.buffers_exhausted);
  add(names::kTransportConnections, stats.connections);
  add(names::kTransportConnectionsMax, stats.connections_max);
  add(names::kTransportRelays, stats.relays);
  add(names::kTransportPipesOpen, stats.pipes_open);
  add(names::kTransportPipesBorrowed, stats.pipes_borrowed);
  add(names::kTransportPipesMax, stats.pipes_max);
  add(names::kTransportBuffersInUse, stats.buffers_in_use);
  add(names::kTransportBuffersMax, stats.buffers_max);
  add(names::kTransportHeldBytes, stats.held_bytes);
  add(names::kTransportResetsPending, stats.resets_pending);

  const auto add_by = [&](const metrics::Family& family, std::string_view what,
                          std::uint64_t value) {
    page.add(family, {engine, worker, what}, number(value));
  };
  add_by(names::kTransportBulkRefusedTotal, "pipes_exhausted", stats.pipes_exhausted);
  add_by(names::kTransportBulkRefusedTotal, "pipe_failed", stats.pipes_failed);
  add_by(names::kTransportBulkRefusedTotal, "splice_refused", stats.splice_refused);
  for (std::size_t i = 0; i < kSyscallNames.size(); ++i) {
    add_by(names::kTransportSyscallsTotal, kSyscallNames[i], stats.syscalls[i]);
  }
  for (std::size_t i = 0; i < kAcceptFailureNames.size(); ++i) {
    add_by(names::kTransportAcceptFailuresTotal, kAcceptFailureNames[i], stats.accept_failures[i]);
  }
  for (std::size_t i = 0; i < kMethodNames.size(); ++i) {
    page.add(names::kRelayMethodBytesTotal, {kMethodNames[i], worker},
             number(stats.method_bytes[i]));
  }
}

void add_packets(Page& page, std::string_view worker, std::string_view engine,
                 const PacketCells& cells) {
  using Kind = backends::PacketNumberKind;
  for (const PacketCells::Row& row : cells.read()) {
    switch (row.kind) {
      case Kind::kDropped:
        page.add(names::kPacketsDroppedTotal, {engine, worker, row.name}, number(row.value));
        break;
      case Kind::kCounted:
        page.add(names::kPacketsCountedTotal, {engine, worker, row.name}, number(row.value));
        break;
      case Kind::kHeld:
        page.add(names::kPacketsHeld, {engine, worker, row.name}, number(row.value));
        break;
      case Kind::kPortPackets:
        page.add(names::kPortPacketsTotal, {worker, row.port, row.name}, number(row.value));
        break;
      case Kind::kPortBytes:
        page.add(names::kPortBytesTotal, {worker, row.port, row.name}, number(row.value));
        break;
      case Kind::kCount:
        break;
    }
  }
}

void add_worker(Page& page, std::size_t index, const WorkerCells& cells) {
  const std::string worker = std::to_string(index);
  page.add(names::kWorkerBusySecondsTotal, {worker}, number(cells.busy_nanoseconds.value()) * 1e-9);
  page.add(names::kWorkerSessionsActive, {worker}, number(cells.sessions.value()));
  page.add(names::kWorkerLoopSeconds, {worker}, cells.loop.snapshot().view());
  add_transport(page, worker, cells.transport);
  add_packets(page, worker, cells.transport.engine(), cells.packets);
}

}  // namespace

std::vector<prometheus::MetricFamily> Collector::Collect() const {
  Page page;
  add_program(page, status_, log_, access_log_);
  catalog_.read([&page](const MetricsCatalog::Contents& contents) {
    for (const auto& [names, series] : contents.listeners) {
      if (shown(*series, &ListenerCells::sessions)) add_listener(page, *series);
    }
    for (const auto& [names, series] : contents.routes) {
      if (shown(*series, &RouteCells::sessions)) add_route(page, *series);
    }
    add_upstreams(page, contents);
    add_monitored(page, contents);
    for (const auto& [names, series] : contents.dns) add_dns(page, *series);
  });
  add_monitor(page, catalog_.monitor());
  for (std::size_t i = 0; i < catalog_.workers(); ++i) {
    add_worker(page, i, catalog_.worker(i));
  }
  add_refusals(page, factory_.refusals());
  metrics::add_http_metrics(page, http_);
  add_admin_metrics(page, admin_);
  metrics::add_process_metrics(page);
  return std::move(page).take();
}

}  // namespace proxy
