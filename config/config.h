// What the operator says, as plain data. Defaults are the initialisers; docs/configuration.md
// explains the keys. The loader makes one, main publishes it as an immutable snapshot, and every
// thread reads it. Durations of 0 mean "off" where the field says so.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/time.h"

namespace config {

// A place in the file, counted from 1; 1:1 where the file says nothing. Two configurations that say
// the same at different places are equal, so any two marks are.
struct Mark {
  std::uint32_t line = 1;
  std::uint32_t column = 1;

  friend constexpr bool operator==(const Mark&, const Mark&) { return true; }
};

struct Workers {
  std::optional<std::uint32_t> count;    // Threads; unset: one for each CPU of `cpus`.
  std::optional<std::vector<int>> cpus;  // Ids, ascending; unset: all that this process may use.
  Mark count_mark;
  Mark cpus_mark;

  friend bool operator==(const Workers&, const Workers&) = default;
};

enum class TransportKind : std::uint8_t { kAuto, kEpoll, kIoUring, kDpdk };

// Of the engine of that name, whether it was asked for or chosen.
struct IoUring {
  std::uint32_t buffers_bytes = 1U << 20U;  // Receive buffers of each worker.
  Mark buffers_mark;

  friend bool operator==(const IoUring&, const IoUring&) = default;
};

// An IP address of one's own and the network it is in: "10.1.0.2/24".
struct Network {
  base::IpPort ip;         // Port 0.
  std::uint32_t bits = 0;  // That all addresses of the network begin with.

  friend bool operator==(const Network&, const Network&) = default;
};

// An address that we answer for ourselves: the kernel must not have it on that device.
struct LocalAddress {
  Network address;         // Its IP is unique.
  std::uint32_t port = 0;  // Index into Dpdk::ports.
  base::IpPort gateway;    // For what is not in the network; kNone: there is no way there.
  Mark mark;               // Of the address.

  friend bool operator==(const LocalAddress&, const LocalAddress&) = default;
};

enum class HugePages : std::uint8_t {
  kAuto,  // Where there are some.
  kOff
};

// What a worker does while nothing arrives.
enum class IdleMode : std::uint8_t {
  kSpin,  // Asks the ports again at once: the shortest way, and a whole CPU.
  kSleep  // Sleeps for moments that grow.
};

// Packets written to a file, for people who look for a fault.
struct Capture {
  std::string file;                      // An absolute path; empty: none.
  std::uint32_t one_in = 1000;           // Connections, drawn at random.
  std::uint32_t bytes_max = 64U << 20U;  // Of the file; then no more is written.

  friend bool operator==(const Capture&, const Capture&) = default;
};

// Of the engine of that name, which has network ports of its own and no kernel between.
struct Dpdk {
  std::vector<std::string> eal;         // Arguments for DPDK itself.
  std::vector<std::string> ports;       // Names of its devices; not empty when the engine is used.
  std::vector<LocalAddress> addresses;  // Not empty when the engine is used.
  std::uint32_t mss = 1460;             // The largest segment that is announced to servers.
  std::uint32_t sessions_max = 1'000'000;  // Size of the tables, all workers together.
  HugePages hugepages = HugePages::kAuto;
  IdleMode idle = IdleMode::kSpin;
  Capture capture;
  Mark mark;

  friend bool operator==(const Dpdk&, const Dpdk&) = default;
};

// One address that a listener waits at.
struct Bind {
  base::Address address;  // Port 0: the kernel chooses one.
  bool v6_only = false;   // For "[::]": leave IPv4 to the file's own 0.0.0.0 of the same port.
  Mark mark;

  friend bool operator==(const Bind&, const Bind&) = default;
};

// A listener's upstream: found by its name in Config::upstreams.
struct UpstreamRef {
  std::string name;
  std::size_t index = 0;  // Into Config::upstreams; valid in every loaded Config.
  Mark mark;

  // The index is left out: it changes when an unrelated upstream comes or goes.
  friend bool operator==(const UpstreamRef& a, const UpstreamRef& b) { return a.name == b.name; }
};

struct Timeouts {
  base::Nanos idle = std::chrono::hours(1);           // No payload either way; 0: off.
  base::Nanos half_close = std::chrono::seconds(30);  // Idle after one side's EOF; 0: off.
  base::Nanos lifetime{0};                            // Accept to end, whatever moves; 0: off.

  friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

// Dead peers are found by the kernel's probes (man 7 tcp). Whole seconds.
struct Keepalive {
  base::Nanos idle = std::chrono::seconds(60);      // Silence before the first probe; 0: no probes.
  base::Nanos interval = std::chrono::seconds(10);  // Between probes.
  std::uint32_t probes = 3;  // Unanswered ones before the connection is dead.

  friend bool operator==(const Keepalive&, const Keepalive&) = default;
};

// Socket options of both connections of a session, and of the listening socket.
struct Tcp {
  bool nodelay = true;           // TCP_NODELAY: small writes leave at once.
  std::uint32_t backlog = 4096;  // Connections waiting for accept; the kernel caps it at somaxconn.
  Keepalive keepalive;
  base::Nanos user_timeout{0};  // TCP_USER_TIMEOUT: unacknowledged data; 0: the kernel's choice.

