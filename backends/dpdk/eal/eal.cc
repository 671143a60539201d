#include "backends/dpdk/eal/eal.h"

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <sched.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>

namespace backends::dpdk::eal {
namespace {

constexpr std::string_view kVirtualPrefix = "net_";
constexpr std::string_view kHugePagesFolder = "/sys/kernel/mm/hugepages";

// A hexadecimal number of one to `digits_max` digits that is all of `text`.
std::optional<unsigned> hexadecimal(std::string_view text, std::size_t digits_max) {
  if (text.empty() || text.size() > digits_max) return std::nullopt;
  unsigned value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

// The address in the one form that DPDK names ports by: 0000:3b:00.0.
std::optional<std::string> pci_address(std::string_view text) {
  const std::size_t dot = text.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::size_t device_at = text.rfind(':', dot);
  if (device_at == std::string_view::npos) return std::nullopt;
  const std::string_view front = text.substr(0, device_at);  // Bus, with a domain or without.
  const std::size_t colon = front.rfind(':');
  const bool has_domain = colon != std::string_view::npos;
  const auto domain =
      has_domain ? hexadecimal(front.substr(0, colon), 8) : std::optional<unsigned>(0U);
  const auto bus = hexadecimal(has_domain ? front.substr(colon + 1) : front, 2);
  const auto device = hexadecimal(text.substr(device_at + 1, dot - device_at - 1), 2);
  const auto function = hexadecimal(text.substr(dot + 1), 1);
  if (!domain || !bus || !device || !function) return std::nullopt;
  std::array<char, 32> name{};
  static_cast<void>(std::snprintf(name.data(), name.size(), "%04x:%02x:%02x.%x", *domain, *bus,
                                  *device, *function));
  return std::string(name.data());
}

bool is_driver_name(std::string_view name) {
  return name.starts_with(kVirtualPrefix) && name.size() > kVirtualPrefix.size() &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

std::uint64_t number_in(const std::filesystem::path& file) {
  std::uint64_t value = 0;
  std::ifstream stream(file);
  return stream >> value ? value : 0;
}

std::uint64_t free_huge_mib() {
  std::uint64_t mib = 0;
  std::error_code error;  // No folder: a kernel without huge pages.
  for (const auto& entry : std::filesystem::directory_iterator(kHugePagesFolder, error)) {
    // Its name is "hugepages-2048kB".
    const std::string name = entry.path().filename().string();
    const std::uint64_t kib = std::strtoull(name.c_str() + name.find('-') + 1, nullptr, 10);
    mib += number_in(entry.path() / "free_hugepages") * kib / 1024;
  }
  return mib;
}

// The main thread keeps the CPUs it has now: EAL would pin it to one.
std::string lcores_argument(const std::vector<int>& cpus) {
  std::string list;
  for (const int cpu : cpus) {
    if (!list.empty()) list += ',';
    list += std::to_string(cpu);
  }
  return "--lcores=0@(" + list + ")";
}

void plan_memory(const EalOptions& options, const Host& host, EalPlan& plan) {
  const std::string needed = std::to_string(options.memory_mib);
  if (options.huge_pages && host.free_huge_mib >= options.memory_mib) {
    plan.arguments.emplace_back("--in-memory");
    return;
  }
  plan.arguments.insert(plan.arguments.end(), {"--no-huge", "--no-shconf", "-m", needed});
  plan.notes.push_back(
      options.huge_pages ? "DPDK runs without huge pages, which costs throughput: " + needed +
                               " MiB of them are needed and " + std::to_string(host.free_huge_mib) +
                               " MiB are free (sysctl vm.nr_hugepages)"
                         : std::string("DPDK runs without huge pages, as configured"));
}

// True when the port is there.
std::optional<EalPort> find_port(const std::string& name) {
  EalPort port;
  if (rte_eth_dev_get_port_by_name(name.c_str(), &port.number) != 0) return std::nullopt;
  port.name = name;
  return port;
}

}  // namespace

base::Parsed<PortName> parse_port(std::string_view text) {
  const std::size_t comma = text.find(',');
  const std::string_view name = text.substr(0, comma);
  const std::string arguments(comma == std::string_view::npos ? "" : text.substr(comma));
  if (is_driver_name(name)) return PortName{PortKind::kVirtual, std::string(name), arguments};
  if (auto address = pci_address(name)) {
    return PortName{PortKind::kPci, *std::move(address), arguments};
  }
  return base::failure("\"" + std::string(text) +
                       "\" is neither a PCI address (0000:3b:00.0) nor a virtual port "
                       "(net_af_packet0,iface=eth1)");
}

Host read_host() {
  Host host;
  host.free_huge_mib = free_huge_mib();
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) host.cpus.push_back(cpu);
    }
  }
  return host;
}

