// One page of metrics in the making: series are added family by family, then the page becomes what
// prometheus-cpp serializes. Built and used by whoever answers a scrape, on that thread; a page
// lives for one scrape. The families come from names.h, so the builder never spells a metric out.
//
//   Page page;
//   page.add(names::kListenerPaused, {listener.name}, paused);
//   return std::move(page).take();             // in Collectable::Collect()
#pragma once

#include <prometheus/client_metric.h>
#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/histogram.h"
#include "metrics/names.h"

namespace metrics {

// The labels of a series, resolved once when the configuration is loaded and used at every scrape.
// Fits every family with the same label names in the same order.
class LabelSet {
 public:
  // As many values as the family has labels (CHECK). Values are arbitrary bytes; they are escaped
  // when the page is written.
  LabelSet(const Family& family, std::initializer_list<std::string_view> values);

 private:
  friend class Page;
  std::vector<prometheus::ClientMetric::Label> labels_;
};

class Page {
 public:
  // A series of a counter or a gauge. Label values or sets must fit the family's label names, and
  // the family must not be a histogram (CHECK, both). The caller adds no series twice.
  void add(const Family& family, std::initializer_list<std::string_view> labels, double value);
  void add(const Family& family, const LabelSet& labels, double value);

  // A series of a histogram (CHECK).
  void add(const Family& family, std::initializer_list<std::string_view> labels,
           const HistogramView& histogram);
  void add(const Family& family, const LabelSet& labels, const HistogramView& histogram);

  // The families in the order in which their first series was added.
  std::vector<prometheus::MetricFamily> take() &&;

 private:
  prometheus::ClientMetric& series(const Family& family, const LabelSet& labels);
  prometheus::MetricFamily& find_or_create(const Family& family);

  std::vector<const Family*> families_;             // Same index,
  std::vector<prometheus::MetricFamily> contents_;  // and what was added to it.
  std::size_t last_ = 0;                            // Series come in runs of one family.
};

}  // namespace metrics
