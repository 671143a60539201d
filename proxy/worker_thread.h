// A worker with its thread: made, pinned, run and joined. The transport and the worker are made and
// taken apart on the thread itself, because some engines may be used only by the thread that made
// them. Owned by the supervisor, on the main thread.
#pragma once

#include <cstddef>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "backends/transport_factory.h"
#include "proxy/worker.h"

namespace proxy {

struct WorkerThreadOptions {
  WorkerOptions worker;
  backends::TransportOptions transport;
  std::optional<int> cpu;  // Pinned to it; unset: the kernel decides.
  int finished_fd = -1;    // An eventfd(2), raised when the worker has drained. Stays the caller's.
};

class WorkerThread {
 public:
  WorkerThread(const WorkerThreadOptions& options, backends::TransportFactory& factory,
               WorkerCells& cells);
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;
  // The worker must have been told to drain, or never have started.
  ~WorkerThread();

  // Waits until the worker runs. The reason when it cannot.
  base::Parsed<void> started();
  // Not pinned though it was asked for: containers may forbid it. After started().
  base::Errno pin_error() const { return pin_error_; }

  // The answer comes when the command has been carried out. After started() succeeded.
  std::future<std::optional<BindFailure>> post(Command::Kind kind, SnapshotPtr snapshot,
                                               base::Nanos drain_for);
  // The same for a command that is filled in already but for its promise.
  std::future<std::optional<BindFailure>> post(Command command);
  // As the worker's. After started() succeeded.
  bool announce_verdicts() { return worker_->announce_verdicts(); }
  bool finished() const { return finished_; }

 private:
  void run();

  WorkerThreadOptions options_;
  backends::TransportFactory& factory_;
  WorkerCells& cells_;
  std::unique_ptr<backends::Transport> transport_;
  std::unique_ptr<Worker> worker_;
  base::Errno pin_error_ = base::Errno::kNone;
  std::promise<base::Parsed<void>> started_;
  std::promise<void> released_;  // Nobody posts any more.
  std::atomic<bool> finished_ = false;
  std::thread thread_;  // Last: it uses all of the above.
};

}  // namespace proxy
