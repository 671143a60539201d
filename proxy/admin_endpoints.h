// Overrides of endpoints through the admin API. Main thread.
#pragma once

#include <string>
#include <string_view>

#include "metrics/http_site.h"
#include "proxy/instance.h"

namespace proxy {

// {"state":"ready|drain|maintenance"} and/or {"weight":0..1000 or null}; what is not there stays as
// it was ordered before. The answer is the endpoint as the status document has it.
metrics::HttpReply override_endpoint(Instance& instance, const std::string& upstream,
                                     const std::string& address, std::string_view body);

}  // namespace proxy
