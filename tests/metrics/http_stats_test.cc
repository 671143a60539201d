#include "metrics/http_stats.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "metrics/exposition.h"

namespace metrics {
namespace {

TEST(HttpStats, AreOnThePageUnderStatusAndCause) {
  HttpStats stats;
  stats.requests[static_cast<std::size_t>(HttpStatus::kOk)].add(5);
  stats.requests[static_cast<std::size_t>(HttpStatus::kUnavailable)].add(2);
  stats.dropped[static_cast<std::size_t>(HttpDrop::kCrowdedOut)].add(3);
  stats.connections.set(4);
  stats.connections_max.set(64);
  stats.render_nanos.set(2'500'000);
  Page page;
  add_http_metrics(page, stats);
  const std::string text = to_text(std::move(page).take());
  for (const char* line : {"millrace_http_requests_total{code=\"200\"} 5\n",
                           "millrace_http_requests_total{code=\"404\"} 0\n",
                           "millrace_http_requests_total{code=\"405\"} 0\n",
                           "millrace_http_requests_total{code=\"503\"} 2\n",
                           "millrace_http_connections_dropped_total{cause=\"no_request\"} 0\n",
                           "millrace_http_connections_dropped_total{cause=\"crowded_out\"} 3\n",
                           "millrace_http_connections 4\n", "millrace_http_connections_max 64\n",
                           "millrace_http_render_seconds 0.0025"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "not in\n" << text;
  }
}

}  // namespace
}  // namespace metrics
