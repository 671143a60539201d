#include "proxy/admin_stats.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "metrics/exposition.h"

namespace proxy {
namespace {

TEST(AdminStats, AreOnThePage) {
  AdminStats stats;
  stats.http.requests[static_cast<std::size_t>(metrics::HttpStatus::kConflict)].add(2);
  stats.http.dropped[static_cast<std::size_t>(metrics::HttpDrop::kNoRequest)].add(3);
  stats.http.connections.set(4);
  stats.refuse(AdminRefusal::kToken);
  stats.refuse(AdminRefusal::kStopping);
  metrics::Page page;
  add_admin_metrics(page, stats);
  const std::string text = metrics::to_text(std::move(page).take());
  for (const char* line : {"millrace_admin_requests_total{code=\"200\"} 0\n",
                           "millrace_admin_requests_total{code=\"409\"} 2\n",
                           "millrace_admin_requests_refused_total{reason=\"token\"} 1\n",
                           "millrace_admin_requests_refused_total{reason=\"syntax\"} 0\n",
                           "millrace_admin_requests_refused_total{reason=\"stopping\"} 1\n",
                           "millrace_admin_connections 4\n",
                           "millrace_admin_connections_dropped_total{cause=\"no_request\"} 3\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "not in\n" << text;
  }
}

}  // namespace
}  // namespace proxy
