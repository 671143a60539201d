// Small messages there and back over connections that stay open. Closed loop: the next message
// leaves when the reply is complete. With a rate: message k is due at start + k / rate, whatever
// the replies do, and its latency counts from then, so a stall is charged to every message it
// delayed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/fd.h"
#include "tests/bench/load.h"
#include "tests/bench/socket.h"

namespace bench {

class PingPong final : public Load {
 public:
  explicit PingPong(const LoadOptions& options);
  void run(const Gate& gate, Outcome& outcome) override;

 private:
  struct Connection {
    base::UniqueFd fd;
    std::vector<char> reply;
    std::size_t received = 0;
    std::uint64_t due = 0;    // Messages that should have left in this run, by the schedule.
    std::uint64_t sent = 0;   // Messages that left in this run.
    base::Nanos intended{0};  // When the message under way should have left.
    bool waits_for_reply = false;
  };

  void connect(Outcome& outcome);
  void exchange(base::Nanos duration, Outcome& outcome);
  void release_due(base::Nanos now, Outcome& outcome);
  base::Nanos longest_wait(base::Nanos now) const;
  void send(std::size_t index, base::Nanos intended, Outcome& outcome);
  void read(std::size_t index, Outcome& outcome);
  void replied(std::size_t index, Outcome& outcome);
  void fail(Connection& connection, std::string_view what, base::Errno why, Outcome& outcome);
  base::Nanos intended_time(std::uint64_t message) const;
  void compose(std::size_t index, std::uint64_t sequence);
  bool paced() const { return options_.rate > 0; }

  LoadOptions options_;
  Poller poller_;
  std::vector<Connection> connections_;
  std::vector<char> message_;
  // The run under way.
  base::Nanos start_{0};
  base::Nanos end_{0};
  std::uint64_t released_ = 0;  // By the schedule.
  std::uint64_t scheduled_ = 0;
  std::size_t waiting_ = 0;  // Connections whose reply has not come.
};

}  // namespace bench
