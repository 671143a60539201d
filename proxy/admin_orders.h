// Orders to the whole program through the admin API: reload, drain, the log's level. Main thread.
#pragma once

#include <string_view>

#include "metrics/http_site.h"
#include "proxy/admin_operations.h"
#include "proxy/instance.h"
#include "proxy/log.h"

namespace proxy {

// {"overrides":"drop|keep"}: the file again, as SIGHUP does it.
metrics::HttpReply order_reload(Instance& instance, AdminOperations& program,
                                std::string_view body);

// {"for":"30s"}: as SIGTERM does it.
metrics::HttpReply order_drain(AdminOperations& program, std::string_view body);

metrics::HttpReply show_log(const Log& log);
// {"level":"debug|info|warning|error"}: until the next reload or change.
metrics::HttpReply set_log(Log& log, std::string_view body);

}  // namespace proxy
