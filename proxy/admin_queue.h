// How a request of the admin API gets from its http thread to the main thread and its answer back.
// Main alone may touch the supervisor, so nothing of it needs a lock. Owned by AdminServer; ask()
// is the http thread's side, everything else is main's.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/time.h"
#include "metrics/http_site.h"
#include "proxy/admin_routes.h"
#include "proxy/admin_stats.h"

namespace proxy {

// A request that is known, allowed and well formed.
struct AdminCall {
  const AdminRoute* route = nullptr;
  std::vector<std::string> names;
  std::vector<std::pair<std::string, std::string>> query;
  std::string body;
  std::string target;  // For the log, like client; both printable.
  std::string client;
};

class AdminQueue {
 public:
  // Calls that may wait for main at a time. One http thread asks one at a time; this is for more.
  static constexpr std::size_t kCallsMax = 16;

  AdminQueue();
  AdminQueue(const AdminQueue&) = delete;
  AdminQueue& operator=(const AdminQueue&) = delete;

  // Main's answer, or why there is none: kQueueFull, kTimeout when main has not begun with it after
  // patience (then it never will), kStopping after close(). Waits for it.
  struct Outcome {
    std::optional<metrics::HttpReply> reply;
    AdminRefusal refusal = AdminRefusal::kStopping;  // Without a reply.
  };
  Outcome ask(AdminCall call, base::Nanos patience);

  // Readable when there may be a call to take.
  int fd() const { return event_.get(); }
  // The oldest call, which is main's to answer from now on; null: there is none.
  const AdminCall* take();
  // Answers the call that take() gave last.
  void answer(metrics::HttpReply reply);
  // Nothing is answered any more; whoever waits is told so.
  void close();

 private:
  // On the stack of the thread that asks, which stays there until it is done.
  struct Waiting {
    AdminCall call;
    std::optional<metrics::HttpReply> reply;
    bool over = false;  // Answered, or closed.
  };

  base::UniqueFd event_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting*> waiting_;
  Waiting* taken_ = nullptr;
  bool closed_ = false;
};

}  // namespace proxy
