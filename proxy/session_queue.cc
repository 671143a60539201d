#include "proxy/session_queue.h"

#include "base/assert.h"
#include "proxy/shared_limit.h"

namespace proxy {

bool SessionQueue::join(Waiter& waiter, std::uint32_t places, base::Nanos now) {
  CHECK(!waiter.waiting_);
  if (places == 0) return false;
  if (!take_place(*series_, *own_, &UpstreamCells::queued, places)) return false;
  waiter.waiting_ = true;
  waiter.joined_ = now;
  waiter.next_ = nullptr;
  waiter.prev_ = last_;
  (last_ == nullptr ? first_ : last_->next_) = &waiter;
  last_ = &waiter;
  ++size_;
  return true;
}

void SessionQueue::leave(Waiter& waiter, base::Nanos now) {
  CHECK(waiter.waiting_);
  (waiter.prev_ == nullptr ? first_ : waiter.prev_->next_) = waiter.next_;
  (waiter.next_ == nullptr ? last_ : waiter.next_->prev_) = waiter.prev_;
  waiter.waiting_ = false;
  --size_;
  free_place(*own_, &UpstreamCells::queued);
  own_->queue_time.observe(now - waiter.joined_);
}

}  // namespace proxy
