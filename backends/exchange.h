// One connection's small questions and answers: what Transport::exchange() promises, without the
// sending and the receiving, which are an engine's own. Kept in an engine's table of exchanges; the
// worker's thread only. Only monitors exchange, so it may allocate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/transport.h"
#include "base/errno.h"

namespace backends {

class Exchange {
 public:
  enum class Stage : std::uint8_t {
    kIdle,       // None is under way.
    kSending,    // Some of the request has not left: unsent(), sent().
    kReceiving,  // Bytes of a reply are awaited: room(), received().
    kAnswered    // Its event waits for take_answer().
  };

  // kIdle; the sizes are at most kExchangeMax.
  void begin(std::span<const std::byte> request, std::size_t reply_bytes_max, Tag tag);
  Stage stage() const { return stage_; }

  // Never empty while kSending. sent() tells how many of its first bytes have left.
  std::span<const std::byte> unsent() const { return std::span(request_).subspan(sent_); }
  void sent(std::size_t bytes);

  // How many bytes may be received at most; never 0 while kReceiving.
  std::size_t room() const { return reply_bytes_max_ - reply_.size(); }
  // Not empty.
  void received(std::span<const std::byte> bytes);

  // There will be nothing more.
  void fail(base::Errno error);

  // The kExchanged of an exchange that is kAnswered; the next one may begin.
  Event take_answer();

  // What has been received so far, at most reply_bytes_max of the last exchange.
  std::span<const std::byte> reply() const;

 private:
  void request_left();
  void answer(base::Errno error);

  std::vector<std::byte> request_;
  std::size_t sent_ = 0;
  std::vector<std::byte> reply_;
  std::size_t reply_bytes_max_ = 0;
  Tag tag_;
  base::Errno error_ = base::Errno::kNone;
  Stage stage_ = Stage::kIdle;
};

}  // namespace backends
