#include "proxy/admin_queue.h"

#include <sys/eventfd.h>

#include <algorithm>

#include "base/assert.h"

namespace proxy {

AdminQueue::AdminQueue() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { CHECK(event_); }

AdminQueue::Outcome AdminQueue::ask(AdminCall call, base::Nanos patience) {
  Waiting mine{.call = std::move(call), .reply = {}};
  std::unique_lock lock(mutex_);
  if (closed_) return {.reply = {}, .refusal = AdminRefusal::kStopping};
  if (waiting_.size() == kCallsMax) return {.reply = {}, .refusal = AdminRefusal::kQueueFull};
  waiting_.push_back(&mine);
  static_cast<void>(eventfd_write(event_.get(), 1));
  const auto is_over = [&] { return mine.over; };
  if (!changed_.wait_for(lock, patience, is_over)) {
    const auto place = std::find(waiting_.begin(), waiting_.end(), &mine);
    if (place != waiting_.end()) {
      waiting_.erase(place);
      return {.reply = {}, .refusal = AdminRefusal::kTimeout};
    }
    changed_.wait(lock, is_over);  // Main is at it: what it does is done, so its answer counts.
  }
  return {.reply = std::move(mine.reply), .refusal = AdminRefusal::kStopping};
}

const AdminCall* AdminQueue::take() {
  const std::lock_guard lock(mutex_);
  CHECK(taken_ == nullptr);
  if (waiting_.empty()) {
    eventfd_t calls = 0;
    static_cast<void>(eventfd_read(event_.get(), &calls));
    return nullptr;
  }
  taken_ = waiting_.front();
  waiting_.pop_front();
  return &taken_->call;
}

void AdminQueue::answer(metrics::HttpReply reply) {
  const std::lock_guard lock(mutex_);
  CHECK(taken_ != nullptr);
  taken_->reply = std::move(reply);
  taken_->over = true;
  taken_ = nullptr;
  changed_.notify_all();
}

void AdminQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (Waiting* each : waiting_) each->over = true;
  waiting_.clear();
  changed_.notify_all();
}

}  // namespace proxy
