// Every key of the configuration file, once. The reader, the JSON Schema, the printed
// configuration, the suggestions and "not supported yet" are all visitors of this table, so they
// cannot disagree.
//
// A visitor has: value(key, field, rule) for a scalar; section(key, field) for a mapping, which may
// be absent where the field is an optional; list(key, field, rule) for a list of mappings;
// binds(key, field, rule) for one address or a list of them; mark(name, mark) for a place to
// remember; unsupported(name) for a key of the contract that does not work yet; and check(it) after
// the keys of a mapping that has rules between them. `it` is const for visitors that only look.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include "config/config.h"
#include "config/rules.h"
#include "config/scalars.h"

namespace config {

namespace keys {

inline constexpr std::array kTransports = {
    Choice<TransportKind>{"auto", TransportKind::kAuto},
    Choice<TransportKind>{"epoll", TransportKind::kEpoll},
    Choice<TransportKind>{"io_uring", TransportKind::kIoUring},
    Choice<TransportKind>{"dpdk", TransportKind::kDpdk}};
inline constexpr std::array kHugePages = {Choice<HugePages>{"auto", HugePages::kAuto},
                                          Choice<HugePages>{"off", HugePages::kOff}};
inline constexpr std::array kIdleModes = {Choice<IdleMode>{"spin", IdleMode::kSpin},
                                          Choice<IdleMode>{"sleep", IdleMode::kSleep}};
inline constexpr std::array kBalances = {Choice<Balance>{"round_robin", Balance::kRoundRobin},
                                         Choice<Balance>{"least_sessions", Balance::kLeastSessions},
                                         Choice<Balance>{"random_two", Balance::kRandomTwo},
                                         Choice<Balance>{"source_hash", Balance::kSourceHash},
                                         Choice<Balance>{"maglev", Balance::kMaglev},
                                         Choice<Balance>{"first", Balance::kFirst}};
inline constexpr std::array kProxyProtocols = {Choice<ProxyProtocol>{"off", ProxyProtocol::kOff},
                                               Choice<ProxyProtocol>{"v1", ProxyProtocol::kV1},
                                               Choice<ProxyProtocol>{"v2", ProxyProtocol::kV2}};
inline constexpr std::array kHealthTypes = {Choice<HealthType>{"tcp", HealthType::kTcp}};
inline constexpr std::array kInitialHealths = {Choice<InitialHealth>{"up", InitialHealth::kUp},
                                               Choice<InitialHealth>{"down", InitialHealth::kDown}};
inline constexpr std::array kDnsTypes = {Choice<DnsType>{"a", DnsType::kA},
                                         Choice<DnsType>{"srv", DnsType::kSrv}};
inline constexpr std::array kDnsStartups = {Choice<DnsStartup>{"wait", DnsStartup::kWait},
                                            Choice<DnsStartup>{"fail", DnsStartup::kFail}};
inline constexpr std::array kOnRemoves = {Choice<OnRemove>{"keep", OnRemove::kKeep},
                                          Choice<OnRemove>{"drain", OnRemove::kDrain},
                                          Choice<OnRemove>{"close", OnRemove::kClose}};
inline constexpr std::array kAllDowns = {Choice<AllDown>{"refuse", AllDown::kRefuse},
                                         Choice<AllDown>{"try_all", AllDown::kTryAll}};
inline constexpr std::array kAdminEnables = {Choice<AdminEnable>{"auto", AdminEnable::kAuto},
                                             Choice<AdminEnable>{"on", AdminEnable::kOn},
                                             Choice<AdminEnable>{"off", AdminEnable::kOff}};
inline constexpr std::array kSeccomps = {Choice<Seccomp>{"auto", Seccomp::kAuto},
                                         Choice<Seccomp>{"on", Seccomp::kOn},
                                         Choice<Seccomp>{"off", Seccomp::kOff}};
inline constexpr std::array kLogLevels = {
    Choice<LogLevel>{"debug", LogLevel::kDebug}, Choice<LogLevel>{"info", LogLevel::kInfo},
    Choice<LogLevel>{"warning", LogLevel::kWarning}, Choice<LogLevel>{"error", LogLevel::kError}};
inline constexpr std::array kLogFormats = {Choice<LogFormat>{"text", LogFormat::kText},
                                           Choice<LogFormat>{"json", LogFormat::kJson}};

inline constexpr IntegerRule kSample = {.min = 1, .max = 1'000'000};
inline constexpr RateRule kLineRate = {.max = 10'000'000};
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
// A few reads of bulk at least. Larger buffers fall out of the processor's cache: with 64 MiB a
// core moved 7.6 Gbit/s of bulk and not 10.6 (measured).
inline constexpr SizeRule kReceiveBuffers = {.min = 64U << 10U, .max = 8U << 20U};
inline constexpr WordsRule kEalArguments = {.max = 256};
// DPDK itself knows 32 (RTE_MAX_ETHPORTS).
inline constexpr WordsRule kPorts = {.max = 32, .unique = true};
inline constexpr IntegerRule kPortIndex = {.min = 0, .max = kPorts.max - 1};
inline constexpr ListRule kLocalAddresses = {.min = 0, .max = 4096};
// What every IPv4 host takes (RFC 9293, 3.7.1), and what a frame of 9000 bytes has room for.
inline constexpr IntegerRule kMss = {.min = 536, .max = 8960};
inline constexpr IntegerRule kTableSessions = {.min = 1, .max = 100'000'000};
inline constexpr IntegerRule kOneIn = {.min = 1, .max = 1'000'000'000};
inline constexpr SizeRule kCaptureBytes = {.min = 64U << 10U, .max = 1U << 30U};
inline constexpr IntegerRule kBacklog = {.min = 1, .max = 1U << 20U};
inline constexpr IntegerRule kSessions = {.min = 0, .max = 100'000'000};
inline constexpr IntegerRule kWeight = {.min = 0, .max = 65'535};
inline constexpr IntegerRule kAttempts = {.min = 1, .max = kAttemptsMax};
inline constexpr IntegerRule kRetryBudget = {.min = 0, .max = 1000};
inline constexpr IntegerRule kPriority = {.min = 0, .max = 255};
inline constexpr IntegerRule kPooled = {.min = 0, .max = 1'000'000};
inline constexpr IntegerRule kChecksInARow = {.min = 1, .max = 1000};
inline constexpr IntegerRule kPercent = {.min = 1, .max = 100};
// A check costs about 30 us: more often than this it would be a load of its own.
inline constexpr DurationRule kCheckInterval = {.min = std::chrono::milliseconds(10),
                                                .max = std::chrono::hours(24)};
inline constexpr DurationRule kFastInterval = {
    .min = std::chrono::milliseconds(10), .max = std::chrono::hours(24), .zero = true};
inline constexpr DurationRule kAtMostADay = {.min = kMillisecond, .max = std::chrono::hours(24)};
inline constexpr DurationRule kDnsRefresh = {.min = std::chrono::milliseconds(100),
                                             .max = std::chrono::hours(24)};
// What a transport's exchange takes; kExchangeMax of backends/transport.h.
inline constexpr PayloadRule kPayload = {.max = 4096};

inline constexpr ListRule kListeners = {.min = 1, .max = 10'000};  // Each costs sockets per worker.
inline constexpr ListRule kBinds = {.min = 1, .max = 256};
inline constexpr ListRule kUpstreams = {.min = 0, .max = 1'000'000};  // The text's size says less.
// Maglev's table has 65,537 places: with more endpoints than this, shares would be far from the
// weights.
inline constexpr ListRule kEndpoints = {.min = 1, .max = 10'000};
inline constexpr SourcesRule kSources = {.max = 64};
inline constexpr ServersRule kDnsServers = {.max = 8};

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

template <typename Visitor, Of<IoUring> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"buffers", "Receive buffers of each worker."}, it.buffers_bytes, kReceiveBuffers);
  visit.mark("buffers", it.buffers_mark);
}

template <typename Visitor, Of<LocalAddress> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"address", "An address of ours and its network: \"10.1.0.2/24\".", true},
              it.address, NetworkRule{});
  visit.mark("address", it.mark);
  visit.value(Key{"port", "Which of `ports` it is at, counted from 0."}, it.port, kPortIndex);
  visit.value(Key{"gateway", "The way to other networks. \"\": there is none."}, it.gateway,
              GatewayRule{});
}

