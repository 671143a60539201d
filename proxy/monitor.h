// Watches the endpoints of every upstream: asks them (health_checker.h), hears what sessions met
// (evidence.h, outlier_detector.h), and tells the workers who may be used (verdicts.h). A worker
// without listeners: step() is one turn of its loop, run() turns it until it is told to stop, the
// simulator calls step() itself. With nothing to watch it sleeps.
//
// Owned by its thread (monitor_thread.h). Everything happens there, except post().
#pragma once

#include <cstddef>
#include <cstdint>
#include <future>
#include <vector>

#include "backends/transport.h"
#include "base/mailbox.h"
#include "proxy/evidence.h"
#include "proxy/health_checker.h"
#include "proxy/outlier_detector.h"
#include "proxy/verdicts.h"

namespace proxy {

// What main says to the monitor. done is fulfilled when it has been carried out.
struct MonitorCommand {
  enum class Kind : std::uint8_t {
    kApply,  // Watch what this configuration names. Its first verdicts are written when done is.
    kStop    // No more turns.
  };
  Kind kind = Kind::kStop;
  SnapshotPtr snapshot;
  std::promise<void> done;
};

struct MonitorOptions {
  std::size_t checks_max = 512;  // Under way at one time; each takes a descriptor.
  std::uint64_t seed = 0;        // Of jitter.
};

// What the monitor is connected to. All must outlive it.
struct MonitorLinks {
  std::vector<EvidenceLog*> evidence;  // One of each worker.
  Announcer* announcer = nullptr;      // To the workers.
  Log* log = nullptr;                  // Null: none.
  MonitorTotals* totals = nullptr;
};

class Monitor {
 public:
  Monitor(const MonitorOptions& options, const MonitorLinks& links, backends::Transport& transport);
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;
  ~Monitor() = default;

  // Any thread. False when the mailbox is full (kMailbox commands that nobody has read).
  bool post(MonitorCommand command);

  // One turn: waits for events for at most wait_max, handles them, the mailbox, evidence, timers.
  void step(base::Nanos wait_max);
  // The latest time for the next step(), if no event comes before.
  base::Nanos next_deadline() const;
  bool finished() const { return stopped_; }

  void run();

 private:
  static constexpr std::size_t kMailbox = 8;  // Main waits for each answer.

  void handle(const backends::Event& event);
  void read_mailbox();
  void read_evidence();
  void account(base::Nanos turn_began);

  MonitorLinks links_;
  backends::Transport& transport_;
  Verdicts verdicts_;
  HealthChecker checker_;
  OutlierDetector outliers_;
  base::Mailbox<MonitorCommand> mailbox_{kMailbox};
  bool stopped_ = false;
  std::uint64_t changes_seen_ = 0;
  base::Nanos waited_before_{0};
};

}  // namespace proxy