  friend bool operator==(const Tcp&, const Tcp&) = default;
};

struct Listener {
  std::string name;        // Unique among listeners.
  std::vector<Bind> bind;  // At least one.
  UpstreamRef upstream;
  std::uint32_t max_sessions = 0;  // At one time, all workers together; 0: as descriptors allow.
  Timeouts timeouts;
  Tcp tcp;
  Mark tcp_mark;
  Mark mark;  // Of the name.

  friend bool operator==(const Listener&, const Listener&) = default;
};

enum class Balance : std::uint8_t {
  kRoundRobin,     // Smooth weighted turns.
  kLeastSessions,  // Fewest sessions for its weight.
  kRandomTwo,      // The less loaded of two drawn at random.
  kSourceHash,     // By the client's IP address.
  kMaglev,         // By the client's IP address, and the same choice on every instance.
  kFirst,          // The first in the file's order that can take a session.
};

struct Endpoint {
  base::Address address;
  std::uint32_t weight = 100;        // Share of new sessions; 0: no new ones.
  std::uint32_t priority = 0;        // Used only when every lower number has nobody left.
  std::uint32_t max_sessions = 0;    // At one time, all workers together; 0: no limit.
  std::uint32_t max_connecting = 0;  // Connects under way, all workers together; 0: no limit.
  Mark mark;                         // Of the address.

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// A session remembers the endpoints it has tried in an array of this size.
inline constexpr std::uint32_t kAttemptsMax = 8;

struct Connect {
  base::Nanos timeout = std::chrono::seconds(5);  // For each attempt; never 0.
  std::uint32_t attempts = 3;         // Endpoints tried for a session, 1 to kAttemptsMax.
  std::uint32_t retry_budget = 20;    // Retries in percent of sessions; 0: none. A few always are.
  std::vector<base::IpPort> sources;  // Local IPs (port 0), in turn; empty: the kernel's choice.
  Mark source_mark;

  friend bool operator==(const Connect&, const Connect&) = default;
};

// Connections kept ready before a session needs them.
struct Pool {
  std::uint32_t idle = 0;       // For each endpoint, all workers together; 0: no pool.
  std::uint32_t idle_max = 64;  // Up to here it grows with the demand; at least idle.
  base::Nanos max_age = std::chrono::seconds(30);  // Before the server's own idle timeout.

  friend bool operator==(const Pool&, const Pool&) = default;
};

enum class ProxyProtocol : std::uint8_t { kOff, kV1, kV2 };
enum class HealthType : std::uint8_t { kTcp };
enum class InitialHealth : std::uint8_t { kUp, kDown };

// Active checks; a service that says nothing wrong answers a connect, and the request if there is
// one.
struct Health {
  HealthType type = HealthType::kTcp;
  base::Nanos interval = std::chrono::seconds(2);
  base::Nanos fast_interval{0};  // While an endpoint is changing state; 0: the interval.
  base::Nanos timeout = std::chrono::seconds(1);  // Of a whole check.
  std::uint32_t rise = 2;                         // Checks in a row that make it healthy,
  std::uint32_t fall = 3;                         // and unhealthy.
  std::string send;                               // Bytes; empty: nothing is sent.
  std::string expect;      // Bytes the reply begins with; empty: no reply is waited for.
  std::uint16_t port = 0;  // To check instead of the endpoint's own; 0: its own.
  ProxyProtocol proxy_protocol = ProxyProtocol::kOff;  // A LOCAL header comes first.
  InitialHealth initial = InitialHealth::kUp;          // Before the first verdict.

  friend bool operator==(const Health&, const Health&) = default;
};

// Ejection by what sessions meet.
struct Outlier {
  std::uint32_t consecutive_failures = 5;                // Over all workers.
  base::Nanos ejection = std::chrono::seconds(30);       // Times how often it was ejected lately,
  base::Nanos ejection_max = std::chrono::seconds(300);  // but not longer than this.
  std::uint32_t max_ejected_percent = 50;                // Of the endpoints, at one time.

  friend bool operator==(const Outlier&, const Outlier&) = default;
};

// All workers together; 0: no limit.
struct Limits {
  std::uint32_t max_sessions = 0;
  std::uint32_t max_connecting = 0;
  std::uint32_t queue = 0;  // Sessions that may wait for a place; 0: none.
  base::Nanos queue_timeout = std::chrono::seconds(5);

  friend bool operator==(const Limits&, const Limits&) = default;
};

enum class DnsType : std::uint8_t { kA, kSrv };  // kA: A and AAAA.
enum class DnsStartup : std::uint8_t {
  kWait,  // Start without addresses; sessions end with no_endpoint until there are some.
  kFail   // Refuse to start when the name has none.
};

struct Dns {
  std::string name;
  std::uint16_t port = 0;  // Not with srv, which brings its own.
  DnsType type = DnsType::kA;
  base::Nanos refresh = std::chrono::seconds(5);        // No more often, however short the TTL;
  base::Nanos refresh_max = std::chrono::seconds(300);  // and no less often, however long.
  base::Nanos timeout = std::chrono::seconds(2);        // Of a whole lookup.
  base::Nanos stale = std::chrono::hours(24);  // The last good answer outlives failures so long.
  base::Nanos linger =
      std::chrono::seconds(30);  // An address stays so long after it was last seen.
  DnsStartup startup = DnsStartup::kWait;
  std::vector<base::IpPort> servers;  // Empty: those of /etc/resolv.conf.
  Mark mark;                          // Of the name.