template <typename Visitor, Of<Capture> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"file", "Where packets are written, as tcpdump does. \"\": nowhere."}, it.file,
              FileRule{});
  visit.value(Key{"one_in", "One connection in so many is written."}, it.one_in, kOneIn);
  visit.value(Key{"bytes_max", "The file grows no further than this."}, it.bytes_max,
              kCaptureBytes);
}

template <typename Visitor, Of<Dpdk> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"eal", "Arguments for DPDK's environment layer."}, it.eal, kEalArguments);
  visit.value(Key{"ports", "DPDK's names of the network ports to use."}, it.ports, kPorts);
  visit.list(Key{"addresses", "The IP addresses that are ours."}, it.addresses, kLocalAddresses);
  visit.value(Key{"mss", "The largest segment that servers are told to send."}, it.mss, kMss);
  visit.value(Key{"sessions_max", "Size of the tables: sessions at one time."}, it.sessions_max,
              kTableSessions);
  visit.value(Key{"hugepages", "Use huge pages where there are some."}, it.hugepages,
              ChoiceRule<HugePages>{kHugePages});
  visit.value(Key{"idle", "While nothing arrives: spin or sleep."}, it.idle,
              ChoiceRule<IdleMode>{kIdleModes});
  visit.section(Key{"capture", "Packets written to a file."}, it.capture);
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
  visit.mark("tcp", it.tcp_mark);
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
  visit.value(Key{"priority", "Used only when every lower number has nobody left."}, it.priority,
              kPriority);
  visit.value(Key{"max_sessions", "Sessions at one time. 0: no limit."}, it.max_sessions,
              kSessions);
  visit.value(Key{"max_connecting", "Connects under way at one time. 0: no limit."},
              it.max_connecting, kSessions);
}

