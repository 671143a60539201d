#include "metrics/exposition.h"

#include <prometheus/metric_type.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>

#include "base/assert.h"

namespace metrics {
namespace {

// As many digits as name every double that people measure, and no noise behind them.
constexpr int kDigits = 16;
// Whole numbers below this have no more digits than that.
constexpr double kWholeMax = 1e15;
// More than a number of that many digits takes, with sign, point and exponent.
constexpr std::size_t kNumberBytes = 32;
// A line of a metric is about that long.
constexpr std::size_t kLineBytes = 96;

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void family(const prometheus::MetricFamily& family) {
    out_.append("# HELP ").append(family.name).append(" ");
    escape(family.help, false);
    out_.append("\n# TYPE ").append(family.name).append(word_of(family.type)).append("\n");
    for (const prometheus::ClientMetric& metric : family.metric) {
      // Once for all lines of the series.
      labels_.clear();
      std::swap(out_, labels_);
      write_labels(metric.label);
      std::swap(out_, labels_);
      series(family, metric);
    }
  }

 private:
  static std::string_view word_of(prometheus::MetricType type) {
    switch (type) {
      case prometheus::MetricType::Counter:
        return " counter";
      case prometheus::MetricType::Gauge:
        return " gauge";
      case prometheus::MetricType::Histogram:
        return " histogram";
      default:
        base::check_failed(__FILE__, __LINE__, "a type that Page makes");
    }
  }

  void series(const prometheus::MetricFamily& family, const prometheus::ClientMetric& metric) {
    switch (family.type) {
      case prometheus::MetricType::Counter:
        line(family.name, "", metric.counter.value);
        return;
      case prometheus::MetricType::Gauge:
        line(family.name, "", metric.gauge.value);
        return;
      default:
        break;
    }
    line(family.name, "_count", static_cast<double>(metric.histogram.sample_count));
    line(family.name, "_sum", metric.histogram.sample_sum);
    for (const prometheus::ClientMetric::Bucket& bucket : metric.histogram.bucket) {
      out_.append(family.name).append("_bucket{").append(labels_);
      if (!labels_.empty()) out_ += ',';
      out_ += "le=\"";
      number(bucket.upper_bound);
      out_ += "\"} ";
      number(static_cast<double>(bucket.cumulative_count));
      out_ += '\n';
    }
  }

  void line(const std::string& name, std::string_view ending, double value) {
    out_.append(name).append(ending);
    if (!labels_.empty()) out_.append("{").append(labels_).append("}");
    out_ += ' ';
    number(value);
    out_ += '\n';
  }

  void write_labels(const std::vector<prometheus::ClientMetric::Label>& labels) {
    bool first = true;
    for (const prometheus::ClientMetric::Label& label : labels) {
      if (!first) out_ += ',';
      first = false;
      out_.append(label.name).append("=\"");
      escape(label.value, true);
      out_ += '"';
    }
  }

  void escape(std::string_view text, bool quoted) {
    for (const char c : text) {
      if (c == '\n') {
        out_ += "\\n";
        continue;
      }
      if (c == '\\' || (quoted && c == '"')) out_ += '\\';
      out_ += c;
    }
  }

  void number(double value) {
    if (std::isnan(value)) {
      out_ += "Nan";
    } else if (std::isinf(value)) {
      out_ += value < 0 ? "-Inf" : "+Inf";
    } else {
      finite(value);
    }
  }

  void finite(double value) {
    std::array<char, kNumberBytes> digits{};
    const bool whole = std::abs(value) < kWholeMax && std::trunc(value) == value &&
                       !(value == 0 && std::signbit(value));
    const std::to_chars_result written =
        whole ? std::to_chars(digits.begin(), digits.end(), static_cast<std::int64_t>(value))
              : std::to_chars(digits.begin(), digits.end(), value, std::chars_format::general,
                              kDigits);
    out_.append(digits.data(), written.ptr);
  }

  std::string& out_;
  std::string labels_;  // Of the series: name="value",name="value"
};

}  // namespace

std::string to_text(const std::vector<prometheus::MetricFamily>& families) {
  std::size_t lines = 0;
  for (const prometheus::MetricFamily& family : families) {
    for (const prometheus::ClientMetric& metric : family.metric) {
      lines += metric.histogram.bucket.size() + 3;
    }
  }
  std::string text;
  text.reserve(lines * kLineBytes);
  Writer writer(text);
  for (const prometheus::MetricFamily& family : families) writer.family(family);
  return text;
}

}  // namespace metrics
