#include "proxy/instance.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "config/diff.h"
#include "metrics/exposition.h"
#include "metrics/http_pages.h"
#include "metrics/page.h"
#include "metrics/status_page.h"
#include "proxy/status_document.h"

namespace proxy {
namespace {

std::string_view engine_name(config::TransportKind kind) {
  switch (kind) {
    case config::TransportKind::kAuto:
      return "auto";
    case config::TransportKind::kEpoll:
      return "epoll";
    case config::TransportKind::kIoUring:
      return "io_uring";
    case config::TransportKind::kDpdk:
      return "dpdk";
  }
  base::check_failed(__FILE__, __LINE__, "a transport of the enum");
}

// Means something only with an engine that has network ports of its own.
backends::PortSettings port_settings(const config::Config& config, const std::vector<int>& cpus) {
  const config::Dpdk& from = config.dpdk;
  backends::PortSettings to{.environment = from.eal,
                            .ports = from.ports,
                            .addresses = {},
                            .workers = cpus.size(),
                            .sessions_max = from.sessions_max,
                            .mss = static_cast<std::uint16_t>(from.mss),
                            .huge_pages = from.hugepages != config::HugePages::kOff,
                            .sleep_when_idle = from.idle == config::IdleMode::kSleep,
                            .capture_file = from.capture.file,
                            .capture_one_in = from.capture.one_in,
                            .capture_bytes_max = from.capture.bytes_max};
  for (const config::LocalAddress& each : from.addresses) {
    to.addresses.push_back({.ip = each.address.ip,
                            .prefix_bits = static_cast<std::uint8_t>(each.address.bits),
                            .port = static_cast<std::uint8_t>(each.port),
                            .gateway = each.gateway});
  }
  return to;
}

}  // namespace

base::Parsed<std::unique_ptr<Instance>> Instance::make(LogOutput& output,
                                                       const config::Config& config,
                                                       const InstanceOptions& options) {
  auto factory = backends::make_transport_factory(
      engine_name(config.transport),
      port_settings(config, Supervisor::worker_cpus(config.workers)));
  if (!factory) return base::failure(factory.error());
  if (options.confine) {
    if (auto confined = options.confine(); !confined) return base::failure(confined.error());
  }
  return std::unique_ptr<Instance>(
      new Instance(output, config, *std::move(factory), options.sockets));
}

Instance::Instance(LogOutput& output, const config::Config& config,
                   std::unique_ptr<backends::TransportFactory> factory,
                   base::InheritedSockets* sockets)
    : log_(output, config.log),
      cpus_(Supervisor::worker_cpus(config.workers)),
      factory_(std::move(factory)),
      sockets_(sockets),
      catalog_(cpus_.size()),
      access_log_(output, cpus_.size(), config.log),
      status_(factory_->engine()),
      collector_(status_, *factory_, catalog_, log_, access_log_, http_stats_, admin_stats_),
      supervisor_(std::make_unique<Supervisor>(*factory_, catalog_, access_log_, log_)) {}

Instance::~Instance() {
  // Workers first: their last records go into the access log, their last counts onto the page.
  supervisor_.reset();
  http_server_.reset();
}

Instance::Problems Instance::start(config::Config config) {
  const config::Bind metrics = config.metrics.bind;
  if (Problems problems = adopt_sockets(config); !problems.empty()) return problems;
  if (auto started = supervisor_->start(cpus_, config.io_uring.buffers_bytes); !started) {
    return {{.mark = config.workers.count_mark, .text = started.error()}};
  }
  Problems problems = supervisor_->apply(std::move(config));
  if (auto served = serve_metrics(metrics.address); !served) {
    problems.push_back({.mark = metrics.mark, .text = served.error()});
  }
  if (!problems.empty()) return problems;
  close_unwanted_sockets();
  status_.set_snapshot(supervisor_->snapshot());
  status_.ready = true;
  log_.info("metrics: http://{}/metrics", base::to_string(metrics_address()));
  return {};
}

// Sockets of the service manager are the kernel's; an engine with addresses of its own could never
// accept from them, and the kernel would.
Instance::Problems Instance::adopt_sockets(const config::Config& config) {
  if (sockets_ == nullptr || sockets_->empty()) return {};
  if (factory_->adopt(*sockets_, cpus_.size())) return {};
  Problems problems;
  for (const config::Listener& listener : config.listeners) {
    for (const config::Bind& bind : listener.bind) {
      if (!sockets_->has(bind.address)) continue;
      problems.push_back(
          {.mark = bind.mark,
           .text =
               "transport " + std::string(engine()) +
               " cannot use the socket that the service manager opened at " +
               base::to_string(bind.address) +
               ": the engine's addresses are not the kernel's; take it out of the socket unit"});
    }
  }
  return problems;
}

void Instance::close_unwanted_sockets() {
  if (sockets_ == nullptr) return;
  for (const std::string& socket : sockets_->close_rest()) {
    log_.warning("a socket of the service manager is closed: {}; no listener binds it", socket);
  }
}

base::Parsed<void> Instance::serve_metrics(const base::Address& bind) {
  std::vector<metrics::HttpPage> pages = metrics::status_page();
  pages.push_back(
      {.path = "/status.json", .content_type = "application/json", .headers = {}, .body = [this] {
         return to_text(status());
       }});
  auto server = metrics::HttpServer::start(
      bind,
      metrics::read_only_pages(
          {.metrics_page = [this] { return metrics::to_text(collector_.Collect()); },
           .live = [] { return metrics::Health{}; },
           .ready =
               [this] {
                 if (status_.draining) return metrics::Health{.good = false, .reason = "draining"};
                 if (!status_.ready) return metrics::Health{.good = false, .reason = "starting"};
                 return metrics::Health{};
               },
           .pages = std::move(pages)},
          http_stats_),
      http_stats_, {}, sockets_ != nullptr ? sockets_->take_one(bind) : base::UniqueFd());
  if (!server) return base::failure(server.error());
  http_server_ = std::make_unique<metrics::HttpServer>(*std::move(server));
  return {};
}

nlohmann::json Instance::status() const {
  return status_document({.status = status_, .catalog = catalog_, .access_log = access_log_});
}

Instance::Problems Instance::reload(config::Config config, KeepOverrides keep) {
  const SnapshotPtr before = supervisor_->snapshot();
  const config::Diff diff = config::diff(before->config, config);
  Problems problems = diff.needs_restart;
  if (problems.empty()) problems = supervisor_->apply(std::move(config), keep);
  if (!problems.empty()) {
    refuse_reload();
    return problems;
  }
  const SnapshotPtr& now = supervisor_->snapshot();
  status_.set_snapshot(now);
  status_.last_reload_accepted = true;
  ++status_.reloads_accepted;
  log_.configure(now->config.log);
  log_.info("configuration {} in force: {}", now->generation, config::summary(diff));
  return {};
}

void Instance::refuse_reload() {
  status_.last_reload_accepted = false;
  ++status_.reloads_refused;
}

base::Parsed<void> Instance::override_endpoint(const std::string& upstream,
                                               const std::string& endpoint,
                                               EndpointOverride value) {
  auto result = supervisor_->override_endpoint(upstream, endpoint, value);
  status_.set_snapshot(supervisor_->snapshot());
  return result;
}

void Instance::follow_dns() {
  if (supervisor_->follow_dns()) status_.set_snapshot(supervisor_->snapshot());
}

std::int64_t Instance::sessions() const {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < catalog_.workers(); ++i) sum += catalog_.worker(i).sessions.value();
  return sum;
}

void Instance::drain(base::Nanos drain_for) {
  status_.draining = true;
  supervisor_->drain(drain_for);
}

}  // namespace proxy