template <typename Visitor, Of<Pool> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"idle", "Connections kept ready for each endpoint. 0: no pool."}, it.idle,
              kPooled);
  visit.value(Key{"idle_max", "Up to here a pool grows with the demand; at least `idle`."},
              it.idle_max, kPooled);
  visit.value(Key{"max_age", "A ready connection is replaced before this age."}, it.max_age,
              kConnectTimeout);
  visit.check(it);
}

template <typename Visitor, Of<Health> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"type", "What is checked."}, it.type, ChoiceRule<HealthType>{kHealthTypes});
  visit.value(Key{"interval", "Time between two checks of an endpoint."}, it.interval,
              kCheckInterval);
  visit.value(Key{"fast_interval", "The same while it changes state. 0: the interval."},
              it.fast_interval, kFastInterval);
  visit.value(Key{"timeout", "Time for one whole check."}, it.timeout, kConnectTimeout);
  visit.value(Key{"rise", "Good checks in a row that make it healthy."}, it.rise, kChecksInARow);
  visit.value(Key{"fall", "Bad checks in a row that make it unhealthy."}, it.fall, kChecksInARow);
  visit.value(Key{"send", "Bytes to send: text with \\r \\n \\xHH, or \"hex:0a0b\"."}, it.send,
              kPayload);
  visit.value(Key{"expect", "Bytes the reply begins with. \"\": no reply is waited for."},
              it.expect, kPayload);
  visit.value(Key{"port", "Port to check. 0: the endpoint's own."}, it.port, PortRule{});
  visit.value(Key{"proxy_protocol", "A LOCAL header before everything."}, it.proxy_protocol,
              ChoiceRule<ProxyProtocol>{kProxyProtocols});
  visit.value(Key{"initial", "What an endpoint is before its first verdict."}, it.initial,
              ChoiceRule<InitialHealth>{kInitialHealths});
  visit.check(it);
}

