#include "proxy/admin_stats.h"

#include <string>
#include <string_view>

#include "metrics/names.h"

namespace proxy {
namespace {

namespace names = metrics::names;

constexpr std::array<std::string_view, 9> kRefusalNames = {
    "token",    "syntax",     "path",    "method",  "body_too_long",
    "too_many", "queue_full", "timeout", "stopping"};
static_assert(kRefusalNames.size() == static_cast<std::size_t>(AdminRefusal::kCount));

}  // namespace

void add_admin_metrics(metrics::Page& page, const AdminStats& stats) {
  for (std::size_t i = 0; i < stats.http.requests.size(); ++i) {
    const auto status = static_cast<metrics::HttpStatus>(i);
    page.add(names::kAdminRequestsTotal, {std::to_string(metrics::code_of(status))},
             static_cast<double>(stats.http.requests[i].value()));
  }
  for (std::size_t i = 0; i < stats.refused.size(); ++i) {
    page.add(names::kAdminRequestsRefusedTotal, {kRefusalNames[i]},
             static_cast<double>(stats.refused[i].value()));
  }
  page.add(names::kAdminConnections, {}, static_cast<double>(stats.http.connections.value()));
  for (std::size_t i = 0; i < stats.http.dropped.size(); ++i) {
    page.add(names::kAdminConnectionsDroppedTotal,
             {metrics::name_of(static_cast<metrics::HttpDrop>(i))},
             static_cast<double>(stats.http.dropped[i].value()));
  }
}

}  // namespace proxy
