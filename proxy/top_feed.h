// Asks for the status document again and again on a thread of its own, so that a program that does
// not answer keeps no key waiting. Owned by the loop of `millrace top`, which takes the answers.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"
#include "proxy/top_status.h"

namespace proxy {

class TopFeed {
 public:
  using Answer = base::Parsed<TopStatus>;
  // Called on the feed's thread. Must end by itself: the destructor waits for it.
  using Ask = std::function<Answer()>;

  // Asks at once, and then so long after the last answer was asked for; at once after one that took
  // longer.
  TopFeed(Ask ask, base::Nanos interval);
  ~TopFeed();
  TopFeed(const TopFeed&) = delete;
  TopFeed& operator=(const TopFeed&) = delete;

  // Readable when take() has something.
  int fd() const { return news_.get(); }
  // The newest answer that was not taken yet, or nothing. Never waits.
  std::optional<Answer> take();

 private:
  void run();

  Ask ask_;
  base::Nanos interval_;
  base::UniqueFd news_;
  base::UniqueFd stop_;
  std::mutex mutex_;
  std::optional<Answer> answer_;
  std::thread thread_;
};

}  // namespace proxy