template <typename Visitor, Of<Outlier> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"consecutive_failures", "Failures in a row that eject an endpoint."},
              it.consecutive_failures, kChecksInARow);
  visit.value(Key{"ejection", "How long, times how often it was ejected lately."}, it.ejection,
              kAtMostADay);
  visit.value(Key{"ejection_max", "But not longer than this."}, it.ejection_max, kAtMostADay);
  visit.value(Key{"max_ejected_percent", "Of the endpoints, at one time."}, it.max_ejected_percent,
              kPercent);
  visit.check(it);
}

template <typename Visitor, Of<Limits> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"max_sessions", "Sessions at one time. 0: no limit."}, it.max_sessions,
              kSessions);
  visit.value(Key{"max_connecting", "Connects under way at one time. 0: no limit."},
              it.max_connecting, kSessions);
  visit.value(Key{"queue", "Sessions that may wait for a place. 0: none."}, it.queue, kSessions);
  visit.value(Key{"queue_timeout", "How long one waits."}, it.queue_timeout, kConnectTimeout);
}

template <typename Visitor, Of<Dns> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"name", "What is looked up.", true}, it.name, DnsNameRule{});
  visit.mark("name", it.mark);
  visit.value(Key{"port", "Of every address. Not with srv, which brings its own."}, it.port,
              PortRule{});
  visit.value(Key{"type", "a: A and AAAA records; srv: SRV records."}, it.type,
              ChoiceRule<DnsType>{kDnsTypes});
  visit.value(Key{"refresh", "Asked no more often than this, however short the TTL."}, it.refresh,
              kDnsRefresh);
  visit.value(Key{"refresh_max", "Asked at least this often, however long the TTL."},
              it.refresh_max, kDnsRefresh);
  visit.value(Key{"timeout", "Time for a whole lookup."}, it.timeout, kConnectTimeout);
  visit.value(Key{"stale", "How long the last good answer outlives failures. 0: not at all."},
              it.stale, kTimeout);
  visit.value(Key{"linger", "How long an address stays after it was last seen. 0: not at all."},
              it.linger, kTimeout);
  visit.value(Key{"startup", "When there is no answer yet: wait for one, or fail to start."},
              it.startup, ChoiceRule<DnsStartup>{kDnsStartups});
  visit.value(Key{"servers", "DNS servers: IP or IP:PORT. []: those of /etc/resolv.conf."},
              it.servers, kDnsServers);
  visit.check(it);
}

template <typename Visitor, Of<Connect> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"timeout", "Time for one attempt."}, it.timeout, kConnectTimeout);
  visit.value(Key{"attempts", "Endpoints tried for a session before it is given up."}, it.attempts,
              kAttempts);
  visit.value(Key{"retry_budget", "Retries in percent of the sessions; a few always are allowed."},
              it.retry_budget, kRetryBudget);
  visit.value(Key{"source", "Local IP addresses to connect from. \"\": the kernel's choice."},
              it.sources, kSources);
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
  visit.section(Key{"dns", "The addresses by name, in the place of endpoints."}, it.dns);
  visit.value(Key{"original_dst", "Connect where the client was going before a redirect."},
              it.original_dst, BooleanRule{});
  visit.section(Key{"pool", "Connections that stand before a session needs one."}, it.pool);
  visit.section(Key{"connect", "How connections to endpoints are made."}, it.connect);
  visit.section(Key{"health", "Active checks of the endpoints. Absent: none."}, it.health);
  visit.section(Key{"outlier", "Ejection by what sessions meet. Absent: none."}, it.outlier);
  visit.section(Key{"limits", "Of all workers together."}, it.limits);
  visit.value(
      Key{"slow_start", "Time in which an endpoint that comes grows to its weight. 0: none."},
      it.slow_start, kTimeout);
  visit.value(Key{"on_remove", "Sessions of an endpoint that was removed."}, it.on_remove,
              ChoiceRule<OnRemove>{kOnRemoves});
  visit.value(Key{"all_down", "When no endpoint is well: refuse sessions, or try all."},
              it.all_down, ChoiceRule<AllDown>{kAllDowns});
  visit.unsupported("proxy_protocol");
  visit.check(it);
}

