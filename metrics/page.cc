#include "metrics/page.h"

#include <prometheus/metric_type.h>

#include <limits>
#include <utility>

#include "base/assert.h"
#include "base/time.h"

namespace metrics {
namespace {

prometheus::MetricType to_prometheus(Type type) {
  switch (type) {
    case Type::kCounter:
      return prometheus::MetricType::Counter;
    case Type::kGauge:
      return prometheus::MetricType::Gauge;
    case Type::kHistogram:
      return prometheus::MetricType::Histogram;
  }
  CHECK(false);
}

}  // namespace

LabelSet::LabelSet(const Family& family, std::initializer_list<std::string_view> values) {
  CHECK(values.size() == family.labels.size());
  labels_.reserve(values.size());
  for (const std::string_view value : values) {
    labels_.push_back({std::string(family.labels[labels_.size()]), std::string(value)});
  }
}

void Page::add(const Family& family, std::initializer_list<std::string_view> labels, double value) {
  add(family, LabelSet(family, labels), value);
}

void Page::add(const Family& family, const LabelSet& labels, double value) {
  CHECK(family.type != Type::kHistogram);
  prometheus::ClientMetric& metric = series(family, labels);
  if (family.type == Type::kCounter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
}

void Page::add(const Family& family, std::initializer_list<std::string_view> labels,
               const HistogramView& histogram) {
  add(family, LabelSet(family, labels), histogram);
}

void Page::add(const Family& family, const LabelSet& labels, const HistogramView& histogram) {
  CHECK(family.type == Type::kHistogram);
  CHECK(histogram.counts.size() == histogram.bounds.size() + 1);
  prometheus::ClientMetric::Histogram& out = series(family, labels).histogram;
  out.bucket.reserve(histogram.counts.size());
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    cumulative += histogram.counts[i];
    const bool last = i == histogram.bounds.size();
    const double bound =
        last ? std::numeric_limits<double>::infinity() : base::to_seconds(histogram.bounds[i]);
    out.bucket.push_back({cumulative, bound});
  }
  out.sample_count = cumulative;
  out.sample_sum = histogram.sum_seconds;
}

std::vector<prometheus::MetricFamily> Page::take() && { return std::move(contents_); }

prometheus::ClientMetric& Page::series(const Family& family, const LabelSet& labels) {
  CHECK(labels.labels_.size() == family.labels.size());
  for (std::size_t i = 0; i < labels.labels_.size(); ++i) {
    CHECK(labels.labels_[i].name == family.labels[i]);
  }
  prometheus::ClientMetric& metric = find_or_create(family).metric.emplace_back();
  metric.label = labels.labels_;
  return metric;
}

// A linear search, because there are a few dozen families and the last one is nearly always the
// one.
prometheus::MetricFamily& Page::find_or_create(const Family& family) {
  if (last_ < families_.size() && families_[last_] == &family) return contents_[last_];
  for (last_ = 0; last_ < families_.size(); ++last_) {
    if (families_[last_] == &family) return contents_[last_];
  }
  families_.push_back(&family);
  prometheus::MetricFamily& created = contents_.emplace_back();
  created.name = family.name;
  created.help = family.help;
  created.type = to_prometheus(family.type);
  return created;
}

}  // namespace metrics
