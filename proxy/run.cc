#include "proxy/run.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "base/inherited_sockets.h"
#include "config/loader.h"
#include "proxy/admin_api.h"
#include "proxy/admin_operations.h"
#include "proxy/admin_server.h"
#include "proxy/confinement.h"
#include "proxy/exit_code.h"
#include "proxy/instance.h"
#include "proxy/log_output.h"
#include "proxy/service_manager.h"
#include "proxy/signals.h"

namespace proxy {
namespace {

// How far stopping has gone. Each further signal goes one step on, and there is a last one: a storm
// of signals is no more than two orders to the workers.
enum class Stopping : std::uint8_t { kNo, kDraining, kNow };

class Program final : public AdminOperations {
 public:
  Program(std::string config_path, Instance& instance, AdminServer& admin, ServiceManager& manager)
      : config_path_(std::move(config_path)),
        instance_(instance),
        admin_(admin),
        manager_(manager) {}

  void handle(int signal);
  // Tells the service manager what is due.
  void tend();
  ServiceFacts facts() const;

  Instance::Problems reload(KeepOverrides keep) override;
  bool begin_drain(std::optional<base::Nanos> drain_for) override;
  bool stopping() const override { return stopping_ != Stopping::kNo; }
  const std::string& config_path() const override { return config_path_; }

 private:
  void stop(std::optional<base::Nanos> drain_for);
  void drain(base::Nanos drain_for);
  Instance::Problems load_and_apply(KeepOverrides keep);

