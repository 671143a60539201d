// The admin API as its http thread sees it: who may ask, what there is to ask, and how much of it.
// What passes goes through the queue to the main thread. Owned by the admin's HttpServer.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/time.h"
#include "metrics/http_site.h"
#include "proxy/admin_queue.h"
#include "proxy/admin_stats.h"
#include "proxy/admin_token.h"

namespace proxy {

class AdminSite final : public metrics::HttpSite {
 public:
  // How long a request waits for the main thread to begin with it. A reload of a thousand upstreams
  // takes a tenth of a second.
  static constexpr base::Nanos kPatience = std::chrono::seconds(10);

  // All must outlive the site. token: null where none is asked for.
  AdminSite(AdminQueue& queue, AdminStats& stats, const SharedToken* token)
      : queue_(queue), stats_(stats), token_(token) {}

  metrics::HttpAdmission admit(const metrics::HttpRequest& head) override;
  metrics::HttpReply answer(const metrics::HttpRequest& request) override;
  metrics::HttpReply too_long(const metrics::HttpRequest& head,
                              std::size_t body_bytes_max) override;
  metrics::HttpReply too_many(const metrics::HttpRequest& head) override;

 private:
  metrics::HttpReply refuse(AdminRefusal reason, std::string_view text);

  AdminQueue& queue_;
  AdminStats& stats_;
  const SharedToken* token_;
};

}  // namespace proxy
