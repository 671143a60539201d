// Every key of the configuration file, once. The reader, the JSON Schema, the printed
// configuration, the suggestions and "not supported yet" are all visitors of this table, so they
// cannot disagree.
//
// A visitor has: value(key, field, rule) for a scalar; section(key, field) for a mapping; list(key,
// field, rule) for a list of mappings; binds(key, field, rule) for one address or a list of them;
// mark(name, mark) for a place to remember; unsupported(name) for a key of the contract that does
// not work yet; and endpoints_or_original_dst(flag), the one rule between two keys. `it` is const
// for visitors that only look.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>

#include "config/config.h"
#include "config/scalars.h"

namespace config {

struct Key {
  std::string_view name;
  std::string_view help;  // For the schema: what an editor shows.
  bool required = false;
};

struct BooleanRule {};
struct NameRule {};

// An integer, or auto.
struct AutoIntegerRule {
  IntegerRule integer;
};

// auto, a list of integers, or text like "0-3,6".
struct CpusRule {};

// An IP address, or "" for none.
struct SourceRule {};

template <typename E>
struct Choice {
  std::string_view name;
  E value;
};

template <typename E>
struct ChoiceRule {
  std::span<const Choice<E>> choices;
  std::span<const std::string_view> unsupported = {};  // Of the contract, but not working yet.
};

struct ListRule {
  std::size_t min = 0;
  std::size_t max = 0;
};

namespace keys {

inline constexpr std::array kTransports = {Choice<TransportKind>{"auto", TransportKind::kAuto},
                                           Choice<TransportKind>{"epoll", TransportKind::kEpoll}};
inline constexpr std::array<std::string_view, 2> kTransportsLater = {"io_uring", "dpdk"};
inline constexpr std::array kBalances = {Choice<Balance>{"round_robin", Balance::kRoundRobin},
                                         Choice<Balance>{"least_sessions", Balance::kLeastSessions},
                                         Choice<Balance>{"random_two", Balance::kRandomTwo},
                                         Choice<Balance>{"source_hash", Balance::kSourceHash},
                                         Choice<Balance>{"maglev", Balance::kMaglev},
                                         Choice<Balance>{"first", Balance::kFirst}};
inline constexpr std::array kLogLevels = {
    Choice<LogLevel>{"debug", LogLevel::kDebug}, Choice<LogLevel>{"info", LogLevel::kInfo},
    Choice<LogLevel>{"warning", LogLevel::kWarning}, Choice<LogLevel>{"error", LogLevel::kError}};
inline constexpr std::array kLogFormats = {Choice<LogFormat>{"text", LogFormat::kText},
                                           Choice<LogFormat>{"json", LogFormat::kJson}};

inline constexpr base::Nanos kMillisecond = std::chrono::milliseconds(1);
inline constexpr base::Nanos kSecond = std::chrono::seconds(1);
inline constexpr base::Nanos kYear = std::chrono::hours(365 * 24);

inline constexpr DurationRule kTimeout = {.min = kMillisecond, .max = kYear, .zero = true};
inline constexpr DurationRule kConnectTimeout = {.min = kMillisecond, .max = std::chrono::hours(1)};
// The kernel's own limits for TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT (include/net/tcp.h).
inline constexpr base::Nanos kKeepaliveMax = std::chrono::seconds(32767);
inline constexpr DurationRule kKeepaliveIdle = {
    .min = kSecond, .max = kKeepaliveMax, .zero = true, .unit = kSecond};
inline constexpr DurationRule kKeepaliveInterval = {
    .min = kSecond, .max = kKeepaliveMax, .unit = kSecond};
inline constexpr IntegerRule kKeepaliveProbes = {.min = 1, .max = 127};
// TCP_USER_TIMEOUT is an int of milliseconds.
inline constexpr DurationRule kUserTimeout = {
    .min = kMillisecond, .max = std::chrono::hours(24), .zero = true};

inline constexpr IntegerRule kWorkers = {.min = 1, .max = 1024, .or_auto = true};
inline constexpr IntegerRule kBacklog = {.min = 1, .max = 1U << 20U};
inline constexpr IntegerRule kSessions = {.min = 0, .max = 100'000'000};
inline constexpr IntegerRule kWeight = {.min = 0, .max = 65'535};
inline constexpr IntegerRule kAttempts = {.min = 1, .max = 100};

inline constexpr ListRule kListeners = {.min = 1, .max = 10'000};  // Each costs sockets per worker.
inline constexpr ListRule kBinds = {.min = 1, .max = 256};
inline constexpr ListRule kUpstreams = {.min = 0, .max = 1'000'000};  // The text's size says less.
// Maglev's table has 65,537 places: with more endpoints than this, shares would be far from the
// weights.
inline constexpr ListRule kEndpoints = {.min = 1, .max = 10'000};

// T is S or const S.
template <typename T, typename S>
concept Of = std::same_as<std::remove_const_t<T>, S>;

template <typename Visitor, Of<Workers> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"count", "Worker threads. auto: one for each CPU of `cpus`."}, it.count,
              AutoIntegerRule{kWorkers});
  visit.value(Key{"cpus", "CPUs the workers are pinned to. auto: all that this process may use."},
              it.cpus, CpusRule{});
  visit.mark("count", it.count_mark);
  visit.mark("cpus", it.cpus_mark);
}

template <typename Visitor, Of<Timeouts> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"idle", "Ends a session without payload in either direction. 0: never."}, it.idle,
              kTimeout);
  visit.value(Key{"half_close", "Ends an idle session after one side's end of stream. 0: never."},
              it.half_close, kTimeout);
  visit.value(Key{"lifetime", "Ends a session at this age, whatever moves. 0: never."}, it.lifetime,
              kTimeout);
  visit.unsupported("first_bytes");
}

