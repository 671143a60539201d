#include "metrics/process_metrics.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <ctime>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "metrics/names.h"

namespace metrics {
namespace {

std::map<std::string, double> read_all() {
  Page page;
  add_process_metrics(page);
  std::map<std::string, double> values;
  for (const auto& family : std::move(page).take()) {
    for (const auto& metric : family.metric) {
      values[family.name] = family.type == prometheus::MetricType::Counter ? metric.counter.value
                                                                           : metric.gauge.value;
    }
  }
  return values;
}

TEST(ProcessMetrics, AreAllThere) {
  const auto values = read_all();
  for (const Family* family : names::kAll) {
    if (!family->name.starts_with("process_")) continue;
    EXPECT_TRUE(values.contains(std::string(family->name))) << family->name;
  }
}

TEST(ProcessMetrics, AreTheSameWhereNoPageIsAskedFor) {
  const ProcessNumbers numbers = read_process_numbers();
  const auto values = read_all();
  EXPECT_EQ(numbers.open_fds, values.at("process_open_fds"));
  EXPECT_EQ(numbers.max_fds, values.at("process_max_fds"));
  EXPECT_NEAR(numbers.cpu_seconds.value(), values.at("process_cpu_seconds_total"), 1);
  const double resident = values.at("process_resident_memory_bytes");
  EXPECT_NEAR(numbers.resident_bytes.value(), resident, resident / 2);
}

TEST(ProcessMetrics, CountDescriptorsExactly) {
  const double before = read_all().at("process_open_fds");
  std::vector<base::UniqueFd> opened;
  opened.reserve(10);
  for (int i = 0; i < 10; ++i) opened.emplace_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(read_all().at("process_open_fds"), before + 10);
  opened.clear();
  EXPECT_EQ(read_all().at("process_open_fds"), before);
}

TEST(ProcessMetrics, ShowTheLimitOfDescriptors) {
  rlimit limit = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(read_all().at("process_max_fds"), static_cast<double>(limit.rlim_cur));
}

TEST(ProcessMetrics, SeeMemoryGrow) {
  constexpr std::size_t kBytes = 64U << 20U;
  const auto before = read_all();
  void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::memset(memory, 1, kBytes);
  const auto after = read_all();
  EXPECT_GE(after.at("process_resident_memory_bytes"),
            before.at("process_resident_memory_bytes") + 0.9 * kBytes);
  EXPECT_GE(after.at("process_virtual_memory_bytes"),
            before.at("process_virtual_memory_bytes") + kBytes);
  munmap(memory, kBytes);
}

TEST(ProcessMetrics, SeeCpuTimePass) {
  const double before = read_all().at("process_cpu_seconds_total");
  const std::clock_t begin = std::clock();
  while (std::clock() - begin < CLOCKS_PER_SEC / 10) {
  }
  const double used = read_all().at("process_cpu_seconds_total") - before;
  EXPECT_GE(used, 0.05);  // The kernel counts in ticks of a hundredth.
  EXPECT_LT(used, 10);
}

TEST(ProcessMetrics, CountThreads) {
  const double before = read_all().at("process_threads");
  double during = 0;
  std::thread([&] { during = read_all().at("process_threads"); }).join();
  EXPECT_EQ(during, before + 1);
}

TEST(ProcessMetrics, KnowWhenTheProcessStarted) {
  const double start = read_all().at("process_start_time_seconds");
  const auto now = static_cast<double>(std::time(nullptr));
  EXPECT_LE(start, now + 1);  // btime is in whole seconds.
  EXPECT_GT(start, now - 3600);
}

}  // namespace
}  // namespace metrics
