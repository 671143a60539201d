#include "proxy/admin_api.h"

#include <nlohmann/json.hpp>

#include "base/assert.h"
#include "proxy/admin_config.h"
#include "proxy/admin_endpoints.h"
#include "proxy/admin_openapi.h"
#include "proxy/admin_orders.h"
#include "proxy/admin_reply.h"
#include "proxy/admin_sessions.h"
#include "proxy/admin_views.h"

namespace proxy {

using metrics::HttpReply;
using metrics::HttpStatus;

HttpReply AdminApi::answer(const AdminCall& call) {
  HttpReply reply = perform(call);
  if (call.route->changes_something()) {
    instance_.log().info("admin API: {} {} by {}: {}", call.route->method, call.target, call.client,
                         metrics::code_of(reply.status));
  }
  return reply;
}

HttpReply AdminApi::perform(const AdminCall& call) {
  switch (call.route->action) {
    case AdminAction::kShowStatus:
      return admin_reply(instance_.status());
    case AdminAction::kShowConfig:
      return show_config(*instance_.snapshot(), instance_.overrides(), program_.config_path());
    case AdminAction::kDiffConfig:
      return diff_config(*instance_.snapshot(), call.body);
    case AdminAction::kListListeners:
      return admin_reply(list_of(instance_.status(), "listeners"));
    case AdminAction::kListUpstreams:
      return admin_reply(list_of(instance_.status(), "upstreams"));
    case AdminAction::kShowUpstream:
      return show_upstream(call.names[0]);
    case AdminAction::kListEndpoints:
      return admin_reply(endpoints_of(instance_.status()));
    case AdminAction::kListPools:
      return admin_reply(pools_of(instance_.status()));
    case AdminAction::kListWorkers:
      return admin_reply(list_of(instance_.status(), "workers"));
    case AdminAction::kOverrideEndpoint:
      return override_endpoint(instance_, call.names[0], call.names[1], call.body);
    case AdminAction::kListSessions:
      return list_sessions(instance_, call.query);
    case AdminAction::kShowSession:
      return show_session(instance_, call.names[0]);
    case AdminAction::kEndSession:
      return end_session(instance_, call.names[0]);
    case AdminAction::kEndSessions:
      return end_sessions(instance_, call.query);
    case AdminAction::kReload:
      return order_reload(instance_, program_, call.body);
    case AdminAction::kDrain:
      return order_drain(program_, call.body);
    case AdminAction::kShowLog:
      return show_log(instance_.log());
    case AdminAction::kSetLog:
      return set_log(instance_.log(), call.body);
    case AdminAction::kShowOpenApi:
      return {HttpStatus::kOk, std::string(openapi_document()), "application/json"};
  }
  CHECK(false);
}

HttpReply AdminApi::show_upstream(const std::string& name) {
  const auto found = upstream_of(instance_.status(), name);
  if (found) return admin_reply(*found);
  return admin_error(HttpStatus::kNotFound, "no upstream has that name; /v1/upstreams lists all");
}

}  // namespace proxy