template <typename Visitor, Of<Keepalive> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"idle", "Silence before the first probe, whole seconds. 0: no probes."}, it.idle,
              kKeepaliveIdle);
  visit.value(Key{"interval", "Time between probes, whole seconds."}, it.interval,
              kKeepaliveInterval);
  visit.value(Key{"probes", "Unanswered probes after which a connection is dead."}, it.probes,
              kKeepaliveProbes);
}

template <typename Visitor, Of<Tcp> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"nodelay", "TCP_NODELAY: small writes leave at once."}, it.nodelay,
              BooleanRule{});
  visit.value(Key{"backlog", "Connections that may wait for accept; somaxconn caps it."},
              it.backlog, kBacklog);
  visit.section(Key{"keepalive", "TCP keepalive, to find dead connections."}, it.keepalive);
  visit.value(Key{"user_timeout", "TCP_USER_TIMEOUT for unacknowledged data. 0: the kernel's."},
              it.user_timeout, kUserTimeout);
}

template <typename Visitor, Of<Listener> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"name", "Unique among listeners; appears in logs and metrics.", true}, it.name,
              NameRule{});
  visit.mark("name", it.mark);
  visit.binds(Key{"bind", "Where to listen: \"IP:PORT\", \"[IPv6]:PORT\" or \"unix:PATH\".", true},
              it.bind, kBinds);
  visit.value(Key{"upstream", "The upstream that sessions go to.", true}, it.upstream.name,
              NameRule{});
  visit.mark("upstream", it.upstream.mark);
  visit.value(Key{"max_sessions", "Sessions at one time. 0: bounded by descriptors only."},
              it.max_sessions, kSessions);
  visit.section(Key{"timeouts", "When a session is ended."}, it.timeouts);
  visit.section(Key{"tcp", "Socket options of both connections of a session."}, it.tcp);
  for (const std::string_view later :
       {"routes", "allow", "deny", "accept_rate", "per_source", "proxy_protocol", "trusted"}) {
    visit.unsupported(later);
  }
}

template <typename Visitor, Of<Endpoint> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"address", "\"IP:PORT\", \"[IPv6]:PORT\" or \"unix:PATH\".", true}, it.address,
              AddressUse::kConnect);
  visit.mark("address", it.mark);
  visit.value(Key{"weight", "Share of new sessions. 0: none."}, it.weight, kWeight);
  visit.unsupported("priority");
  visit.unsupported("max_sessions");
}

template <typename Visitor, Of<Connect> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"timeout", "Time for one attempt."}, it.timeout, kConnectTimeout);
  visit.value(Key{"attempts", "Endpoints tried for a session before it is given up."}, it.attempts,
              kAttempts);
  visit.value(Key{"source", "Local IP address to connect from. \"\": the kernel's choice."},
              it.source, SourceRule{});
  visit.mark("source", it.source_mark);
}

template <typename Visitor, Of<Upstream> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"name", "Unique among upstreams; appears in logs and metrics.", true}, it.name,
              NameRule{});
  visit.mark("name", it.mark);
  visit.value(Key{"balance", "How an endpoint is chosen for a session."}, it.balance,
              ChoiceRule<Balance>{kBalances});
  visit.list(Key{"endpoints", "The addresses of the service."}, it.endpoints, kEndpoints);
  visit.value(Key{"original_dst", "Connect where the client was going before a redirect."},
              it.original_dst, BooleanRule{});
  visit.section(Key{"connect", "How connections to endpoints are made."}, it.connect);
  for (const std::string_view later : {"dns", "pool", "health", "outlier", "limits", "slow_start",
                                       "proxy_protocol", "on_remove"}) {
    visit.unsupported(later);
  }
  visit.endpoints_or_original_dst(it.original_dst);
}

template <typename Visitor, Of<Metrics> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"bind", "Address of /metrics, /healthz and /readyz."}, it.bind.address,
              AddressUse::kMetrics);
  visit.mark("bind", it.bind.mark);
}

template <typename Visitor, Of<Log> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"level", "The least important messages that are written."}, it.level,
              ChoiceRule<LogLevel>{kLogLevels});
  visit.value(Key{"format", "Lines for people, or JSON."}, it.format,
              ChoiceRule<LogFormat>{kLogFormats});
  visit.value(Key{"access", "One line for each session that ended."}, it.access, BooleanRule{});
}

template <typename Visitor, Of<Shutdown> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"drain", "How long SIGTERM waits for sessions to end. 0: not at all."}, it.drain,
              kTimeout);
}

template <typename Visitor, Of<Config> T>
void visit_keys(Visitor& visit, T& it) {
  visit.section(Key{"workers", "Threads and their CPUs."}, it.workers);
  visit.value(Key{"transport", "The I/O engine. auto: the best this kernel allows."}, it.transport,
              ChoiceRule<TransportKind>{kTransports, kTransportsLater});
  visit.mark("transport", it.transport_mark);
  visit.list(Key{"listeners", "Where clients connect.", true}, it.listeners, kListeners);
  visit.list(Key{"upstreams", "Services that sessions go to."}, it.upstreams, kUpstreams);
  visit.section(Key{"metrics", "The metrics address."}, it.metrics);
  visit.section(Key{"log", "What is written to stderr."}, it.log);
  visit.section(Key{"shutdown", "How Millrace stops."}, it.shutdown);
  visit.unsupported("dpdk");
  visit.unsupported("admin");
}

}  // namespace keys
}  // namespace config
