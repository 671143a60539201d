#include "proxy/admin_reply.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "proxy/status_document.h"

namespace proxy {
namespace {

constexpr const char* kJson = "application/json";

}  // namespace

metrics::HttpReply admin_reply(const nlohmann::json& document) {
  return {metrics::HttpStatus::kOk, to_text(document), kJson};
}

metrics::HttpReply admin_error(metrics::HttpStatus status, std::string_view text) {
  return admin_error(status, text, nlohmann::json::object());
}

metrics::HttpReply admin_error(metrics::HttpStatus status, std::string_view text,
                               nlohmann::json more) {
  more["error"] = text;
  more["status"] = metrics::code_of(status);
  return {status, to_text(more), kJson};
}

}  // namespace proxy
