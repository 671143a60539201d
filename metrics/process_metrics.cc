#include "metrics/process_metrics.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "metrics/names.h"

namespace metrics {
namespace {

// One read(2) gives the whole line: it is built at once, and far shorter than this.
std::string read_stat_line() {
  std::array<char, 4096> line{};
  const base::UniqueFd fd(open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
  if (!fd) return {};
  const ssize_t size = read(fd.get(), line.data(), line.size());
  return size > 0 ? std::string(line.data(), static_cast<std::size_t>(size)) : std::string();
}

std::optional<double> to_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Fields of /proc/self/stat as man 5 proc numbers them, minus this offset: we cut the line behind
// the program's name, which is field 2 and may itself hold blanks and brackets.
constexpr std::size_t kFirstField = 3;
constexpr std::size_t kUserTicks = 14 - kFirstField;
constexpr std::size_t kSystemTicks = 15 - kFirstField;
constexpr std::size_t kThreads = 20 - kFirstField;
constexpr std::size_t kStartTicks = 22 - kFirstField;
constexpr std::size_t kVirtualBytes = 23 - kFirstField;
constexpr std::size_t kResidentPages = 24 - kFirstField;
constexpr std::size_t kFields = kResidentPages + 1;

using StatFields = std::array<double, kFields>;

std::optional<StatFields> read_stat() {
  const std::string line = read_stat_line();
  const std::size_t name_end = line.rfind(") ");
  if (name_end == std::string::npos) return std::nullopt;
  std::string_view rest = std::string_view(line).substr(name_end + 2);
  StatFields fields{};
  for (std::size_t i = 0; i < kFields; ++i) {
    const std::size_t end = rest.find(' ');
    if (end == std::string_view::npos) return std::nullopt;
    // Field 3 is a letter; it stays 0 like whatever else is no number, and nobody asks for it.
    fields[i] = to_number(rest.substr(0, end)).value_or(0);
    rest.remove_prefix(end + 1);
  }
  return fields;
}

// When the machine started, in seconds since 1970.
std::optional<double> read_boot_time() {
  std::ifstream file("/proc/stat");
  constexpr std::string_view kKey = "btime ";
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(kKey)) return to_number(std::string_view(line).substr(kKey.size()));
  }
  return std::nullopt;
}

std::optional<double> count_open_fds() {
  constexpr const char* kFolder = "/proc/self/fd";
  // Since Linux 6.2 the size of this folder is the number of descriptors, without walking them:
  // with a million sessions the walk alone would take longer than a scrape may.
  struct stat folder = {};
  if (stat(kFolder, &folder) == 0 && folder.st_size > 0) {
    return static_cast<double>(folder.st_size);
  }
  DIR* entries = opendir(kFolder);
  if (entries == nullptr) return std::nullopt;
  double count = -1;  // The one that reads the folder does not count.
  while (const dirent* entry = readdir(entries)) {
    if (entry->d_name[0] != '.') ++count;
  }
  closedir(entries);
  return count;
}

// RLIM_INFINITY becomes 1.8e+19, as in the Go client: usage / limit stays meaningful.
std::optional<double> read_limit(int resource) {
  rlimit limit = {};
  if (getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) return std::nullopt;
  return static_cast<double>(limit.rlim_cur);
}

void add(Page& page, const Family& family, std::optional<double> value) {
  if (value) page.add(family, {}, *value);
}

double cpu_seconds(const StatFields& fields) {
  const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  return (fields[kUserTicks] + fields[kSystemTicks]) / ticks_per_second;
}

double resident_bytes(const StatFields& fields) {
  return fields[kResidentPages] * static_cast<double>(sysconf(_SC_PAGESIZE));
}

}  // namespace

ProcessNumbers read_process_numbers() {
  ProcessNumbers numbers;
  if (const auto stat = read_stat()) {
    numbers.resident_bytes = resident_bytes(*stat);
    numbers.cpu_seconds = cpu_seconds(*stat);
  }
  numbers.open_fds = count_open_fds();
  numbers.max_fds = read_limit(RLIMIT_NOFILE);
  return numbers;
}

void add_process_metrics(Page& page) {
  if (const auto stat = read_stat()) {
    const StatFields& fields = *stat;
    page.add(names::kProcessCpuSecondsTotal, {}, cpu_seconds(fields));
    page.add(names::kProcessResidentMemoryBytes, {}, resident_bytes(fields));
    page.add(names::kProcessVirtualMemoryBytes, {}, fields[kVirtualBytes]);
    page.add(names::kProcessThreads, {}, fields[kThreads]);
    if (const auto boot_time = read_boot_time()) {
      const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
      page.add(names::kProcessStartTimeSeconds, {},
               *boot_time + fields[kStartTicks] / ticks_per_second);
    }
  }
  add(page, names::kProcessOpenFds, count_open_fds());
  add(page, names::kProcessMaxFds, read_limit(RLIMIT_NOFILE));
  add(page, names::kProcessVirtualMemoryMaxBytes, read_limit(RLIMIT_AS));
}

}  // namespace metrics
