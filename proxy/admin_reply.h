// Answers of the admin API: JSON, and every error in one form. Pure; any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "metrics/http_site.h"

namespace proxy {

// 200 and the document.
metrics::HttpReply admin_reply(const nlohmann::json& document);

// {"error": text, "status": 404}. The text is a sentence that says what would be right.
metrics::HttpReply admin_error(metrics::HttpStatus status, std::string_view text);
// The same with more in it; `more` is an object.
metrics::HttpReply admin_error(metrics::HttpStatus status, std::string_view text,
                               nlohmann::json more);

}  // namespace proxy
