// The page of metrics as text, version 0.0.4 of Prometheus' exposition format:
// https://prometheus.io/docs/instrumenting/exposition_formats. The library's own writer makes the
// same text through streams, in most of the time that a scrape of 1,000 endpoints took
// (docs/benchmarks.md). Pure; any thread.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

namespace metrics {

// Families of counters, gauges and histograms, which is what Page makes.
std::string to_text(const std::vector<prometheus::MetricFamily>& families);

// What an HTTP answer with that text has to call it.
inline constexpr const char* kTextContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace metrics
