// What the admin API counts about itself. Owned by the instance, because the metrics port shows it
// whether or not there is an admin API. Written on the admin's http thread, read by any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "metrics/counter.h"
#include "metrics/http_stats.h"
#include "metrics/page.h"

namespace proxy {

// Why a request did not get to what it asked for.
enum class AdminRefusal : std::uint8_t {
  kToken,      // 401
  kSyntax,     // 400: of the path, the query or the body.
  kPath,       // 404
  kMethod,     // 405
  kTooLong,    // 413
  kTooMany,    // 503: the bodies of others leave no room.
  kQueueFull,  // 503
  kTimeout,    // 503: the main thread did not come to it.
  kStopping,   // 503
  kCount
};

struct AdminStats {
  metrics::HttpStats http;
  std::array<metrics::Counter, static_cast<std::size_t>(AdminRefusal::kCount)> refused;

  void refuse(AdminRefusal reason) { refused[static_cast<std::size_t>(reason)].add(); }
};

// Adds the millrace_admin_* families.
void add_admin_metrics(metrics::Page& page, const AdminStats& stats);

}  // namespace proxy
