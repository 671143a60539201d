// What an HTTP server counts about itself. Owned by main, because the page that shows these
// numbers is one the server serves: the block has to be there before the server. Written on the
// http thread only, read by any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "metrics/counter.h"
#include "metrics/page.h"

namespace metrics {

// The statuses our sites answer with; the pages of the metrics port know four of them. What is not
// HTTP at all is answered by libmicrohttpd (400, 413, 431, ...) before any page sees it, and shows
// up as HttpDrop::kNoRequest.
enum class HttpStatus : std::uint8_t {
  kOk,
  kBadRequest,
  kUnauthorized,
  kNotFound,
  kMethodNotAllowed,
  kConflict,
  kTooLarge,
  kUnavailable,
  kCount
};

// 200, 400, 401, 404, 405, 409, 413, 503.
unsigned code_of(HttpStatus status);

// Why a connection ended without its answer.
enum class HttpDrop : std::uint8_t {
  kNoRequest,   // It sent none, half of one, or something that is not HTTP.
  kCrowdedOut,  // It was the oldest when one more than the limit came in.
  kCount
};

struct HttpStats {
  std::array<Counter, static_cast<std::size_t>(HttpStatus::kCount)> requests;
  std::array<Counter, static_cast<std::size_t>(HttpDrop::kCount)> dropped;
  Gauge connections;
  Gauge connections_max;
  Gauge render_nanos;  // Of the previous page of metrics.
};

// The label value of a cause.
const char* name_of(HttpDrop cause);

// Adds the millrace_http_* families, which are those of the metrics port.
void add_http_metrics(Page& page, const HttpStats& stats);

}  // namespace metrics
