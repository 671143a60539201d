// The checks between the parts of a configuration; see validate.h. Each is linear: a file may hold
// 100,000 upstreams.
#include "config/validate.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "config/binds.h"
#include "config/kernel_bypass.h"
#include "config/loops.h"
#include "config/suggest.h"

namespace config {
namespace {

using Positions = std::unordered_map<std::string_view, std::size_t>;

// The position of every name, the first of equal ones; the others are reported.
template <typename Named>
Positions index_names(const std::vector<Named>& all, std::string_view what, Problems& problems) {
  Positions positions;
  positions.reserve(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].name.empty()) continue;
    const auto [found, is_new] = positions.try_emplace(all[i].name, i);
    if (is_new) continue;
    problems.add(all[i].mark, "duplicate " + std::string(what) + " " + quote(all[i].name) +
                                  "; the first is at " + to_string(all[found->second].mark));
  }
  return positions;
}

void refuse_unknown_upstream(const Config& config, const UpstreamRef& ref, Problems& problems) {
  std::string text = "unknown upstream " + quote(ref.name);
  if (!problems.full()) {
    std::vector<std::string_view> names;
    for (const Upstream& upstream : config.upstreams) names.push_back(upstream.name);
    const std::string_view guess = nearest(ref.name, names);
    if (!guess.empty()) text += "; did you mean " + quote(guess) + "?";
  }
  problems.add(ref.mark, std::move(text));
}

// A redirect is remembered by connection tracking, and that knows IP only.
void refuse_unix_with_original_dst(const Listener& listener, const Upstream& upstream,
                                   Problems& problems) {
  if (!upstream.original_dst) return;
  for (const Bind& bind : listener.bind) {
    if (bind.address.family() != base::Family::kUnix) continue;
    problems.add(bind.mark, "a UNIX socket has no original destination, which upstream " +
                                quote(upstream.name) + " connects to");
  }
}

void resolve_upstreams(Config& config, const Positions& upstreams, Problems& problems) {
  // When "upstreams" itself could not be read, every name would be unknown.
  const bool unread = config.upstreams.empty() && !problems.empty();
  for (Listener& listener : config.listeners) {
    if (listener.upstream.name.empty() || unread) continue;
    const auto found = upstreams.find(listener.upstream.name);
    if (found == upstreams.end()) {
      refuse_unknown_upstream(config, listener.upstream, problems);
      continue;
    }
    listener.upstream.index = found->second;
    refuse_unix_with_original_dst(listener, config.upstreams[found->second], problems);
  }
}

void check_source(const Connect& connect, const Endpoint& endpoint, Problems& problems) {
  const std::vector<base::IpPort>& sources = connect.sources;
  const bool fits = std::any_of(sources.begin(), sources.end(), [&](const base::IpPort& source) {
    return source.family == endpoint.address.family();
  });
  if (sources.empty() || fits) return;
  const std::string first = base::ip_to_string(sources.front());
  problems.add(connect.source_mark,
               (sources.size() == 1 ? first + " cannot" : "none of " + first + ", ... can") +
                   " be the source of a connection to " + base::to_string(endpoint.address) +
                   " at " + to_string(endpoint.mark));
}

// A source that no endpoint has a use for is a slip of the pen. Names of the DNS may have addresses
// of both families.
void check_use_of_sources(const Upstream& upstream, Problems& problems) {
  if (upstream.endpoints.empty()) return;
  for (const base::IpPort& source : upstream.connect.sources) {
    const bool used = std::any_of(upstream.endpoints.begin(), upstream.endpoints.end(),
                                  [&source](const Endpoint& endpoint) {
                                    const base::Family family = endpoint.address.family();
                                    return family == source.family || family == base::Family::kNone;
                                  });
    if (used) continue;
    problems.add(upstream.connect.source_mark,
                 base::ip_to_string(source) + " is the source of no connection: no endpoint of " +
                     quote(upstream.name) + " is an " +
                     (source.family == base::Family::kV4 ? "IPv4" : "IPv6") + " address");
  }
}

void check_endpoints(const Upstream& upstream, Problems& problems) {
  const std::size_t before = problems.size();
  std::unordered_map<std::string, const Endpoint*> seen;
  for (const Endpoint& endpoint : upstream.endpoints) {
    if (endpoint.address.family() == base::Family::kNone) continue;
    const std::string text = base::to_string(endpoint.address);
    const auto [found, is_new] = seen.try_emplace(text, &endpoint);
    if (!is_new) {
      problems.add(endpoint.mark, "duplicate endpoint " + text + "; the first is at " +
                                      to_string(found->second->mark));
      continue;
    }
    check_source(upstream.connect, endpoint, problems);
  }
  // An endpoint without a source says the same of a source without an endpoint.
  if (problems.size() == before) check_use_of_sources(upstream, problems);
}

}  // namespace

void validate(Config& config, Problems& problems) {
  index_names(config.listeners, "listener", problems);
  const Positions upstreams = index_names(config.upstreams, "upstream", problems);
  resolve_upstreams(config, upstreams, problems);
  const BindTable binds(config, problems);
  for (Upstream& upstream : config.upstreams) {
    upstream.pool.idle_max = std::max(upstream.pool.idle_max, upstream.pool.idle);
    check_endpoints(upstream, problems);
  }
  refuse_loops(config, problems);
  check_kernel_bypass(config, problems);
}

}  // namespace config
