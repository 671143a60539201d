// One thread, one core, one transport, and everything it touches. Workers share nothing but
// immutable snapshots and counters that others may read. step() is one turn of the loop; run()
// turns it until the worker has drained. The simulator calls step() itself.
//
// Owned by the supervisor. Everything happens on the worker's thread, except post().
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <future>
#include <optional>

#include "backends/transport.h"
#include "base/mailbox.h"
#include "proxy/access_log.h"
#include "proxy/evidence.h"
#include "proxy/pools.h"
#include "proxy/roster.h"
#include "proxy/session_runner.h"
#include "proxy/worker_metrics.h"

namespace proxy {

// What main says to a worker. done is fulfilled when it has been carried out.
struct Command {
  enum class Kind : std::uint8_t {
    kPrepare,   // Listen on what is new in the snapshot; the answer may be a failure.
    kCommit,    // Take over the prepared snapshot,
    kAbandon,   // or drop it: another worker could not.
    kDrain,     // Stop accepting; end what is left after drain_for (kForever: never). Again: a new
                // deadline.
    kVerdicts,  // The monitor has changed its mind about some endpoints: look at them again.
    kList,      // Fill in the slice,
    kEnd,       // or end these sessions: the admin API has asked.
    kPing       // Nothing but the answer: the worker turns.
  };
  Kind kind = Kind::kCommit;
  SnapshotPtr snapshot;
  base::Nanos drain_for{0};
  SessionSlice* slice = nullptr;    // Of kList and kEnd: main's, which waits for done and keeps it
  SessionEnding* ending = nullptr;  // until then.
  std::promise<std::optional<BindFailure>> done;
};

struct WorkerOptions {
  std::size_t index = 0;
  std::size_t sessions_max = 4096;
  std::uint64_t seed = 0;           // Of the balancers.
  AccessLog* access_log = nullptr;  // Null: never.
  EvidenceLog* evidence = nullptr;  // To the monitor; null: there is none.
  std::size_t pooled_max = 1024;    // Connections of its pools.
};

class Worker {
 public:
  Worker(const WorkerOptions& options, backends::Transport& transport, WorkerCells& cells);

  // Any thread. False when the mailbox is full (kMailbox commands that nobody has read).
  bool post(Command command);
  // The monitor's thread: the worker will see every verdict that was written before this call. One
  // kVerdicts at most is in the mailbox, so that there is always room for main. False when there is
  // none: call again.
  bool announce_verdicts();

  // One turn: waits for events for at most wait_max, handles them, timers, and the mailbox.
  void step(base::Nanos wait_max);
  // The latest time for the next step(), if no event comes before.
  base::Nanos next_deadline() const;
  // Drained: nothing is left to do.
  bool finished() const;

  void run();

  std::size_t sessions() const { return runner_.size(); }

 private:
  static constexpr std::size_t kMailbox = 64;

  void handle(const backends::Event& event);
  void accept(const backends::Event& event);
  void connected(backends::Event event);
  void closed(const backends::Event& event);
  void count_pause(const backends::Event& event, bool paused);
  void read_mailbox();
  void execute(Command& command);
  void end_sessions(SessionEnding& ending);
  void drain();
  void clean();
  void account(base::Nanos turn_began);

  backends::Transport& transport_;
  WorkerCells& cells_;
  AccessLog* access_log_;
  Roster roster_;
  Pools pools_;
  SessionRunner runner_;
  base::Mailbox<Command> mailbox_{kMailbox};
  std::atomic<bool> verdicts_announced_ = false;  // kVerdicts is in the mailbox.
  bool hurry_ = false;                        // Work is left over: do not wait in the next poll.
  std::optional<base::Nanos> next_cleaning_;  // Something removed may still be in use until then.
  std::optional<base::Nanos> drain_deadline_;
  std::uint32_t drain_turns_ = 0;
  base::Nanos next_packet_numbers_{0};
  // The engine has such numbers: they change without an event, so the worker does not wait for one.
  bool counts_packets_ = false;
  base::Nanos waited_before_{0};
};

}  // namespace proxy