  std::string config_path_;
  Instance& instance_;
  AdminServer& admin_;
  ServiceManager& manager_;
  Stopping stopping_ = Stopping::kNo;
  base::Nanos drain_deadline_ = base::kForever;
};

void Program::handle(int signal) {
  switch (signal) {
    case SIGHUP:
      static_cast<void>(reload(KeepOverrides::kDrop));
      return;
    case SIGUSR1:
      instance_.reopen_access_log();
      return;
    case SIGQUIT:
      stop(base::kForever);
      return;
    default:
      stop(std::nullopt);
      return;
  }
}

ServiceFacts Program::facts() const {
  return {.generation = instance_.snapshot()->generation,
          .sessions = instance_.sessions(),
          .workers = instance_.catalog().workers(),
          .workers_answered = instance_.workers_answered(),
          .draining = stopping_ != Stopping::kNo,
          .drain_deadline = drain_deadline_};
}

void Program::tend() {
  if (manager_.tend(base::monotonic_now(), facts())) instance_.ask_workers();
}

void Program::drain(base::Nanos drain_for) {
  const base::Nanos now = base::monotonic_now();
  drain_deadline_ = drain_for < base::kForever - now ? now + drain_for : base::kForever;
  instance_.drain(drain_for);
  manager_.stopping(now, facts());
}

void Program::stop(std::optional<base::Nanos> drain_for) {
  Log& log = instance_.log();
  switch (stopping_) {
    case Stopping::kNo: {
      const base::Nanos drain = drain_for.value_or(instance_.snapshot()->config.shutdown.drain);
      stopping_ = Stopping::kDraining;
      if (drain == base::kForever) {
        log.info("stopping: no new sessions; those that are open may take as long as they like");
      } else {
        log.info("stopping: no new sessions; those that are open have {:g} s",
                 base::to_seconds(drain));
      }
      this->drain(drain);
      return;
    }
    case Stopping::kDraining:
      // A patient stop does not lengthen one that is under way.
      if (drain_for == base::kForever) return;
      stopping_ = Stopping::kNow;
      log.info("stopping at once, as asked a second time");
      drain(base::Nanos{0});
      return;
    case Stopping::kNow:
      return;
  }
}

bool Program::begin_drain(std::optional<base::Nanos> drain_for) {
  if (stopping()) return false;
  stop(drain_for);
  return true;
}

Instance::Problems Program::reload(KeepOverrides keep) {
  if (stopping()) {
    instance_.log().warning("not reloading: the proxy is stopping");
    return {{.mark = {}, .text = "the proxy is stopping"}};
  }
  manager_.reloading(base::monotonic_now());
  Instance::Problems problems = load_and_apply(keep);
  manager_.ready(facts());
  return problems;
}

Instance::Problems Program::load_and_apply(KeepOverrides keep) {
  Log& log = instance_.log();
  Instance::Problems problems;
  if (auto loaded = config::load(config_path_)) {
    problems = instance_.reload(*std::move(loaded), keep);
  } else {
    problems = std::move(loaded.error());
    instance_.refuse_reload();
  }
  if (problems.empty()) {
    admin_.reload(instance_.snapshot()->config.admin);
    return {};
  }
  for (const config::Problem& problem : problems) {
    log.error("{}", config::to_string(config_path_, problem));
  }
  log.error("reload refused: configuration {} stays in force", instance_.snapshot()->generation);
  return problems;
}

void print(const std::string& path, const Instance::Problems& problems) {
  for (const config::Problem& problem : problems) {
    static_cast<void>(std::fprintf(stderr, "%s\n", config::to_string(path, problem).c_str()));
  }
}

// How long poll(2) may wait for the service manager's sake.
int wait_ms(const ServiceManager& manager) {
  if (manager.next() == base::kForever) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(manager.next() - base::monotonic_now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

// False: it was asked for and cannot be had.
bool start_admin(AdminServer& server, const RunOptions& options, Instance& instance) {
  const config::Admin& admin = instance.snapshot()->config.admin;
  const auto served = server.start(admin);
  if (served) return true;
  if (admin.enable == config::AdminEnable::kOn) {
    print(options.config_path, {{.mark = admin.bind.mark, .text = served.error()}});
    return false;
  }
  instance.log().warning("no admin API: {}", served.error());
  return true;
}

// Until every worker has drained.
void serve(Program& program, AdminServer& admin, Instance& instance, Signals& signals,
           const ServiceManager& manager) {
  AdminApi api(instance, program);
  std::array<pollfd, 4> waits = {{{.fd = signals.fd(), .events = POLLIN, .revents = 0},
                                  {.fd = instance.finished_fd(), .events = POLLIN, .revents = 0},
                                  {.fd = instance.dns_fd(), .events = POLLIN, .revents = 0},
                                  {.fd = admin.fd(), .events = POLLIN, .revents = 0}}};
  while (!instance.finished()) {
    // EINTR cannot come: every signal that is not ignored is blocked.
    static_cast<void>(::poll(waits.data(), waits.size(), wait_ms(manager)));
    eventfd_t finished_workers = 0;
    static_cast<void>(eventfd_read(instance.finished_fd(), &finished_workers));
    while (const auto signal = signals.take()) program.handle(*signal);
    if (waits[2].revents != 0) instance.follow_dns();
    if (waits[3].revents != 0) admin.answer_all(api);
    program.tend();
  }
}

}  // namespace

int run_proxy(const RunOptions& options) {
  ignore_harmless_signals();
  Signals signals({SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1});
  auto config = config::load(options.config_path);
  if (!config) {
    print(options.config_path, config.error());
    return kExitUsage;
  }
  auto sockets = base::InheritedSockets::of_environment();
  if (!sockets) {
    print(options.config_path, {{.mark = {}, .text = sockets.error()}});
    return kExitFailed;
  }
  LogOutput output(STDERR_FILENO);
  Confinement confinement(*config, true);
  config::Mark mark = config->transport_mark;
  const auto confine = [&] {
    auto confined = confinement.enter();
    if (!confined) mark = confinement.mark();
    return confined;
  };
  auto instance = Instance::make(output, *config, {.sockets = &*sockets, .confine = confine});
  if (!instance) {
    print(options.config_path, {{.mark = mark, .text = instance.error()}});
    return kExitFailed;
  }
  confinement.report((*instance)->log());
  if (const auto problems = (*instance)->start(*std::move(config)); !problems.empty()) {
    print(options.config_path, problems);
    return kExitFailed;
  }
  AdminServer admin((*instance)->log(), (*instance)->admin_stats());
  if (!start_admin(admin, options, **instance)) return kExitFailed;
  ServiceManager manager(base::monotonic_now());
  Program program(options.config_path, **instance, admin, manager);
  manager.ready(program.facts());
  serve(program, admin, **instance, signals, manager);
  (*instance)->log().info("stopped");
  return kExitDone;
}

}  // namespace proxy
