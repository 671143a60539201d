// Every metric once: name, type, unit, help and label names. Constants, read on the thread that
// answers a scrape. The rest of the program says `names::kSessionsTotal` and never spells a metric
// out; hot code does not even do that, it counts in words (counter.h). docs/metrics.md explains
// each to operators, and a test compares the two. The names are public: dashboards and alerts are
// built on them.
#pragma once

#include <array>

#include "metrics/family.h"
#include "metrics/transport_names.h"

namespace metrics::names {

// The program.
inline constexpr Family kBuildInfo{"millrace_build_info", Type::kGauge, Unit::kNone,
                                   "Always 1; the labels say what is running",
                                   LabelNames("version", "transport")};
inline constexpr Family kStartTime{"millrace_start_time_seconds", Type::kGauge, Unit::kSeconds,
                                   "When Millrace started, in seconds since 1970", LabelNames()};
inline constexpr Family kConfigGeneration{
    "millrace_config_generation", Type::kGauge, Unit::kNone,
    "Number of the configuration in force; 1 is the one it started with", LabelNames()};
inline constexpr Family kConfigReloadsTotal{"millrace_config_reloads_total", Type::kCounter,
                                            Unit::kNone, "Reloads asked for, by result",
                                            LabelNames("result")};
inline constexpr Family kConfigLastReloadSuccessful{
    "millrace_config_last_reload_successful", Type::kGauge, Unit::kNone,
    "1 when the last reload was accepted or none was asked for, 0 when it was refused",
    LabelNames()};

// Listeners.
inline constexpr Family kListenerAcceptedTotal{
    "millrace_listener_accepted_total", Type::kCounter, Unit::kNone,
    "Client connections accepted, rejected ones included", LabelNames("listener")};
inline constexpr Family kListenerRejectedTotal{
    "millrace_listener_rejected_total", Type::kCounter, Unit::kNone,
    "Client connections closed before a session began, by reason",
    LabelNames("listener", "reason")};
inline constexpr Family kListenerPaused{
    "millrace_listener_paused", Type::kGauge, Unit::kNone,
    "Workers on which the listener does not accept at the moment", LabelNames("listener")};
inline constexpr Family kListenerMaxSessions{
    "millrace_listener_max_sessions", Type::kGauge, Unit::kNone,
    "Configured limit of sessions; 0 means bounded by descriptors only", LabelNames("listener")};

// Sessions.
inline constexpr Family kSessionsActive{"millrace_sessions_active", Type::kGauge, Unit::kNone,
                                        "Sessions open now", LabelNames("listener", "upstream")};
inline constexpr Family kSessionsTotal{"millrace_sessions_total", Type::kCounter, Unit::kNone,
                                       "Sessions ended, by who ended them and why",
                                       LabelNames("listener", "upstream", "actor", "cause")};
inline constexpr Family kSessionDurationSeconds{
    "millrace_session_duration_seconds", Type::kHistogram, Unit::kSeconds,
    "From accept to the end of the session", LabelNames("listener")};
inline constexpr Family kSessionSetupSeconds{
    "millrace_session_setup_seconds", Type::kHistogram, Unit::kSeconds,
    "From accept until both sides are connected and bytes can flow",
    LabelNames("listener", "pool")};

// Payload.
inline constexpr Family kRelayBytesTotal{"millrace_relay_bytes_total", Type::kCounter, Unit::kBytes,
                                         "Payload delivered, by direction",
                                         LabelNames("listener", "upstream", "direction")};
inline constexpr Family kRelayMethodBytesTotal{
    "millrace_relay_method_bytes_total", Type::kCounter, Unit::kBytes,
    "Payload delivered, by the method that moved it", LabelNames("method", "worker")};

// Upstreams and their endpoints.
inline constexpr Family kUpstreamConnectSeconds{
    "millrace_upstream_connect_seconds", Type::kHistogram, Unit::kSeconds,
    "Time of successful connects to endpoints", LabelNames("upstream")};
inline constexpr Family kUpstreamConnectFailuresTotal{
    "millrace_upstream_connect_failures_total", Type::kCounter, Unit::kNone,
    "Connects that failed, each attempt counted, by cause",
    LabelNames("upstream", "endpoint", "cause")};
inline constexpr Family kUpstreamSessionsActive{
    "millrace_upstream_sessions_active", Type::kGauge, Unit::kNone,
    "Sessions past the queue now: connecting or relaying", LabelNames("upstream")};
inline constexpr Family kUpstreamMaxSessions{
    "millrace_upstream_max_sessions", Type::kGauge, Unit::kNone,
    "Configured limit of sessions; 0 means none", LabelNames("upstream")};
inline constexpr Family kUpstreamConnecting{"millrace_upstream_connecting", Type::kGauge,
                                            Unit::kNone, "Connects under way now",
                                            LabelNames("upstream")};
inline constexpr Family kUpstreamMaxConnecting{
    "millrace_upstream_max_connecting", Type::kGauge, Unit::kNone,
    "Configured limit of connects under way; 0 means none", LabelNames("upstream")};
inline constexpr Family kUpstreamQueueLength{"millrace_upstream_queue_length", Type::kGauge,
                                             Unit::kNone, "Sessions that wait for a place now",
                                             LabelNames("upstream")};
inline constexpr Family kUpstreamQueueMax{
    "millrace_upstream_queue_max", Type::kGauge, Unit::kNone,
    "Configured limit of sessions that may wait; 0 means none may", LabelNames("upstream")};
inline constexpr Family kUpstreamQueueSeconds{
    "millrace_upstream_queue_seconds", Type::kHistogram, Unit::kSeconds,
    "Time in the queue of sessions that have left it, served or not", LabelNames("upstream")};
inline constexpr Family kUpstreamRetriesTotal{
    "millrace_upstream_retries_total", Type::kCounter, Unit::kNone,
    "Attempts on another endpoint after a failed connect, made or refused by the retry budget",
    LabelNames("upstream", "result")};
inline constexpr Family kPoolConnections{"millrace_pool_connections", Type::kGauge, Unit::kNone,
                                         "Connections in pools now, ready and on their way",
                                         LabelNames("upstream", "state")};
inline constexpr Family kPoolTarget{"millrace_pool_target", Type::kGauge, Unit::kNone,
                                    "Connections that the pools of the upstream should have now",
                                    LabelNames("upstream")};
inline constexpr Family kPoolIdleMax{"millrace_pool_idle_max", Type::kGauge, Unit::kNone,
                                     "Configured largest pool of an endpoint; 0 means no pool",
                                     LabelNames("upstream")};
inline constexpr Family kPoolCheckoutsTotal{"millrace_pool_checkouts_total", Type::kCounter,
                                            Unit::kNone, "What sessions found in pools",
                                            LabelNames("upstream", "result")};
inline constexpr Family kPoolDiscardedTotal{
    "millrace_pool_discarded_total", Type::kCounter, Unit::kNone,
    "Pooled connections that were closed unused", LabelNames("upstream", "cause")};
inline constexpr Family kPoolSavedSecondsTotal{
    "millrace_pool_saved_seconds_total", Type::kCounter, Unit::kSeconds,
    "Connect time that sessions did not wait for", LabelNames("upstream")};
inline constexpr Family kEndpointSessionsActive{"millrace_endpoint_sessions_active", Type::kGauge,
                                                Unit::kNone, "Sessions open now on the endpoint",
                                                LabelNames("upstream", "endpoint")};

inline constexpr Family kEndpointMaxSessions{
    "millrace_endpoint_max_sessions", Type::kGauge, Unit::kNone,
    "Configured limit of sessions; 0 means none", LabelNames("upstream", "endpoint")};
inline constexpr Family kEndpointHealthy{"millrace_endpoint_healthy", Type::kGauge, Unit::kNone,
                                         "1 when the endpoint passes its health checks or has none",
                                         LabelNames("upstream", "endpoint")};
inline constexpr Family kEndpointEjected{
    "millrace_endpoint_ejected", Type::kGauge, Unit::kNone,
    "1 while the endpoint gets no sessions for what sessions met there",
    LabelNames("upstream", "endpoint")};
inline constexpr Family kEndpointAdminState{
    "millrace_endpoint_admin_state", Type::kGauge, Unit::kNone,
    "What the operator has ordered: 0 ready, 1 drain, 2 maintenance",
    LabelNames("upstream", "endpoint")};
inline constexpr Family kEndpointRttSeconds{
    "millrace_endpoint_rtt_seconds", Type::kHistogram, Unit::kSeconds,
    "Smoothed round trip time to the endpoint, at the end of sessions and once a minute",
    LabelNames("upstream", "endpoint")};
inline constexpr Family kEndpointRetransmitsTotal{
    "millrace_endpoint_retransmits_total", Type::kCounter, Unit::kNone,
    "Segments sent again to the endpoint, as far as sessions were looked at",
    LabelNames("upstream", "endpoint")};
inline constexpr Family kEndpointPathSamplesTotal{
    "millrace_endpoint_path_samples_total", Type::kCounter, Unit::kNone,
    "Looks at the way to the endpoint (TCP_INFO)", LabelNames("upstream", "endpoint")};

// The DNS, for upstreams whose endpoints come from it.
inline constexpr Family kDnsLookupsTotal{"millrace_dns_lookups_total", Type::kCounter, Unit::kNone,
                                         "Lookups of the upstream's name, by result",
                                         LabelNames("upstream", "result")};
inline constexpr Family kDnsAddresses{"millrace_dns_addresses", Type::kGauge, Unit::kNone,
                                      "Endpoints that the upstream has from the DNS now",
                                      LabelNames("upstream")};
inline constexpr Family kDnsLastSuccessTimestampSeconds{
    "millrace_dns_last_success_timestamp_seconds", Type::kGauge, Unit::kSeconds,
    "When a lookup last brought addresses, in seconds since 1970; 0 means never",
    LabelNames("upstream")};
inline constexpr Family kDnsAddressesIgnoredTotal{
    "millrace_dns_addresses_ignored_total", Type::kCounter, Unit::kNone,
    "Addresses of answers that were not used, counted at each lookup, by cause",
    LabelNames("upstream", "cause")};

// What the monitor finds out about endpoints, and the monitor itself.
inline constexpr Family kHealthChecksTotal{"millrace_health_checks_total", Type::kCounter,
                                           Unit::kNone, "Health checks that ended, by result",
                                           LabelNames("upstream", "endpoint", "result")};
inline constexpr Family kHealthCheckSeconds{"millrace_health_check_seconds", Type::kHistogram,
                                            Unit::kSeconds, "Time of health checks that passed",
                                            LabelNames("upstream")};
inline constexpr Family kOutlierEjectionsTotal{
    "millrace_outlier_ejections_total", Type::kCounter, Unit::kNone,
    "Times the endpoint was ejected, by what sessions met there",
    LabelNames("upstream", "endpoint", "cause")};
inline constexpr Family kMonitorChecksActive{"millrace_monitor_checks_active", Type::kGauge,
                                             Unit::kNone, "Health checks under way now",
                                             LabelNames()};
inline constexpr Family kMonitorChecksWaiting{
    "millrace_monitor_checks_waiting", Type::kGauge, Unit::kNone,
    "Health checks that are due and wait for others to end", LabelNames()};
inline constexpr Family kMonitorChecksMax{"millrace_monitor_checks_max", Type::kGauge, Unit::kNone,
                                          "Health checks that may be under way at one time",
                                          LabelNames()};
inline constexpr Family kMonitorEvidenceDroppedTotal{
    "millrace_monitor_evidence_dropped_total", Type::kCounter, Unit::kNone,
    "Reports of workers about endpoints that the monitor was too slow to read", LabelNames()};
inline constexpr Family kMonitorBusySecondsTotal{
    "millrace_monitor_busy_seconds_total", Type::kCounter, Unit::kSeconds,
    "Time the monitor spent working and not waiting for events", LabelNames()};

// Workers.
inline constexpr Family kWorkerBusySecondsTotal{
    "millrace_worker_busy_seconds_total", Type::kCounter, Unit::kSeconds,
    "Time the worker spent working and not waiting for events", LabelNames("worker")};
inline constexpr Family kWorkerLoopSeconds{
    "millrace_worker_loop_seconds", Type::kHistogram, Unit::kSeconds,
    "Time of one turn of the worker's loop, waiting left out", LabelNames("worker")};
inline constexpr Family kWorkerSessionsActive{"millrace_worker_sessions_active", Type::kGauge,
                                              Unit::kNone, "Sessions open now on the worker",
                                              LabelNames("worker")};

// The access log.
inline constexpr Family kAccessLogLinesTotal{"millrace_access_log_lines_total", Type::kCounter,
                                             Unit::kNone, "Lines written", LabelNames()};
inline constexpr Family kAccessLogDroppedTotal{
    "millrace_access_log_dropped_total", Type::kCounter, Unit::kNone,
    "Lines thrown away because the log could not be written, or not fast enough", LabelNames()};
inline constexpr Family kAccessLogLeftOutTotal{
    "millrace_access_log_left_out_total", Type::kCounter, Unit::kNone,
    "Lines left out on purpose, by the setting that did it", LabelNames("reason")};
inline constexpr Family kLogDroppedTotal{
    "millrace_log_dropped_total", Type::kCounter, Unit::kNone,
    "Lines of the control-plane log thrown away because it could not be written fast enough",
    LabelNames()};

// The HTTP server these numbers come from; then the admin API's, counted apart.
inline constexpr Family kHttpRequestsTotal{"millrace_http_requests_total", Type::kCounter,
                                           Unit::kNone, "Requests answered, by status code",
                                           LabelNames("code")};
inline constexpr Family kHttpConnections{"millrace_http_connections", Type::kGauge, Unit::kNone,
                                         "Connections open now", LabelNames()};
inline constexpr Family kHttpConnectionsMax{
    "millrace_http_connections_max", Type::kGauge, Unit::kNone,
    "Connections it keeps open; one more cuts the oldest", LabelNames()};
inline constexpr Family kHttpConnectionsDroppedTotal{
    "millrace_http_connections_dropped_total", Type::kCounter, Unit::kNone,
    "Connections that ended without an answer from a page, by cause", LabelNames("cause")};
inline constexpr Family kHttpRenderSeconds{
    "millrace_http_render_seconds", Type::kGauge, Unit::kSeconds,
    "Time it took to write the previous page of metrics", LabelNames()};
inline constexpr Family kAdminRequestsTotal{"millrace_admin_requests_total", Type::kCounter,
                                            Unit::kNone, "Requests answered, by status code",
                                            LabelNames("code")};
inline constexpr Family kAdminRequestsRefusedTotal{
    "millrace_admin_requests_refused_total", Type::kCounter, Unit::kNone,
    "Requests that did not get to what they asked for, by reason", LabelNames("reason")};
inline constexpr Family kAdminConnections{"millrace_admin_connections", Type::kGauge, Unit::kNone,
                                          "Connections open now", LabelNames()};
inline constexpr Family kAdminConnectionsDroppedTotal{
    "millrace_admin_connections_dropped_total", Type::kCounter, Unit::kNone,
    "Connections that ended without an answer, by cause", LabelNames("cause")};

// The process, under the names every Prometheus client library uses.
inline constexpr Family kProcessCpuSecondsTotal{
    "process_cpu_seconds_total", Type::kCounter, Unit::kSeconds,
    "User and system CPU time of the whole process", LabelNames()};
inline constexpr Family kProcessResidentMemoryBytes{"process_resident_memory_bytes", Type::kGauge,
                                                    Unit::kBytes, "Resident memory", LabelNames()};
inline constexpr Family kProcessVirtualMemoryBytes{"process_virtual_memory_bytes", Type::kGauge,
                                                   Unit::kBytes, "Virtual memory", LabelNames()};
inline constexpr Family kProcessVirtualMemoryMaxBytes{
    "process_virtual_memory_max_bytes", Type::kGauge, Unit::kBytes,
    "Limit of virtual memory (RLIMIT_AS); 1.8e+19 means none", LabelNames()};
inline constexpr Family kProcessOpenFds{"process_open_fds", Type::kGauge, Unit::kNone,
                                        "File descriptors open now", LabelNames()};
inline constexpr Family kProcessMaxFds{"process_max_fds", Type::kGauge, Unit::kNone,
                                       "Limit of file descriptors (RLIMIT_NOFILE)", LabelNames()};
inline constexpr Family kProcessThreads{"process_threads", Type::kGauge, Unit::kNone,
                                        "Threads of the process", LabelNames()};
inline constexpr Family kProcessStartTimeSeconds{
    "process_start_time_seconds", Type::kGauge, Unit::kSeconds,
    "When the process started, in seconds since 1970", LabelNames()};

// In the order of the page.
inline constexpr std::array kAll = {
    &kBuildInfo,
    &kStartTime,
    &kConfigGeneration,
    &kConfigReloadsTotal,
    &kConfigLastReloadSuccessful,
    &kListenerAcceptedTotal,
    &kListenerRejectedTotal,
    &kListenerPaused,
    &kListenerMaxSessions,
    &kSessionsActive,
    &kSessionsTotal,
    &kSessionDurationSeconds,
    &kSessionSetupSeconds,
    &kRelayBytesTotal,
    &kRelayMethodBytesTotal,
    &kUpstreamConnectSeconds,
    &kUpstreamConnectFailuresTotal,
    &kUpstreamSessionsActive,
    &kUpstreamMaxSessions,
    &kUpstreamConnecting,
    &kUpstreamMaxConnecting,
    &kUpstreamQueueLength,
    &kUpstreamQueueMax,
    &kUpstreamQueueSeconds,
    &kUpstreamRetriesTotal,
    &kPoolConnections,
    &kPoolTarget,
    &kPoolIdleMax,
    &kPoolCheckoutsTotal,
    &kPoolDiscardedTotal,
    &kPoolSavedSecondsTotal,
    &kEndpointSessionsActive,
    &kEndpointMaxSessions,
    &kEndpointHealthy,
    &kEndpointEjected,
    &kEndpointAdminState,
    &kEndpointRttSeconds,
    &kEndpointRetransmitsTotal,
    &kEndpointPathSamplesTotal,
    &kDnsLookupsTotal,
    &kDnsAddresses,
    &kDnsLastSuccessTimestampSeconds,
    &kDnsAddressesIgnoredTotal,
    &kHealthChecksTotal,
    &kHealthCheckSeconds,
    &kOutlierEjectionsTotal,
    &kMonitorChecksActive,
    &kMonitorChecksWaiting,
    &kMonitorChecksMax,
    &kMonitorEvidenceDroppedTotal,
    &kMonitorBusySecondsTotal,
    &kWorkerBusySecondsTotal,
    &kWorkerLoopSeconds,
    &kWorkerSessionsActive,
    &kTransportPollsTotal,
    &kTransportEventsTotal,
    &kTransportStaleEventsTotal,
    &kTransportWakesTotal,
    &kTransportAcceptFailuresTotal,
    &kTransportSyscallsTotal,
    &kTransportConnectsRefusedTotal,
    &kTransportSourcesExhaustedTotal,
    &kTransportShortWritesTotal,
    &kTransportFairnessYieldsTotal,
    &kTransportPromotionsTotal,
    &kTransportDemotionsTotal,
    &kTransportBulkRefusedTotal,
    &kTransportPipesShrunkTotal,
    &kTransportSubmissionsTotal,
    &kTransportCompletionsTotal,
    &kTransportCompletionsOverflowedTotal,
    &kTransportCancellationsTotal,
    &kTransportResetsMissedTotal,
    &kTransportBuffersExhaustedTotal,
    &kTransportConnections,
    &kTransportConnectionsMax,
    &kTransportRelays,
    &kTransportPipesOpen,
    &kTransportPipesBorrowed,
    &kTransportPipesMax,
    &kTransportBuffersInUse,
    &kTransportBuffersMax,
    &kTransportHeldBytes,
    &kTransportResetsPending,
    &kTransportRefusedTransports,
    &kPacketsDroppedTotal,
    &kPacketsCountedTotal,
    &kPacketsHeld,
    &kPortPacketsTotal,
    &kPortBytesTotal,
    &kAccessLogLinesTotal,
    &kAccessLogDroppedTotal,
    &kAccessLogLeftOutTotal,
    &kLogDroppedTotal,
    &kHttpRequestsTotal,
    &kHttpConnections,
    &kHttpConnectionsMax,
    &kHttpConnectionsDroppedTotal,
    &kHttpRenderSeconds,
    &kAdminRequestsTotal,
    &kAdminRequestsRefusedTotal,
    &kAdminConnections,
    &kAdminConnectionsDroppedTotal,
    &kProcessCpuSecondsTotal,
    &kProcessResidentMemoryBytes,
    &kProcessVirtualMemoryBytes,
    &kProcessVirtualMemoryMaxBytes,
    &kProcessOpenFds,
    &kProcessMaxFds,
    &kProcessThreads,
    &kProcessStartTimeSeconds,
};

}  // namespace metrics::names