template <typename Visitor, Of<Metrics> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"bind", "Address of /metrics, /healthz and /readyz."}, it.bind.address,
              AddressUse::kMetrics);
  visit.mark("bind", it.bind.mark);
}

template <typename Visitor, Of<Admin> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"enable", "auto: where its address can be had. on: or Millrace does not start."},
              it.enable, ChoiceRule<AdminEnable>{kAdminEnables});
  visit.value(Key{"bind", "A UNIX socket, or a loopback address with a token."}, it.bind.address,
              AddressUse::kAdmin);
  visit.mark("bind", it.bind.mark);
  visit.value(Key{"token_file", "File with the token that clients have to show. \"\": none."},
              it.token_file, FileRule{});
  visit.check(it);
}

template <typename Visitor, Of<Log> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"level", "The least important messages that are written."}, it.level,
              ChoiceRule<LogLevel>{kLogLevels});
  visit.value(Key{"format", "Lines for people, or JSON."}, it.format,
              ChoiceRule<LogFormat>{kLogFormats});
  visit.value(Key{"access", "One line for each session that ended."}, it.access, BooleanRule{});
  visit.value(Key{"access_output", "stderr, syslog, journald, or file: and an absolute path."},
              it.access_output, AccessOutputRule{});
  visit.mark("access_output", it.access_output_mark);
  visit.value(Key{"access_sample", "One line in so many sessions that ended well."},
              it.access_sample, kSample);
  visit.value(Key{"access_rate", "Lines a second at most; more are counted. 0/s: no limit."},
              it.access_rate, kLineRate);
}

template <typename Visitor, Of<Shutdown> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"drain", "How long SIGTERM waits for sessions to end. 0: not at all."}, it.drain,
              kTimeout);
}

template <typename Visitor, Of<Security> T>
void visit_keys(Visitor& visit, T& it) {
  visit.value(Key{"user", "Whom root becomes before anything is listened on. \"\": nobody else."},
              it.user, UserRule{});
  visit.mark("user", it.user_mark);
  visit.value(
      Key{"seccomp", "System calls that are not needed are refused. auto: where it can be."},
      it.seccomp, ChoiceRule<Seccomp>{kSeccomps});
  visit.mark("seccomp", it.seccomp_mark);
}

template <typename Visitor, Of<Config> T>
void visit_keys(Visitor& visit, T& it) {
  visit.section(Key{"workers", "Threads and their CPUs."}, it.workers);
  visit.value(Key{"transport", "The I/O engine. auto: the best this kernel allows."}, it.transport,
              ChoiceRule<TransportKind>{kTransports});
  visit.mark("transport", it.transport_mark);
  visit.section(Key{"io_uring", "Settings of the io_uring engine, when it is used."}, it.io_uring);
  visit.section(Key{"dpdk", "Settings of the dpdk engine, when it is used."}, it.dpdk);
  visit.mark("dpdk", it.dpdk.mark);
  visit.list(Key{"listeners", "Where clients connect.", true}, it.listeners, kListeners);
  visit.list(Key{"upstreams", "Services that sessions go to."}, it.upstreams, kUpstreams);
  visit.section(Key{"metrics", "The metrics address."}, it.metrics);
  visit.section(Key{"admin", "The admin API."}, it.admin);
  visit.section(Key{"log", "What is written, and where to."}, it.log);
  visit.section(Key{"shutdown", "How Millrace stops."}, it.shutdown);
  visit.section(Key{"security", "What the process gives up."}, it.security);
  visit.check(it);
}

}  // namespace keys
}  // namespace config
