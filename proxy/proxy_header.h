// Headers of the PROXY protocol (haproxy.org/download/2.8/doc/proxy-protocol.txt) that Millrace
// writes to an endpoint before anything else. Plain values, any thread.
#pragma once

#include <string_view>

#include "config/config.h"

namespace proxy {

// For a connection that Millrace makes on its own account, as a health check does: the endpoint
// shall take it as what it is. Version 2 has a command for that, LOCAL; version 1 has none, and
// says that it knows no client (UNKNOWN), which receivers must accept (section 2.1). Empty for
// kOff. Valid for ever.
std::string_view local_proxy_header(config::ProxyProtocol version);

}  // namespace proxy
