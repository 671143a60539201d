#include "proxy/run.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "config/loader.h"
#include "proxy/admin_api.h"
#include "proxy/admin_operations.h"
#include "proxy/admin_server.h"
#include "proxy/exit_code.h"
#include "proxy/instance.h"
#include "proxy/log_output.h"
#include "proxy/signals.h"

namespace proxy {
namespace {

// How far stopping has gone. Each further signal goes one step on, and there is a last one: a storm
// of signals is no more than two orders to the workers.
enum class Stopping : std::uint8_t { kNo, kDraining, kNow };

class Program final : public AdminOperations {
 public:
  Program(std::string config_path, Instance& instance, AdminServer& admin)
      : config_path_(std::move(config_path)), instance_(instance), admin_(admin) {}

  void handle(int signal);

  Instance::Problems reload(KeepOverrides keep) override;
  bool begin_drain(std::optional<base::Nanos> drain_for) override;
  bool stopping() const override { return stopping_ != Stopping::kNo; }
  const std::string& config_path() const override { return config_path_; }

 private:
  void stop(std::optional<base::Nanos> drain_for);

  std::string config_path_;
  Instance& instance_;
  AdminServer& admin_;
  Stopping stopping_ = Stopping::kNo;
};

void Program::handle(int signal) {
  switch (signal) {
    case SIGHUP:
      static_cast<void>(reload(KeepOverrides::kDrop));
      return;
    case SIGQUIT:
      stop(base::kForever);
      return;
    default:
      stop(std::nullopt);
      return;
  }
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
      instance_.drain(drain);
      return;
    }
    case Stopping::kDraining:
      // A patient stop does not lengthen one that is under way.
      if (drain_for == base::kForever) return;
      stopping_ = Stopping::kNow;
      log.info("stopping at once, as asked a second time");
      instance_.drain(base::Nanos{0});
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
  Log& log = instance_.log();
  if (stopping()) {
    log.warning("not reloading: the proxy is stopping");
    return {{.mark = {}, .text = "the proxy is stopping"}};
  }
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
void serve(Program& program, AdminServer& admin, Instance& instance, Signals& signals) {
  AdminApi api(instance, program);
  std::array<pollfd, 4> waits = {{{.fd = signals.fd(), .events = POLLIN, .revents = 0},
                                  {.fd = instance.finished_fd(), .events = POLLIN, .revents = 0},
                                  {.fd = instance.dns_fd(), .events = POLLIN, .revents = 0},
                                  {.fd = admin.fd(), .events = POLLIN, .revents = 0}}};
  while (!instance.finished()) {
    // EINTR cannot come: every signal that is not ignored is blocked.
    static_cast<void>(::poll(waits.data(), waits.size(), -1));
    eventfd_t finished_workers = 0;
    static_cast<void>(eventfd_read(instance.finished_fd(), &finished_workers));
    while (const auto signal = signals.take()) program.handle(*signal);
    if (waits[2].revents != 0) instance.follow_dns();
    if (waits[3].revents != 0) admin.answer_all(api);
  }
}

}  // namespace

int run_proxy(const RunOptions& options) {
  Signals signals({SIGTERM, SIGINT, SIGQUIT, SIGHUP});
  ignore_harmless_signals();
  auto config = config::load(options.config_path);
  if (!config) {
    print(options.config_path, config.error());
    return kExitUsage;
  }
  LogOutput output(STDERR_FILENO);
  auto instance = Instance::make(output, *config);
  if (!instance) {
    print(options.config_path, {{.mark = config->transport_mark, .text = instance.error()}});
    return kExitFailed;
  }
  if (const auto problems = (*instance)->start(*std::move(config)); !problems.empty()) {
    print(options.config_path, problems);
    return kExitFailed;
  }
  AdminServer admin((*instance)->log(), (*instance)->admin_stats());
  if (!start_admin(admin, options, **instance)) return kExitFailed;
  Program program(options.config_path, **instance, admin);
  serve(program, admin, **instance, signals);
  (*instance)->log().info("stopped");
  return kExitDone;
}

}  // namespace proxy
