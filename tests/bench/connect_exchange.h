// Short sessions: connect, one small message there and back, close. A fixed number of slots, each
// starting the next session when its last one has ended. Latency: from before connect(2) until the
// reply is complete.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "tests/bench/load.h"
#include "tests/bench/socket.h"

namespace bench {

class ConnectExchange final : public Load {
 public:
  explicit ConnectExchange(const LoadOptions& options);
  void run(const Gate& gate, Outcome& outcome) override;

 private:
  enum class State : std::uint8_t { kFree, kConnecting, kAwaitingReply, kAwaitingEnd };
  struct Slot {
    base::UniqueFd fd;
    State state = State::kFree;
    base::Nanos started{0};
    std::size_t received = 0;
  };

  void sessions(base::Nanos duration, Outcome& outcome);
  void start(std::size_t index, Outcome& outcome);
  void step(std::size_t index, Outcome& outcome);
  void connected(std::size_t index, Outcome& outcome);
  void read_reply(std::size_t index, Outcome& outcome);
  void read_end(std::size_t index, Outcome& outcome);
  void replied(std::size_t index, Outcome& outcome);
  void finish(std::size_t index, Outcome& outcome);
  void fail(std::size_t index, std::string_view what, base::Errno why, Outcome& outcome);
  void release(Slot& slot);

  LoadOptions options_;
  Poller poller_;
  std::vector<Slot> slots_;
  std::vector<char> message_;
  std::vector<char> reply_;
  base::Nanos end_{0};
  std::size_t busy_ = 0;
};

}  // namespace bench
