// A running Millrace: logs, engine, workers and the metrics port, put together and taken apart in
// the right order. `millrace run` has one, and so has the demo. On the main thread.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "backends/transport_factory.h"
#include "base/inherited_sockets.h"
#include "base/result.h"
#include "config/config.h"
#include "config/problem.h"
#include "metrics/http_server.h"
#include "metrics/http_stats.h"
#include "proxy/access_log.h"
#include "proxy/admin_stats.h"
#include "proxy/collector.h"
#include "proxy/log.h"
#include "proxy/log_output.h"
#include "proxy/program_status.h"
#include "proxy/supervisor.h"
#include "proxy/worker_metrics.h"

namespace proxy {

struct InstanceOptions {
  // Listening sockets that the service manager opened, for listeners and the metrics port; what
  // nobody wants is closed once the instance serves. Outlives the instance. Null: there are none.
  base::InheritedSockets* sockets = nullptr;
  // Called when the engine is there and no thread of ours is yet: the moment to give up rights. An
  // error of it is make()'s.
  std::function<base::Parsed<void>()> confine;
};

class Instance {
 public:
  using Problems = std::vector<config::Problem>;

  // Puts together what does not depend on the machine's good will; start() does the rest. output
  // must outlive the instance. The error: the engine that was asked for cannot be had, or that of
  // options.confine.
  static base::Parsed<std::unique_ptr<Instance>> make(LogOutput& output,
                                                      const config::Config& config,
                                                      const InstanceOptions& options = {});
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  // Ends every session that is left, at once.
  ~Instance();

  // Serves when the result is empty; otherwise nothing does, and these are the reasons.
  Problems start(config::Config config);

  // Puts another configuration in force, or says why not and changes nothing. Live sessions of what
  // stays go on in either case.
  Problems reload(config::Config config, KeepOverrides keep = KeepOverrides::kDrop);
  // The file could not even be loaded: counts and remembers that the reload was refused.
  void refuse_reload();

  // After a rotation of its file (SIGUSR1).
  void reopen_access_log() { supervisor_->reopen_access_log(); }

  // As the supervisor's.
  base::Parsed<void> override_endpoint(const std::string& upstream, const std::string& endpoint,
                                       EndpointOverride value);
  const Overrides& overrides() const { return supervisor_->overrides(); }

  // As the supervisor's: the sessions of all workers.
  SessionPage sessions(const SessionFilter& filter, SessionCursor from, std::size_t rows_max) {
    return supervisor_->sessions(filter, from, rows_max);
  }
  std::optional<SessionRow> session(const SessionName& name) { return supervisor_->session(name); }
  bool end_session(const SessionName& name) { return supervisor_->end_session(name); }
  std::size_t end_sessions(const SessionFilter& filter) {
    return supervisor_->end_sessions(filter);
  }

  // Readable when the DNS may have changed endpoints: call follow_dns().
  int dns_fd() const { return supervisor_->dns_fd(); }
  void follow_dns();

  // As the supervisor's: whether the workers turn.
  void ask_workers() { supervisor_->ask_workers(); }
  bool workers_answered() const { return supervisor_->workers_answered(); }
  // Open now, on all workers.
  std::int64_t sessions() const;

  // From now on /readyz says 503 and no client is accepted; what is left ends after drain_for.
  void drain(base::Nanos drain_for);
  bool finished() const { return supervisor_->finished(); }
  int finished_fd() const { return supervisor_->finished_fd(); }

  // The status document as it is now (status_document.h). Any thread.
  nlohmann::json status() const;

  Log& log() { return log_; }
  std::string_view engine() const { return factory_->engine(); }
  AdminStats& admin_stats() { return admin_stats_; }
  const MetricsCatalog& catalog() const { return catalog_; }
  // In force; after start().
  const SnapshotPtr& snapshot() const { return supervisor_->snapshot(); }
  // After start().
  const base::Address& metrics_address() const { return http_server_->address(); }

 private:
  Instance(LogOutput& output, const config::Config& config,
           std::unique_ptr<backends::TransportFactory> factory, base::InheritedSockets* sockets);

  Problems adopt_sockets(const config::Config& config);
  void close_unwanted_sockets();
  base::Parsed<void> serve_metrics(const base::Address& bind);

  Log log_;
  std::vector<int> cpus_;
  std::unique_ptr<backends::TransportFactory> factory_;
  base::InheritedSockets* sockets_;
  MetricsCatalog catalog_;
  AccessLog access_log_;
  ProgramStatus status_;
  metrics::HttpStats http_stats_;
  AdminStats admin_stats_;
  Collector collector_;
  std::unique_ptr<metrics::HttpServer> http_server_;  // Before the workers go: it says "draining".
  std::unique_ptr<Supervisor> supervisor_;
};

}  // namespace proxy
