// As many bytes as will go, one way, over a few streams, for a bounded time; then the two ends
// compare how many there were. Up: the client sends, ends, and is told the count. Down: the client
// asks for amounts, ends, and counts what comes until the end of file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "tests/bench/load.h"
#include "tests/bench/socket.h"
#include "tests/bench/wire.h"

namespace bench {

enum class BulkDirection : std::uint8_t { kUp, kDown };

class Bulk final : public Load {
 public:
  Bulk(const LoadOptions& options, BulkDirection direction);
  void run(const Gate& gate, Outcome& outcome) override;

 private:
  enum class State : std::uint8_t { kMoving, kEnding, kDone };
  struct Stream {
    base::UniqueFd fd;
    State state = State::kMoving;
    std::uint64_t moved = 0;
    std::uint64_t requested = 0;  // Down.
    WireNumber count{};           // Up: the server's count, and how much of it is there.
    std::size_t count_bytes = 0;
  };

  void connect(Outcome& outcome);
  void step(std::size_t index, Outcome& outcome);
  void end_all(Outcome& outcome);
  void send(Stream& stream, Outcome& outcome);
  void read_count(Stream& stream, Outcome& outcome);
  void request(Stream& stream, Outcome& outcome);
  void receive(Stream& stream, Outcome& outcome);
  void settle(Stream& stream, bool complete, Outcome& outcome);
  void fail(Stream& stream, std::string_view what, base::Errno why, Outcome& outcome);

  LoadOptions options_;
  BulkDirection direction_;
  Poller poller_;
  std::vector<Stream> streams_;
  std::vector<char> payload_;
  std::size_t open_ = 0;
};

}  // namespace bench
