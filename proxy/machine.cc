#include "proxy/machine.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <limits>
#include <sstream>

#include "base/cpu.h"

namespace proxy {

namespace {

// Every file that is read here is a line or two.
constexpr std::size_t kTextMax = 4096;

std::uint64_t limit_of(__rlimit_resource_t resource, bool hard) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0) return 0;
  const rlim_t value = hard ? limit.rlim_max : limit.rlim_cur;
  return value == RLIM_INFINITY ? std::numeric_limits<std::uint64_t>::max() : value;
}

// By the system call, because /proc/self/status may be hidden.
std::uint64_t effective_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
  if (syscall(SYS_capget, &header, data) != 0) return 0;
  return std::uint64_t{data[1].effective} << 32U | data[0].effective;
}

// Asks for the set of processors that the thread has already.
base::Errno try_pinning() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return base::last_errno();
  return sched_setaffinity(0, sizeof(set), &set) == 0 ? base::Errno::kNone : base::last_errno();
}

// The engine's own trial of this machine.
backends::EngineInfo try_engine(std::string_view name) {
  for (backends::EngineInfo& engine : backends::engines()) {
    if (engine.name == name) return std::move(engine);
  }
  return {.name = name, .reason = "this binary does not have it"};
}

}  // namespace

std::optional<std::string> KernelSettings::text(std::string_view path) const {
  constexpr const char* kSpace = " \t\n";
  std::ifstream file(root_ + "/" + std::string(path));
  std::string text(kTextMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || file.gcount() == 0) return std::nullopt;
  text.resize(static_cast<std::size_t>(file.gcount()));
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string::npos) return std::nullopt;
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::optional<std::vector<std::uint64_t>> KernelSettings::numbers(std::string_view path) const {
  const auto all = text(path);
  if (!all) return std::nullopt;
  std::vector<std::uint64_t> numbers;
  std::istringstream words(*all);
  for (std::string word; words >> word;) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
    numbers.push_back(number);
  }
  return numbers;
}

std::optional<std::uint64_t> KernelSettings::number(std::string_view path) const {
  const auto all = numbers(path);
  if (!all || all->size() != 1) return std::nullopt;
  return all->front();
}

ProcessRights ask_for_rights() {
  return {.descriptors_soft = limit_of(RLIMIT_NOFILE, false),
          .descriptors_hard = limit_of(RLIMIT_NOFILE, true),
          .memlock_bytes = limit_of(RLIMIT_MEMLOCK, false),
          .capabilities = effective_capabilities(),
          .page_bytes = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)),
          .cpus = static_cast<std::uint32_t>(base::usable_cpus().size()),
          .pinning = try_pinning(),
          .io_uring = try_engine("io_uring")};
}

}  // namespace proxy
