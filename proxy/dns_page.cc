#include "proxy/dns_page.h"

#include <cstddef>
#include <string>

#include "metrics/names.h"

namespace proxy {

namespace names = metrics::names;

void add_dns(metrics::Page& page, const DnsSeries& series) {
  if (!series.configured) return;
  const std::string& upstream = series.names.upstream;
  const DnsCells& cells = *series.cells[0];
  for (std::size_t i = 0; i < cells.lookups.size(); ++i) {
    page.add(names::kDnsLookupsTotal, {upstream, name(static_cast<DnsResult>(i))},
             static_cast<double>(cells.lookups[i].value()));
  }
  page.add(names::kDnsAddresses, {upstream}, static_cast<double>(cells.addresses.value()));
  page.add(names::kDnsLastSuccessTimestampSeconds, {upstream},
           static_cast<double>(cells.last_success_seconds.value()));
  for (std::size_t i = 0; i < cells.ignored.size(); ++i) {
    page.add(names::kDnsAddressesIgnoredTotal, {upstream, name(static_cast<DnsIgnored>(i))},
             static_cast<double>(cells.ignored[i].value()));
  }
}

}  // namespace proxy
