// What each worker's engine counts of its work, and the engines that handle packets themselves:
// a part of the list in names.h.
#pragma once

#include "metrics/family.h"

namespace metrics::names {

// Transports: one engine a worker.
inline constexpr Family kTransportPollsTotal{
    "millrace_transport_polls_total", Type::kCounter, Unit::kNone,
    "Times the worker asked its engine for events", LabelNames("transport", "worker")};
inline constexpr Family kTransportEventsTotal{"millrace_transport_events_total", Type::kCounter,
                                              Unit::kNone, "Events the engine handed to the worker",
                                              LabelNames("transport", "worker")};
inline constexpr Family kTransportStaleEventsTotal{
    "millrace_transport_stale_events_total", Type::kCounter, Unit::kNone,
    "Kernel events dropped because what they were for had gone", LabelNames("transport", "worker")};
inline constexpr Family kTransportWakesTotal{"millrace_transport_wakes_total", Type::kCounter,
                                             Unit::kNone, "Times another thread woke the worker",
                                             LabelNames("transport", "worker")};
inline constexpr Family kTransportAcceptFailuresTotal{
    "millrace_transport_accept_failures_total", Type::kCounter, Unit::kNone,
    "Accepts that failed, by cause", LabelNames("transport", "worker", "cause")};
inline constexpr Family kTransportSyscallsTotal{"millrace_transport_syscalls_total", Type::kCounter,
                                                Unit::kNone, "System calls made, by kind",
                                                LabelNames("transport", "worker", "kind")};
inline constexpr Family kTransportConnectsRefusedTotal{
    "millrace_transport_connects_refused_total", Type::kCounter, Unit::kNone,
    "Connects that failed here, before the network: no descriptor, no port, no memory",
    LabelNames("transport", "worker")};
inline constexpr Family kTransportSourcesExhaustedTotal{
    "millrace_transport_sources_exhausted_total", Type::kCounter, Unit::kNone,
    "Connects that found no port left from a source address; the next source was tried",
    LabelNames("transport", "worker")};
inline constexpr Family kTransportShortWritesTotal{
    "millrace_transport_short_writes_total", Type::kCounter, Unit::kNone,
    "Writes that were taken only in part, because the reader is slower than the sender",
    LabelNames("transport", "worker")};
inline constexpr Family kTransportFairnessYieldsTotal{
    "millrace_transport_fairness_yields_total", Type::kCounter, Unit::kNone,
    "Times a relay had used up its share of one poll and let the others go first",
    LabelNames("transport", "worker")};
inline constexpr Family kTransportPromotionsTotal{
    "millrace_transport_promotions_total", Type::kCounter, Unit::kNone,
    "Directions that went from copying to the bulk method", LabelNames("transport", "worker")};
inline constexpr Family kTransportDemotionsTotal{
    "millrace_transport_demotions_total", Type::kCounter, Unit::kNone,
    "Directions that went from the bulk method back to copying", LabelNames("transport", "worker")};
inline constexpr Family kTransportBulkRefusedTotal{
    "millrace_transport_bulk_refused_total", Type::kCounter, Unit::kNone,
    "Directions that were due for the bulk method and had to go on copying, by cause",
    LabelNames("transport", "worker", "cause")};
inline constexpr Family kTransportPipesShrunkTotal{
    "millrace_transport_pipes_shrunk_total", Type::kCounter, Unit::kNone,
    "Pipes that the kernel made smaller than asked for", LabelNames("transport", "worker")};
inline constexpr Family kTransportSubmissionsTotal{
    "millrace_transport_submissions_total", Type::kCounter, Unit::kNone,
    "Requests handed to the kernel in batches", LabelNames("transport", "worker")};
inline constexpr Family kTransportCompletionsTotal{
    "millrace_transport_completions_total", Type::kCounter, Unit::kNone,
    "Answers of the kernel to such requests", LabelNames("transport", "worker")};
inline constexpr Family kTransportCompletionsOverflowedTotal{
    "millrace_transport_completions_overflowed_total", Type::kCounter, Unit::kNone,
    "Answers that found the queue full", LabelNames("transport", "worker")};
inline constexpr Family kTransportResetsMissedTotal{
    "millrace_transport_resets_missed_total", Type::kCounter, Unit::kNone,
    "Resets that the kernel did not tell and a look at a silent connection found",
    LabelNames("transport", "worker")};
inline constexpr Family kTransportCancellationsTotal{
    "millrace_transport_cancellations_total", Type::kCounter, Unit::kNone,
    "Requests taken back before they were done", LabelNames("transport", "worker")};
inline constexpr Family kTransportBuffersExhaustedTotal{
    "millrace_transport_buffers_exhausted_total", Type::kCounter, Unit::kNone,
    "Receives that found no buffer and were asked for again", LabelNames("transport", "worker")};
inline constexpr Family kTransportConnections{"millrace_transport_connections", Type::kGauge,
                                              Unit::kNone, "Connections the engine holds now",
                                              LabelNames("transport", "worker")};
inline constexpr Family kTransportConnectionsMax{"millrace_transport_connections_max", Type::kGauge,
                                                 Unit::kNone, "Connections the engine can hold",
                                                 LabelNames("transport", "worker")};
inline constexpr Family kTransportRelays{"millrace_transport_relays", Type::kGauge, Unit::kNone,
                                         "Relays the engine runs now",
                                         LabelNames("transport", "worker")};
inline constexpr Family kTransportPipesOpen{"millrace_transport_pipes_open", Type::kGauge,
                                            Unit::kNone, "Pipes the engine has now",
                                            LabelNames("transport", "worker")};
inline constexpr Family kTransportPipesBorrowed{"millrace_transport_pipes_borrowed", Type::kGauge,
                                                Unit::kNone, "Pipes in use by a direction now",
                                                LabelNames("transport", "worker")};
inline constexpr Family kTransportPipesMax{"millrace_transport_pipes_max", Type::kGauge,
                                           Unit::kNone, "Pipes the engine may have",
                                           LabelNames("transport", "worker")};
inline constexpr Family kTransportBuffersInUse{
    "millrace_transport_buffers_in_use", Type::kGauge, Unit::kNone,
    "Receive buffers with bytes that are not sent yet", LabelNames("transport", "worker")};
inline constexpr Family kTransportBuffersMax{"millrace_transport_buffers_max", Type::kGauge,
                                             Unit::kNone, "Receive buffers the engine has",
                                             LabelNames("transport", "worker")};
inline constexpr Family kTransportHeldBytes{
    "millrace_transport_held_bytes", Type::kGauge, Unit::kBytes,
    "Payload read from one side and not yet taken by the other, now",
    LabelNames("transport", "worker")};
inline constexpr Family kTransportResetsPending{
    "millrace_transport_resets_pending", Type::kGauge, Unit::kNone,
    "Resets that wait for the bytes before them to be delivered, now",
    LabelNames("transport", "worker")};
inline constexpr Family kTransportRefusedTransports{
    "millrace_transport_refused_transports", Type::kGauge, Unit::kNone,
    "Transports that run on another engine because this one was refused, by cause",
    LabelNames("transport", "cause")};

// Engines that handle packets themselves.
inline constexpr Family kPacketsDroppedTotal{"millrace_packets_dropped_total", Type::kCounter,
                                             Unit::kNone, "Packets that went no further, by reason",
                                             LabelNames("transport", "worker", "reason")};
inline constexpr Family kPacketsCountedTotal{
    "millrace_packets_counted_total", Type::kCounter, Unit::kNone,
    "What the engine did with packets, connections and timers, by what",
    LabelNames("transport", "worker", "what")};
inline constexpr Family kPacketsHeld{"millrace_packets_held", Type::kGauge, Unit::kNone,
                                     "What the engine's tables hold now, by what",
                                     LabelNames("transport", "worker", "what")};
inline constexpr Family kPortPacketsTotal{
    "millrace_port_packets_total", Type::kCounter, Unit::kNone,
    "Packets of a network port's queue, and its polls and bursts, by what",
    LabelNames("worker", "port", "what")};
inline constexpr Family kPortBytesTotal{"millrace_port_bytes_total", Type::kCounter, Unit::kBytes,
                                        "Bytes of a network port's queue, by direction",
                                        LabelNames("worker", "port", "what")};

}  // namespace metrics::names