EalPlan plan_eal(const EalOptions& options, const std::vector<PortName>& ports, const Host& host) {
  EalPlan plan;
  plan.arguments = {"millrace", "--no-telemetry"};
  if (!host.cpus.empty()) plan.arguments.push_back(lcores_argument(host.cpus));
  plan_memory(options, host, plan);
  bool pci = false;
  for (const PortName& port : ports) {
    if (port.kind != PortKind::kPci) continue;
    // Only these: EAL would take every card that is bound to one of its drivers.
    plan.arguments.insert(plan.arguments.end(), {"-a", port.name + port.arguments});
    pci = true;
  }
  if (!pci) plan.arguments.emplace_back("--no-pci");
  plan.arguments.insert(plan.arguments.end(), options.arguments.begin(), options.arguments.end());
  return plan;
}

base::Parsed<std::unique_ptr<Eal>> Eal::start(const EalOptions& options) {
  std::vector<PortName> ports;
  for (const std::string& text : options.ports) {
    auto port = parse_port(text);
    if (!port) return base::failure(port.error());
    ports.push_back(*std::move(port));
  }
  EalPlan plan = plan_eal(options, ports, read_host());
  // EAL keeps pointers into its arguments, and may reorder them: a copy of the pointers only.
  std::vector<char*> pointers;
  for (std::string& argument : plan.arguments) {
    pointers.push_back(argument.data());
  }
  std::unique_ptr<Eal> eal(new Eal(options.log));
  if (rte_eal_init(static_cast<int>(pointers.size()), pointers.data()) < 0) {
    const int code = rte_errno;
    return base::failure(code == EALREADY
                             ? std::string("DPDK has been started in this process already")
                             : eal->failure_text("cannot start DPDK", code));
  }
  eal->running_ = true;
  eal->notes_ = std::move(plan.notes);
  for (const PortName& name : ports) {
    auto port = eal->attach(name);
    if (!port) return base::failure(port.error());
    eal->ports_.push_back(*std::move(port));
  }
  return eal;
}

Eal::~Eal() {
  if (running_) static_cast<void>(rte_eal_cleanup());
}

base::Parsed<EalPort> Eal::attach(std::string_view port) {
  return parse_port(port).and_then([this](const PortName& name) { return attach(name); });
}

base::Parsed<EalPort> Eal::attach(const PortName& port) {
  std::optional<EalPort> found;
  if (port.kind == PortKind::kPci) {
    // Its errors are those of the start: it was looked for there.
    found = find_port(port.name);
    if (!found) {
      return base::failure(failure_text(
          "port " + port.name + ": DPDK found no such card that it may use (dpdk-devbind.py)", 0));
    }
    return *found;
  }
  log_.forget();
  const int result = rte_dev_probe((port.name + port.arguments).c_str());
  if (result < 0) return base::failure(failure_text("cannot attach port " + port.name, result));
  found = find_port(port.name);
  if (!found) return base::failure(failure_text("port " + port.name + " did not appear", 0));
  return *found;
}

std::string Eal::failure_text(std::string_view what, int code) const {
  std::string text(what);
  if (code != 0) text += ": " + base::errno_text(base::to_errno(std::abs(code)));
  const std::string errors = log_.errors();
  if (!errors.empty()) text += ": " + errors;
  return text;
}

base::Parsed<WorkerPlace> WorkerPlace::enter() {
  if (rte_thread_register() != 0) {
    return base::failure("DPDK has no place for one more worker: " +
                         base::errno_text(base::to_errno(rte_errno)));
  }
  return WorkerPlace(rte_lcore_id());
}

WorkerPlace::WorkerPlace(WorkerPlace&& other) noexcept : number_(other.number_) {
  other.mine_ = false;
}

WorkerPlace::~WorkerPlace() {
  if (mine_) rte_thread_unregister();
}

}  // namespace backends::dpdk::eal
