// The admin API on the main thread: each call of the queue, done and answered. Owned by the
// program.
#pragma once

#include "metrics/http_site.h"
#include "proxy/admin_operations.h"
#include "proxy/admin_queue.h"
#include "proxy/instance.h"

namespace proxy {

class AdminApi {
 public:
  // Both must outlive the API. The instance has been started.
  AdminApi(Instance& instance, AdminOperations& program) : instance_(instance), program_(program) {}

  // Does what is asked. What changes something is logged with who asked for it.
  metrics::HttpReply answer(const AdminCall& call);

 private:
  metrics::HttpReply perform(const AdminCall& call);
  metrics::HttpReply show_upstream(const std::string& name);

  Instance& instance_;
  AdminOperations& program_;
};

}  // namespace proxy
