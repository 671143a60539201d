#include "proxy/worker_metrics.h"

#include <bit>

#include "base/assert.h"

namespace proxy {

void TransportCells::publish(const backends::TransportStats& stats) {
  const auto words = std::bit_cast<std::array<std::uint64_t, kWords>>(stats);
  for (std::size_t i = 0; i < kWords; ++i) words_[i].store(words[i], std::memory_order_relaxed);
}

backends::TransportStats TransportCells::read() const {
  std::array<std::uint64_t, kWords> words{};
  for (std::size_t i = 0; i < kWords; ++i) words[i] = words_[i].load(std::memory_order_relaxed);
  return std::bit_cast<backends::TransportStats>(words);
}

void TransportCells::publish_engine(std::string_view name) {
  engine_length_.store(name.size(), std::memory_order_relaxed);
  engine_.store(name.data(), std::memory_order_release);
}

std::string_view TransportCells::engine() const {
  const char* engine = engine_.load(std::memory_order_acquire);
  if (engine == nullptr) return {};
  return {engine, engine_length_.load(std::memory_order_relaxed)};
}

void PacketCells::publish(std::span<const backends::PacketNumber> numbers) {
  if (numbers.empty()) return;
  CHECK(numbers.size() <= words_.size());
  const bool first = size_.load(std::memory_order_relaxed) == 0;
  if (first) {
    for (const backends::PacketNumber& each : numbers) {
      rows_.push_back({each.kind, std::string(each.port), std::string(each.name), 0});
    }
  }
  CHECK(numbers.size() == rows_.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    words_[i].store(numbers[i].value, std::memory_order_relaxed);
  }
  if (first) size_.store(numbers.size(), std::memory_order_release);
}

std::vector<PacketCells::Row> PacketCells::read() const {
  const std::size_t size = size_.load(std::memory_order_acquire);
  std::vector<Row> rows;
  rows.reserve(size);
  for (std::size_t i = 0; i < size; ++i) {
    rows.push_back(rows_[i]);
    rows.back().value = words_[i].load(std::memory_order_relaxed);
  }
  return rows;
}

MetricsCatalog::MetricsCatalog(std::size_t workers) {
  for (std::size_t i = 0; i < workers; ++i) workers_.push_back(std::make_unique<WorkerCells>());
}

template <typename Cells>
Series<Cells>& MetricsCatalog::find_or_add(SeriesMap<Cells>& all, SeriesNames names,
                                           std::size_t copies) {
  const std::lock_guard lock(mutex_);
  auto& series = all[names];
  if (series == nullptr) series = std::make_unique<Series<Cells>>(copies, std::move(names));
  series->configured = true;
  return *series;
}

ListenerSeries& MetricsCatalog::listener(const std::string& name) {
  return find_or_add(listeners_, {.listener = name, .upstream = "", .endpoint = ""}, workers());
}

RouteSeries& MetricsCatalog::route(const std::string& listener, const std::string& upstream) {
  return find_or_add(routes_, {.listener = listener, .upstream = upstream, .endpoint = ""},
                     workers());
}

UpstreamSeries& MetricsCatalog::upstream(const std::string& name) {
  return find_or_add(upstreams_, {.listener = "", .upstream = name, .endpoint = ""}, workers());
}

EndpointSeries& MetricsCatalog::endpoint(const std::string& upstream, const std::string& endpoint) {
  return find_or_add(endpoints_, {.listener = "", .upstream = upstream, .endpoint = endpoint},
                     workers());
}

DnsSeries& MetricsCatalog::dns(const std::string& upstream) {
  return find_or_add(dns_, {.listener = "", .upstream = upstream, .endpoint = ""}, 1);
}

void MetricsCatalog::forget_configuration() {
  const std::lock_guard lock(mutex_);
  for (auto& [names, series] : listeners_) series->configured = false;
  for (auto& [names, series] : routes_) series->configured = false;
  for (auto& [names, series] : upstreams_) series->configured = false;
  for (auto& [names, series] : endpoints_) series->configured = false;
  for (auto& [names, series] : dns_) series->configured = false;
}

}  // namespace proxy
