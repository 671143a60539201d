// What `millrace ctl` asks the admin API: docs/admin-api.md. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/ctl_options.h"

namespace proxy {

struct CtlRequest {
  std::string_view method = "GET";
  std::string target;
  std::string body;
};

// file_text: of kDiffConfig's file.
CtlRequest request_of(const CtlOptions& options, const std::string& file_text);

// The next page of sessions: how many of them, and where it goes on (empty: the first page).
CtlRequest page_request(const CtlOptions& options, std::size_t limit, const std::string& cursor);

}  // namespace proxy
