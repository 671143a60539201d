#include "backends/exchange.h"

#include <algorithm>
#include <cerrno>

#include "base/assert.h"

namespace backends {

void Exchange::begin(std::span<const std::byte> request, std::size_t reply_bytes_max, Tag tag) {
  CHECK(stage_ == Stage::kIdle);
  CHECK(request.size() <= kExchangeMax && reply_bytes_max <= kExchangeMax);
  request_.assign(request.begin(), request.end());
  sent_ = 0;
  reply_bytes_max_ = reply_bytes_max;
  tag_ = tag;
  stage_ = Stage::kSending;
  if (request_.empty()) request_left();
}

void Exchange::sent(std::size_t bytes) {
  CHECK(stage_ == Stage::kSending && bytes <= unsent().size());
  sent_ += bytes;
  if (sent_ == request_.size()) request_left();
}

void Exchange::request_left() {
  if (reply_bytes_max_ == 0) {
    answer(base::Errno::kNone);
  } else if (reply_.size() >= reply_bytes_max_) {
    // Waiting for what there is no room for would be waiting for ever.
    answer(base::to_errno(ENOBUFS));
  } else {
    stage_ = Stage::kReceiving;
  }
}

void Exchange::received(std::span<const std::byte> bytes) {
  CHECK(stage_ == Stage::kReceiving && !bytes.empty() && bytes.size() <= room());
  reply_.insert(reply_.end(), bytes.begin(), bytes.end());
  answer(base::Errno::kNone);
}

void Exchange::fail(base::Errno error) {
  CHECK(error != base::Errno::kNone);
  answer(error);
}

void Exchange::answer(base::Errno error) {
  error_ = error;
  stage_ = Stage::kAnswered;
}

Event Exchange::take_answer() {
  CHECK(stage_ == Stage::kAnswered);
  stage_ = Stage::kIdle;
  return {.kind = EventKind::kExchanged, .error = error_, .tag = tag_};
}

std::span<const std::byte> Exchange::reply() const {
  return std::span(reply_).first(std::min(reply_.size(), reply_bytes_max_));
}

}  // namespace backends
