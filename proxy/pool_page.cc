#include "proxy/pool_page.h"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "metrics/names.h"
#include "proxy/page_sums.h"

namespace proxy {
namespace {

namespace names = metrics::names;
using metrics::Page;

constexpr std::array<std::string_view, 3> kCheckoutNames = {"hit", "miss", "stale"};
constexpr std::array<std::string_view, 3> kDiscardNames = {"aged", "closed", "excess"};
static_assert(kCheckoutNames.size() == static_cast<std::size_t>(Checkout::kCount));
static_assert(kDiscardNames.size() == static_cast<std::size_t>(Discard::kCount));

}  // namespace

void add_pool_settings(Page& page, const Snapshot& snapshot) {
  for (const UpstreamPlan& plan : snapshot.upstreams) {
    const config::Pool& pool = plan.config->pool;
    page.add(names::kPoolIdleMax, {plan.series->names.upstream}, pool.idle > 0 ? pool.idle_max : 0);
  }
}

void add_pools(Page& page, const UpstreamSeries& series) {
  const std::string& name = series.names.upstream;
  page.add(names::kPoolConnections, {name, "idle"},
           number(sum_over_workers(series, &UpstreamCells::pool_idle)));
  page.add(names::kPoolConnections, {name, "connecting"},
           number(sum_over_workers(series, &UpstreamCells::pool_connecting)));
  page.add(names::kPoolTarget, {name},
           number(sum_over_workers(series, &UpstreamCells::pool_target)));
  for (std::size_t i = 0; i < kCheckoutNames.size(); ++i) {
    const auto read = [i](const UpstreamCells& c) -> auto& { return c.checkouts[i]; };
    page.add(names::kPoolCheckoutsTotal, {name, kCheckoutNames[i]}, number(total(series, read)));
  }
  for (std::size_t i = 0; i < kDiscardNames.size(); ++i) {
    const auto read = [i](const UpstreamCells& c) -> auto& { return c.discarded[i]; };
    page.add(names::kPoolDiscardedTotal, {name, kDiscardNames[i]}, number(total(series, read)));
  }
  page.add(names::kPoolSavedSecondsTotal, {name},
           number(total(series, &UpstreamCells::saved_nanoseconds)) * 1e-9);
}

}  // namespace proxy
