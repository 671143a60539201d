// What a scrape of a large installation costs: 64 workers and 1,000 endpoints by default, every
// cell counted in, the page made by the real collector. Prints one JSON line, the median of the
// rounds:
//   bench_scrape --workers 64 --endpoints 1000
#include <fcntl.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "backends/transport_factory.h"
#include "base/fd.h"
#include "base/time.h"
#include "metrics/exposition.h"
#include "metrics/http_stats.h"
#include "metrics/page.h"
#include "proxy/access_log.h"
#include "proxy/admin_stats.h"
#include "proxy/collector.h"
#include "proxy/log_output.h"
#include "proxy/program_status.h"
#include "proxy/worker_metrics.h"

namespace {

struct Size {
  std::size_t workers = 64;
  std::size_t endpoints = 1000;
  std::size_t endpoints_per_upstream = 10;
  std::size_t rounds = 21;
};

// Every cell gets numbers, so that no page of memory is one shared zero page and no series is left
// out.
void count_something(proxy::MetricsCatalog& catalog, const Size& size) {
  for (std::size_t i = 0; i < size.endpoints; ++i) {
    const std::string upstream = "upstream-" + std::to_string(i / size.endpoints_per_upstream);
    const std::string address =
        "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ":6379";
    for (const auto& cells : catalog.endpoint(upstream, address).cells) {
      cells->sessions.add(1);
      cells->connect_failed(proxy::Cause::kConnectRefused);
      cells->connect_failed(proxy::Cause::kConnectTimeout);
    }
    if (i % size.endpoints_per_upstream != 0) continue;
    for (const auto& cells : catalog.upstream(upstream).cells) {
      cells->connect.observe(std::chrono::milliseconds(1));
    }
    for (const auto& cells : catalog.route("listener-" + upstream, upstream).cells) {
      cells->sessions.add(1);
      cells->end({proxy::Actor::kClient, proxy::Cause::kReset});
    }
    for (const auto& cells : catalog.listener("listener-" + upstream).cells) {
      cells->accepted.add();
      cells->setup.observe(std::chrono::milliseconds(1));
      cells->duration.observe(std::chrono::seconds(1));
    }
  }
  for (std::size_t i = 0; i < size.workers; ++i) {
    catalog.worker(i).loop.observe(std::chrono::microseconds(50));
    catalog.worker(i).transport.publish({});
    catalog.worker(i).transport.publish_engine("epoll");
  }
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int run(const Size& size) {
  proxy::MetricsCatalog catalog(size.workers);
  count_something(catalog, size);
  const base::UniqueFd nowhere(open("/dev/null", O_WRONLY | O_CLOEXEC));
  proxy::LogOutput output(nowhere.get());
  const proxy::Log log(output, {});
  const proxy::AccessLog access_log(output, size.workers, {});
  const proxy::ProgramStatus status("epoll");
  const metrics::HttpStats http;
  const proxy::AdminStats admin;
  const auto factory = backends::make_transport_factory("epoll").value();
  const proxy::Collector collector(status, *factory, catalog, log, access_log, http, admin);

  std::vector<double> collect_ms;
  std::vector<double> text_ms;
  std::size_t series = 0;
  std::size_t bytes = 0;
  for (std::size_t round = 0; round < size.rounds; ++round) {
    const base::Nanos begin = base::monotonic_now();
    const auto families = collector.Collect();
    const base::Nanos collected = base::monotonic_now();
    bytes = metrics::to_text(families).size();
    const base::Nanos end = base::monotonic_now();
    series = 0;
    for (const auto& family : families) series += family.metric.size();
    collect_ms.push_back(base::to_seconds(collected - begin) * 1e3);
    text_ms.push_back(base::to_seconds(end - collected) * 1e3);
  }
  const nlohmann::json line = {
      {"work", "scrape"},          {"workers", size.workers}, {"endpoints", size.endpoints},
      {"series", series},          {"bytes", bytes},          {"collect_ms", median(collect_ms)},
      {"text_ms", median(text_ms)}};
  return std::puts(line.dump().c_str()) < 0 ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  Size size;
  CLI::App app("What a scrape of a large installation costs");
  app.add_option("--workers", size.workers)->check(CLI::Range(1, 1024));
  app.add_option("--endpoints", size.endpoints)->check(CLI::Range(1, 50'000));
  app.add_option("--rounds", size.rounds)->check(CLI::Range(1, 10'000));
  CLI11_PARSE(app, argc, argv);
  return run(size);
}
