// Starts the monitor and the workers, gives them each accepted configuration in two steps, and
// stops them. It is the only place that knows all workers. Owned by main, on the main thread; the
// monitor announces its verdicts on its own.
#pragma once

#include <cstddef>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/transport_factory.h"
#include "base/fd.h"
#include "base/result.h"
#include "config/config.h"
#include "config/problem.h"
#include "proxy/access_log.h"
#include "proxy/claims.h"
#include "proxy/dns_upstreams.h"
#include "proxy/evidence.h"
#include "proxy/log.h"
#include "proxy/monitor_thread.h"
#include "proxy/overrides.h"
#include "proxy/session_view.h"
#include "proxy/snapshot.h"
#include "proxy/worker_metrics.h"
#include "proxy/worker_thread.h"

namespace proxy {

// What a reload does with the operator's overrides.
enum class KeepOverrides : std::uint8_t { kDrop, kKeep };

class Supervisor final : private Announcer {
 public:
  using Problems = std::vector<config::Problem>;

  // What a configuration asks for: CPUs to run on, one worker each. Never empty.
  static std::vector<int> worker_cpus(const config::Workers& workers);

  // Starts the workers, which wait for a first configuration. catalog has one worker for each of
  // cpus. All references must outlive the supervisor.
  Supervisor(backends::TransportFactory& factory, MetricsCatalog& catalog, AccessLog& access_log,
             Log& log);
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  // Ends every session that is left, at once.
  ~Supervisor() override;

  // receive_buffers_bytes: of each worker, as in backends::TransportOptions. The reason when a
  // worker cannot run: then no worker does.
  base::Parsed<void> start(const std::vector<int>& cpus, std::size_t receive_buffers_bytes = 0);

  // Puts a configuration in force on all workers. When it cannot be, the problems at their places
  // in the file, and nothing has changed. Overrides that are kept go with their endpoints: those
  // that the configuration does not have any more are dropped, with a line in the log.
  Problems apply(config::Config config, KeepOverrides keep = KeepOverrides::kDrop);

  // Puts an override in force on all workers, under the same configuration and generation; an empty
  // one takes it away. The error says what would be right, and nothing has changed.
  base::Parsed<void> override_endpoint(const std::string& upstream, const std::string& endpoint,
                                       EndpointOverride value);
  const Overrides& overrides() const { return overrides_; }

  // After a rotation: the file by its name anew. What cannot be opened is logged and changes
  // nothing. After the first apply().
  void reopen_access_log();

  // Readable when the DNS may have changed endpoints: call follow_dns(). Stays the supervisor's.
  int dns_fd() const { return dns_.changed_fd(); }
  // Gives the workers the endpoints that the DNS has now, under the same configuration and the same
  // generation. True when there was a change to give.
  bool follow_dns();

  // A page of the sessions that fit, from a place on. It may hold fewer than rows_max though there
  // is a next one: a large table is gone through in pieces of time.
  SessionPage sessions(const SessionFilter& filter, SessionCursor from, std::size_t rows_max);
  // Nothing when it has ended.
  std::optional<SessionRow> session(const SessionName& name);
  // Ends it by a reset. False when it has ended.
  bool end_session(const SessionName& name);
  // All that fit now, a few in each turn of a worker; how many.
  std::size_t end_sessions(const SessionFilter& filter);

  // Stops accepting, and ends what is left after drain_for (kForever: never). Again: a new
  // deadline.
  void drain(base::Nanos drain_for);
  bool draining() const { return draining_; }
  // No worker has anything left to do.
  bool finished() const;
  // Readable when a worker may have finished: look at finished(), and read it empty.
  int finished_fd() const { return finished_fd_.get(); }

  // Asks every worker for an answer, without waiting for it: workers_answered() tells. To be asked
  // again only when all have answered.
  void ask_workers();
  // All that were asked last have answered, or have nothing left to do.
  bool workers_answered() const;

  // In force; null before the first apply().
  const SnapshotPtr& snapshot() const { return snapshot_; }

 private:
  // Takes the snapshot over on all workers, or on none.
  Problems put_in_force(const SnapshotPtr& next);
  std::unique_ptr<AccessSink> open_access_log(const config::Log& options, Problems& problems);
  bool announce_verdicts() override;
  bool answered(std::size_t worker, Command command);
  std::size_t end_on(std::size_t worker, std::vector<base::SlotId> slots);

  base::Parsed<void> start_monitor(std::size_t workers, std::size_t checks_max);
  base::Parsed<void> keep_running_workers();
  Overrides overrides_for(const config::Config& config, KeepOverrides keep) const;
  void log_dropped_overrides(const Overrides& kept);
  base::Parsed<void> knows(const std::string& upstream, const std::string& endpoint) const;
  void put_in_force_again(const Overrides& overrides);
  Problems prepare_everywhere(const SnapshotPtr& snapshot);
  void tell_all(Command::Kind kind);
  void log_engines(std::size_t sessions_max);
  void log_listeners(const Snapshot& snapshot);

  backends::TransportFactory& factory_;
  MetricsCatalog& catalog_;
  AccessLog& access_log_;
  Log& log_;
  Claims claims_;
  DnsUpstreams dns_;
  Overrides overrides_;
  base::UniqueFd finished_fd_;
  SnapshotPtr snapshot_;
  bool draining_ = false;
  // Workers wake the monitor through their log and it posts to them: it stops before they go, and
  // goes after them.
  std::vector<std::unique_ptr<EvidenceLog>> evidence_;  // One of each worker.
  std::unique_ptr<MonitorThread> monitor_;
  std::vector<std::unique_ptr<WorkerThread>> workers_;
  // Of ask_workers(), by worker; invalid where it had finished.
  std::vector<std::future<std::optional<BindFailure>>> pings_;
};

}  // namespace proxy
