// The monitor with its thread and a transport of its own: made, run and joined. Both are made on
// the thread itself, because some engines may be used only by the thread that made them. Owned by
// the supervisor, on the main thread. It starts before the workers, and stops turning before they
// go; but it goes after them, because they wake it.
#pragma once

#include <future>
#include <memory>
#include <thread>

#include "backends/transport_factory.h"
#include "base/result.h"
#include "proxy/monitor.h"

namespace proxy {

class MonitorThread {
 public:
  // options.checks_max also sizes the transport. factory must outlive the thread.
  MonitorThread(const MonitorOptions& options, const MonitorLinks& links,
                backends::TransportFactory& factory);
  MonitorThread(const MonitorThread&) = delete;
  MonitorThread& operator=(const MonitorThread&) = delete;
  // Nobody may leave evidence any more.
  ~MonitorThread();

  // Waits until the monitor runs. The reason when it cannot. Once, and before the rest.
  base::Parsed<void> started() { return started_.get_future().get(); }

  // The engine it has. After started() succeeded.
  std::string_view engine() const { return transport_->name(); }

  // Watches what the configuration names from now on; returns when its first verdicts are written.
  void apply(SnapshotPtr snapshot);

  // After its last turn: no worker is told anything any more. Idempotent.
  void stop();

 private:
  void run();
  void tell(MonitorCommand::Kind kind, SnapshotPtr snapshot);

  MonitorOptions options_;
  MonitorLinks links_;
  backends::TransportFactory& factory_;
  std::unique_ptr<backends::Transport> transport_;
  std::unique_ptr<Monitor> monitor_;
  std::promise<base::Parsed<void>> started_;
  std::promise<void> stopped_;   // The last turn is over.
  std::promise<void> released_;  // Nobody needs its transport any more.
  bool stop_told_ = false;
  std::thread thread_;  // Last: it uses all of the above.
};

}  // namespace proxy
