#include "proxy/diagnosis.h"

#include <fmt/format.h>
#include <linux/capability.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "config/config.h"
#include "proxy/descriptor_budget.h"

namespace proxy {

namespace {

constexpr std::uint64_t kKib = 1024;
constexpr std::uint64_t kPipeBytes =
    256 * kKib;  // What a bulk direction of the epoll transport borrows.
// Both queues of the io_uring transport, and the descriptions of its buffers.
constexpr std::uint64_t kRingBytes = 128 * kKib;

// Below this many sessions an advice is worth a reader's time; above, they have looked already.
constexpr std::uint64_t kManySessions = 10'000;

Finding ok(std::string what, std::string value) {
  return {Finding::kOk, std::move(what), std::move(value), {}};
}

Finding advise(std::string what, std::string value, std::string advice) {
  return {Finding::kAdvice, std::move(what), std::move(value), std::move(advice)};
}

Finding problem(std::string what, std::string value, std::string advice) {
  return {Finding::kProblem, std::move(what), std::move(value), std::move(advice)};
}

Finding unreadable(std::string what) {
  return advise(
      std::move(what), "cannot be read",
      "/proc/sys is hidden here (a container, or ProcSubset=pid in the systemd unit): look "
      "at it on the machine itself.");
}

// "net.core.somaxconn" is proc/sys/net/core/somaxconn.
std::string path_of(std::string name) {
  std::replace(name.begin(), name.end(), '.', '/');
  return "proc/sys/" + name;
}

std::string bytes_text(std::uint64_t bytes) {
  if (bytes == std::numeric_limits<std::uint64_t>::max()) return "unlimited";
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto size = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (size >= static_cast<double>(kKib) && unit + 1 < std::size(kUnits)) {
    size /= static_cast<double>(kKib);
    ++unit;
  }
  return fmt::format("{:.3g} {}", size, kUnits[unit]);
}

std::uint64_t sessions_for(std::uint64_t descriptors, std::uint32_t cpus) {
  const std::size_t workers = std::max(cpus, 1U);
  return share_of_descriptors(descriptors, workers).clients_max * workers;
}

Finding examine_descriptors(const ProcessRights& rights) {
  // Millrace raises the soft limit to the hard one when it starts, so the hard one counts.
  const std::uint64_t sessions = sessions_for(rights.descriptors_hard, rights.cpus);
  const std::string value = fmt::format("soft {}, hard {}: up to {} sessions",
                                        rights.descriptors_soft, rights.descriptors_hard, sessions);
  const std::string advice =
      "A session takes two descriptors. Raise the hard limit: LimitNOFILE=1048576 in the systemd "
      "unit, docker run --ulimit nofile=1048576, or ulimit -Hn in the shell that starts it.";
  constexpr std::uint64_t kFewest = 100;
  if (sessions < kFewest) return problem("descriptors", value, advice);
  if (sessions < kManySessions) return advise("descriptors", value, advice);
  return ok("descriptors", value);
}

Finding examine_file_max(const KernelSettings& settings, const ProcessRights& rights) {
  const std::string what = "fs.file-max";
  const auto most = settings.number(path_of(what));
  if (!most) return unreadable(what);
  const std::string value = fmt::format("{} for all processes together", *most);
  if (*most >= rights.descriptors_hard) return ok(what, value);
  return advise(what, value,
                fmt::format("Less than this process alone may open. Run: sysctl -w fs.file-max={}",
                            std::max<std::uint64_t>(rights.descriptors_hard, 1'048'576)));
}

// An estimate: the monitor's transport is a small one and counts as a whole.
Finding examine_memlock(const ProcessRights& rights) {
  const std::string limit = bytes_text(rights.memlock_bytes);
  if (rights.has(CAP_IPC_LOCK)) {
    return ok("memlock", limit +
                             ", and this process has CAP_IPC_LOCK: `run` takes the limit away "
                             "before it gives that up");
  }
  const std::uint64_t each = kRingBytes + config::IoUring{}.buffers_bytes;
  return ok("memlock",
            fmt::format("{}; the io_uring transport can need {} for {} workers (rings, and "
                        "`io_uring.buffers` of each), the epoll transport nothing",
                        limit, bytes_text((std::uint64_t{rights.cpus} + 1) * each), rights.cpus));
}

// What to do, for those who want the engine.
std::string advice_on_io_uring(const KernelSettings& settings, backends::RefusalCause cause) {
  switch (cause) {
    case backends::RefusalCause::kDisabled: {
      const auto disabled = settings.number(path_of("kernel.io_uring_disabled"));
      return fmt::format(
          "kernel.io_uring_disabled is {}. Run: sysctl -w kernel.io_uring_disabled=0",
          disabled ? std::to_string(*disabled) : "not 0");
    }
    case backends::RefusalCause::kDenied:
      return "Allow io_uring_setup, io_uring_enter and io_uring_register in the container's "
             "seccomp profile (Docker and containerd deny them), or in SystemCallFilter.";
    case backends::RefusalCause::kMemory:
      return "Rings and buffers can be locked memory: LimitMEMLOCK=64M in the systemd unit, docker "
             "run --ulimit memlock=67108864, CAP_IPC_LOCK, or smaller `io_uring.buffers`.";
    case backends::RefusalCause::kDescriptors:
      return "A ring takes a descriptor: see the limits above.";
    case backends::RefusalCause::kNotInKernel:
    case backends::RefusalCause::kTooOld:
      return "Use a newer kernel, built with CONFIG_IO_URING.";
    case backends::RefusalCause::kOther:
    case backends::RefusalCause::kCount:
      break;
  }
  return "docs/operations.md has what can stand in its way.";
}

Finding examine_io_uring(const KernelSettings& settings, const ProcessRights& rights) {
  if (rights.io_uring.usable) return ok("io_uring", "works");
  return advise("io_uring",
                fmt::format("refused: {}; the epoll transport is used", rights.io_uring.reason),
                "Only if you want the io_uring transport. " +
                    advice_on_io_uring(settings, rights.io_uring.cause));
}

// Past the soft limit pipes are of two pages (man 7 pipe), in which splice(2) is slower than a
// copy. A capability would lift it, and `run` gives that up, root's as well (privileges.h).
Finding examine_pipes(const KernelSettings& settings, const ProcessRights& rights) {
  const std::string what = "fs.pipe-user-pages-soft";
  const auto pages = settings.number(path_of(what));
  if (!pages) return unreadable(what);
  if (*pages == 0) return ok(what, "0: no limit");
  const std::uint64_t pipe_pages = kPipeBytes / rights.page_bytes;
  const std::size_t workers = std::max(rights.cpus, 1U);
  const std::uint64_t wanted =
      share_of_descriptors(rights.descriptors_hard, workers).pipes_max * workers;
  const std::uint64_t pipes = *pages / pipe_pages;
  const std::string value = fmt::format("{} pages: {} pipes of 256 KiB; {} workers use up to {}",
                                        *pages, pipes, workers, wanted);
  if (pipes >= wanted) return ok(what, value);
  return advise(what, value,
                fmt::format("Bulk sessions beyond that are copied instead of spliced, which costs "
                            "more CPU. Run: sysctl -w fs.pipe-user-pages-soft={}, or give the "
                            "service CAP_SYS_RESOURCE.",
                            wanted * pipe_pages * 2));
}

Finding examine_pipe_size(const KernelSettings& settings) {
  const std::string what = "fs.pipe-max-size";
  const auto bytes = settings.number(path_of(what));
  if (!bytes) return unreadable(what);
  if (*bytes >= kPipeBytes) return ok(what, bytes_text(*bytes));
  return advise(what, bytes_text(*bytes),
                "Smaller pipes mean more system calls for bulk sessions. Run: sysctl -w "
                "fs.pipe-max-size=1048576");
}

Finding examine_migration(const KernelSettings& settings) {
  const std::string what = "net.ipv4.tcp_migrate_req";
  const auto on = settings.number(path_of(what));
  if (!on) return unreadable(what);
  if (*on != 0) return ok(what, "1");
  return advise(
      what, "0",
      "When a worker's listener closes (fewer workers, a binary upgrade), clients waiting "
      "in its queue can be reset instead of moving to another worker (measured: 103 of "
      "200). Run: sysctl -w net.ipv4.tcp_migrate_req=1");
}

Finding examine_backlog(const KernelSettings& settings) {
  const std::string what = "net.core.somaxconn";
  const auto most = settings.number(path_of(what));
  if (!most) return unreadable(what);
  constexpr std::uint32_t kBacklog = config::Tcp{}.backlog;
  const std::string value = fmt::format("{}; listeners ask for {} by default", *most, kBacklog);
  if (*most >= kBacklog) return ok(what, value);
  return advise(what, value,
                fmt::format("The kernel cuts `tcp.backlog` down to it, and a burst of connections "
                            "beyond that is dropped. Run: sysctl -w net.core.somaxconn={}",
                            kBacklog));
}

Finding examine_ports(const KernelSettings& settings) {
  const std::string what = "net.ipv4.ip_local_port_range";
  const auto range = settings.numbers(path_of(what));
  if (!range || range->size() != 2 || (*range)[1] < (*range)[0]) return unreadable(what);
  const std::uint64_t ports = (*range)[1] - (*range)[0] + 1;
  const std::string value =
      fmt::format("{} to {}: {} sessions for each endpoint and source address", (*range)[0],
                  (*range)[1], ports);
  const std::string advice =
      "Connections to an endpoint beyond that fail. Run: sysctl -w "
      "net.ipv4.ip_local_port_range='10240 65535', or give the upstream more endpoints.";
  constexpr std::uint64_t kFewest = 1000;
  if (ports < kFewest) return problem(what, value, advice);
  if (ports < kManySessions) return advise(what, value, advice);
  return ok(what, value);
}

Finding examine_time_wait(const KernelSettings& settings) {
  const std::string what = "net.ipv4.tcp_tw_reuse";
  const auto reuse = settings.number(path_of(what));
  if (!reuse) return unreadable(what);
  constexpr const char* kMeaning[] = {"never", "always", "on loopback only"};
  const std::string value =
      fmt::format("{} ({})", *reuse, *reuse < std::size(kMeaning) ? kMeaning[*reuse] : "unknown");
  if (*reuse == 1) return ok(what, value);
  return advise(what, value,
                "Ports of connections we closed first stay taken for a minute. With many short "
                "sessions to a remote endpoint, run: sysctl -w net.ipv4.tcp_tw_reuse=1");
}

Finding examine_tcp_memory(const KernelSettings& settings, const ProcessRights& rights) {
  const std::string what = "net.ipv4.tcp_mem";
  const auto pages = settings.numbers(path_of(what));
  const auto receive = settings.numbers(path_of("net.ipv4.tcp_rmem"));
  const auto send = settings.numbers(path_of("net.ipv4.tcp_wmem"));
  if (!pages || pages->size() != 3 || !receive || receive->size() != 3 || !send ||
      send->size() != 3) {
    return unreadable(what);
  }
  // A direction whose reader has stopped fills one receive and one send buffer of ours.
  const std::uint64_t total = (*pages)[2] * rights.page_bytes;
  const std::uint64_t stalled = (*receive)[2] + (*send)[2];
  const std::uint64_t sessions = stalled == 0 ? 0 : total / stalled;
  const std::string value =
      fmt::format("{} for all TCP buffers; a stalled bulk session can hold {}: {} of them fill it",
                  bytes_text(total), bytes_text(stalled), sessions);
  constexpr std::uint64_t kFewStalled = 50;
  if (sessions >= kFewStalled) return ok(what, value);
  return advise(
      what, value,
      "At that limit the kernel shrinks every connection's window. Run: sysctl -w "
      "net.ipv4.tcp_rmem='4096 131072 6291456' net.ipv4.tcp_wmem='4096 16384 4194304', or "
      "add memory.");
}

Finding examine_congestion_control(const KernelSettings& settings) {
  const std::string what = "net.ipv4.tcp_congestion_control";
  const auto name = settings.text(path_of(what));
  return name ? ok(what, *name) : unreadable(what);
}

Finding examine_low_ports(const KernelSettings& settings, const ProcessRights& rights) {
  const std::string what = "ports below 1024";
  if (rights.has(CAP_NET_BIND_SERVICE)) return ok(what, "allowed: CAP_NET_BIND_SERVICE");
  const auto start = settings.number(path_of("net.ipv4.ip_unprivileged_port_start"));
  if (!start) return unreadable("net.ipv4.ip_unprivileged_port_start");
  if (*start <= 1) return ok(what, fmt::format("allowed: ip_unprivileged_port_start={}", *start));
  return advise(what, fmt::format("ports below {} are refused to this user", *start),
                "Only if a listener needs one: AmbientCapabilities=CAP_NET_BIND_SERVICE in the "
                "systemd unit, or run: sysctl -w net.ipv4.ip_unprivileged_port_start=0");
}

Finding examine_net_admin(const ProcessRights& rights) {
  return ok("CAP_NET_ADMIN", rights.has(CAP_NET_ADMIN)
                                 ? "there"
                                 : "not there; only some network devices under DPDK need it");
}

Finding examine_hugepages(const KernelSettings& settings) {
  const std::string what = "vm.nr_hugepages";
  const auto pages = settings.number(path_of(what));
  if (!pages) return unreadable(what);
  return ok(what, fmt::format("{}; only DPDK needs them", *pages));
}

Finding examine_cpus(const ProcessRights& rights) {
  const std::string value = fmt::format("{} usable, one worker each", rights.cpus);
  if (rights.pinning == base::Errno::kNone) return ok("cpus", value + ", pinning allowed");
  return advise("cpus",
                fmt::format("{}, pinning refused: {}", value, base::errno_text(rights.pinning)),
                "Workers run unpinned, and the scheduler may put two on one CPU. Allow "
                "sched_setaffinity in the seccomp profile or SystemCallFilter.");
}

// Absent when no firewall tracks connections, which is best.
void examine_conntrack(const KernelSettings& settings, const ProcessRights& rights,
                       std::vector<Finding>& findings) {
  const std::string what = "net.netfilter.nf_conntrack_max";
  const auto most = settings.number(path_of(what));
  if (!most) return;
  const std::uint64_t sessions = sessions_for(rights.descriptors_hard, rights.cpus);
  const std::string value = fmt::format("{} entries: {} sessions", *most, *most / 2);
  if (*most / 2 >= std::min(sessions, std::uint64_t{100'000})) {
    findings.push_back(ok(what, value));
    return;
  }
  findings.push_back(
      advise(what, value,
             "A session takes two entries, and a full table drops packets of all "
             "connections. Run: sysctl -w net.netfilter.nf_conntrack_max=1048576, or "
             "exempt the listeners with a notrack rule."));
}

}  // namespace

std::vector<Finding> examine_machine(const KernelSettings& settings, const ProcessRights& rights) {
  std::vector<Finding> findings = {
      examine_descriptors(rights),
      examine_file_max(settings, rights),
      examine_cpus(rights),
      examine_backlog(settings),
      examine_migration(settings),
      examine_ports(settings),
      examine_time_wait(settings),
      examine_low_ports(settings, rights),
      examine_net_admin(rights),
      examine_tcp_memory(settings, rights),
      examine_congestion_control(settings),
      examine_pipes(settings, rights),
      examine_pipe_size(settings),
      examine_io_uring(settings, rights),
      examine_memlock(rights),
      examine_hugepages(settings),
  };
  examine_conntrack(settings, rights, findings);
  return findings;
}

}  // namespace proxy
