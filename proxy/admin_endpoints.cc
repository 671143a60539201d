#include "proxy/admin_endpoints.h"

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "proxy/admin_body.h"
#include "proxy/admin_reply.h"
#include "proxy/admin_views.h"
#include "proxy/overrides.h"

namespace proxy {
namespace {

using metrics::HttpReply;
using metrics::HttpStatus;
using nlohmann::json;

constexpr std::array kStates = {AdminState::kReady, AdminState::kDrain, AdminState::kMaintenance};

base::Parsed<void> read_state(const json& body, EndpointOverride& to) {
  const auto word = string_of(body, "state", name(to.state));
  if (!word) return base::failure(word.error());
  for (const AdminState state : kStates) {
    if (name(state) != *word) continue;
    to.state = state;
    return {};
  }
  return base::failure(std::string("'state' is 'ready', 'drain' or 'maintenance'"));
}

base::Parsed<void> read_weight(const json& body, EndpointOverride& to) {
  const auto found = body.find("weight");
  if (found == body.end()) return {};
  if (found->is_null()) {
    to.weight.reset();
    return {};
  }
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() > Overrides::kWeightMax) {
    return base::failure("'weight' is an integer from 0 to " +
                         std::to_string(Overrides::kWeightMax) +
                         ", or null for the configured weight");
  }
  to.weight = static_cast<std::uint32_t>(found->get<std::uint64_t>());
  return {};
}

base::Parsed<EndpointOverride> read(std::string_view text, EndpointOverride before) {
  const auto body = parse_body(text, {"state", "weight"});
  if (!body) return base::failure(body.error());
  if (body->empty()) {
    return base::failure(std::string("the body is an object with 'state', 'weight' or both"));
  }
  if (auto state = read_state(*body, before); !state) return base::failure(state.error());
  if (auto weight = read_weight(*body, before); !weight) return base::failure(weight.error());
  return before;
}

}  // namespace

HttpReply override_endpoint(Instance& instance, const std::string& upstream,
                            const std::string& address, std::string_view body) {
  const EndpointOverride* const ordered = instance.overrides().find(upstream, address);
  const auto wanted = read(body, ordered != nullptr ? *ordered : EndpointOverride{});
  if (!wanted) return admin_error(HttpStatus::kBadRequest, wanted.error());
  const bool known = endpoint_of(instance.status(), upstream, address).has_value();
  if (auto done = instance.override_endpoint(upstream, address, *wanted); !done) {
    return admin_error(known ? HttpStatus::kConflict : HttpStatus::kNotFound, done.error());
  }
  const auto endpoint = endpoint_of(instance.status(), upstream, address);
  if (endpoint) return admin_reply(*endpoint);
  return admin_error(HttpStatus::kNotFound, "the endpoint has gone");
}

}  // namespace proxy
