#include "metrics/http_stats.h"

#include <array>
#include <string>

#include "base/assert.h"
#include "base/time.h"
#include "metrics/names.h"

namespace metrics {
namespace {

// What the pages of the metrics port answer with.
constexpr std::array kPageStatuses = {HttpStatus::kOk, HttpStatus::kNotFound,
                                      HttpStatus::kMethodNotAllowed, HttpStatus::kUnavailable};

}  // namespace

const char* name_of(HttpDrop cause) {
  switch (cause) {
    case HttpDrop::kNoRequest:
      return "no_request";
    case HttpDrop::kCrowdedOut:
      return "crowded_out";
    case HttpDrop::kCount:
      break;
  }
  CHECK(false);
}

unsigned code_of(HttpStatus status) {
  switch (status) {
    case HttpStatus::kOk:
      return 200;
    case HttpStatus::kBadRequest:
      return 400;
    case HttpStatus::kUnauthorized:
      return 401;
    case HttpStatus::kNotFound:
      return 404;
    case HttpStatus::kMethodNotAllowed:
      return 405;
    case HttpStatus::kConflict:
      return 409;
    case HttpStatus::kTooLarge:
      return 413;
    case HttpStatus::kUnavailable:
      return 503;
    case HttpStatus::kCount:
      break;
  }
  CHECK(false);
}

void add_http_metrics(Page& page, const HttpStats& stats) {
  for (const HttpStatus status : kPageStatuses) {
    const auto count = stats.requests[static_cast<std::size_t>(status)].value();
    page.add(names::kHttpRequestsTotal, {std::to_string(code_of(status))},
             static_cast<double>(count));
  }
  for (std::size_t i = 0; i < stats.dropped.size(); ++i) {
    page.add(names::kHttpConnectionsDroppedTotal, {name_of(static_cast<HttpDrop>(i))},
             static_cast<double>(stats.dropped[i].value()));
  }
  page.add(names::kHttpConnections, {}, static_cast<double>(stats.connections.value()));
  page.add(names::kHttpConnectionsMax, {}, static_cast<double>(stats.connections_max.value()));
  page.add(names::kHttpRenderSeconds, {},
           base::to_seconds(base::Nanos(stats.render_nanos.value())));
}

}  // namespace metrics