  friend bool operator==(const Dns&, const Dns&) = default;
};

// Sessions of an endpoint that a reload or the DNS has removed.
enum class OnRemove : std::uint8_t {
  kKeep,   // They stay as long as they like.
  kDrain,  // They have shutdown.drain to end, then they are cut.
  kClose   // They are cut, a few at a time.
};

// When every endpoint is unhealthy or ejected.
enum class AllDown : std::uint8_t {
  kRefuse,  // Sessions end with no_endpoint.
  kTryAll   // All are tried as if they were well.
};

struct Upstream {
  std::string name;  // Unique among upstreams.
  Balance balance = Balance::kLeastSessions;
  std::vector<Endpoint> endpoints;  // Empty exactly when original_dst or dns.
  bool original_dst = false;        // Connect where the client was going before a redirect.
  std::optional<Dns> dns;           // Endpoints by name; each has weight 100 unless SRV says more.
  Pool pool;
  Connect connect;
  std::optional<Health> health;
  std::optional<Outlier> outlier;
  Limits limits;
  base::Nanos slow_start{0};  // An endpoint that comes (back) grows to its full weight; 0: at once.
  OnRemove on_remove = OnRemove::kDrain;
  AllDown all_down = AllDown::kRefuse;
  Mark mark;  // Of the name.

  friend bool operator==(const Upstream&, const Upstream&) = default;
};

// /metrics, /healthz and /readyz.
struct Metrics {
  Bind bind = {.address = {.ip = {.bytes = {127, 0, 0, 1},
                                  .scope_id = 0,
                                  .port = 9464,
                                  .family = base::Family::kV4},
                           .path = {}},
               .v6_only = false,
               .mark = {}};  // An IP address; port 0: the kernel chooses one.

  friend bool operator==(const Metrics&, const Metrics&) = default;
};

enum class AdminEnable : std::uint8_t {
  kAuto,  // Where its address can be had; otherwise a warning and no admin API.
  kOn,    // Or Millrace does not start.
  kOff
};

// The admin API.
struct Admin {
  AdminEnable enable = AdminEnable::kAuto;
  Bind bind = {
      .address = {.ip = {.bytes = {}, .scope_id = 0, .port = 0, .family = base::Family::kUnix},
                  .path = "/run/millrace/admin.sock"},
      .v6_only = false,
      .mark = {}};         // A UNIX socket, or a loopback address.
  std::string token_file;  // Holds what a client has to show. Never empty with a loopback address.

  friend bool operator==(const Admin&, const Admin&) = default;
};

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };
enum class LogFormat : std::uint8_t { kText, kJson };
enum class AccessTarget : std::uint8_t { kStderr, kFile, kSyslog, kJournald };

// Where lines of the access log go.
struct AccessOutput {
  AccessTarget target = AccessTarget::kStderr;
  std::string file;  // Of kFile: its absolute path.

  friend bool operator==(const AccessOutput&, const AccessOutput&) = default;
};

struct Log {
  LogLevel level = LogLevel::kInfo;  // The least important that is written.
  LogFormat format = LogFormat::kText;
  bool access = true;  // One line for each session that ended.
  AccessOutput access_output = {};
  Mark access_output_mark = {};
  std::uint32_t access_sample = 1;  // One in so many of the sessions that ended well.
  std::uint32_t access_rate = 0;    // Lines a second at most, all workers together; 0: no limit.

  friend bool operator==(const Log&, const Log&) = default;
};

struct Shutdown {
  base::Nanos drain = std::chrono::seconds(30);  // SIGTERM to the last session cut; 0: at once.

  friend bool operator==(const Shutdown&, const Shutdown&) = default;
};

// Whether the kernel refuses the program every system call that it has no need of.
enum class Seccomp : std::uint8_t {
  kAuto,  // Where that can be had.
  kOn,    // Or do not start.
  kOff
};

// What the process gives up once it runs.
struct Security {
  std::string user;  // Whom a process becomes that was started by root; empty: it stays who it is.
  Seccomp seccomp = Seccomp::kAuto;
  Mark user_mark;
  Mark seccomp_mark;

  friend bool operator==(const Security&, const Security&) = default;
};

struct Config {
  Workers workers;
  TransportKind transport = TransportKind::kAuto;
  Mark transport_mark;
  IoUring io_uring;
  Dpdk dpdk;
  std::vector<Listener> listeners;  // At least one.
  std::vector<Upstream> upstreams;
  Metrics metrics;
  Admin admin;
  Log log;
  Shutdown shutdown;
  Security security;

  friend bool operator==(const Config&, const Config&) = default;
};

}  // namespace config
