#include "metrics/exposition.h"

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/prng.h"

namespace metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily gauges(const std::vector<double>& values) {
  MetricFamily family{"g", "What it is", MetricType::Gauge, {}};
  for (const double value : values) {
    ClientMetric metric;
    metric.label = {{"n", std::to_string(family.metric.size())}, {"odd", "a\"b\\c\nd"}};
    metric.gauge.value = value;
    family.metric.push_back(metric);
  }
  return family;
}

// The library's writer is what Prometheus has been read with for years.
void expect_same(const std::vector<MetricFamily>& families) {
  const std::string ours = to_text(families);
  const std::string theirs = prometheus::TextSerializer().Serialize(families);
  const auto [at, other] = std::ranges::mismatch(ours, theirs);
  // Only what is around the difference: the whole may be megabytes.
  EXPECT_TRUE(ours == theirs) << std::string(at, std::min(at + 80, ours.end())) << "\nnot\n"
                              << std::string(other, std::min(other + 80, theirs.end()));
}

TEST(Exposition, IsTheLibrarysForEveryKindOfNumber) {
  expect_same({gauges({0,
                       -0.0,
                       1,
                       -1,
                       0.5,
                       0.1,
                       0.0001,
                       0.00025,
                       1e-9,
                       123456789.123,
                       1e15 - 1,
                       1e15,
                       1e16,
                       1e17,
                       1.5e300,
                       5e-324,
                       9007199254740993.0,
                       1.7976931348623157e308,
                       std::numeric_limits<double>::infinity(),
                       -std::numeric_limits<double>::infinity(),
                       std::nan("")})});
}

TEST(Exposition, IsTheLibrarysForNumbersByChance) {
  base::Prng random(7);
  std::vector<double> values;
  for (int i = 0; i < 20'000; ++i) {
    const double mantissa = static_cast<double>(random.next() >> 11U);
    values.push_back(std::ldexp(mantissa, static_cast<int>(random.next() % 200) - 150));
  }
  expect_same({gauges(values)});
}

// The library leaves them as they are, and with a line break the page would be none.
TEST(Exposition, EscapesTheHelp) {
  EXPECT_EQ(to_text({{"n", "\"a\" \\ b\nc", MetricType::Gauge, {}}}),
            "# HELP n \"a\" \\\\ b\\nc\n# TYPE n gauge\n");
}

TEST(Exposition, IsTheLibrarysForCountersAndHistograms) {
  MetricFamily counter{"c_total", "Counted", MetricType::Counter, {}};
  counter.metric.emplace_back().counter.value = 12;
  MetricFamily histogram{"h_seconds", "Measured", MetricType::Histogram, {}};
  for (const bool labelled : {false, true}) {
    ClientMetric& metric = histogram.metric.emplace_back();
    if (labelled) metric.label = {{"worker", "0"}};
    metric.histogram.sample_count = 9;
    metric.histogram.sample_sum = 0.125;
    metric.histogram.bucket = {{3, 0.0001}, {9, 2.5}, {9, std::numeric_limits<double>::infinity()}};
  }
  const MetricFamily nothing{"n", "No series", MetricType::Gauge, {}};
  expect_same({counter, histogram, nothing});
  expect_same({});
}

}  // namespace
}  // namespace metrics
