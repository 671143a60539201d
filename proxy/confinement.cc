#include "proxy/confinement.h"

#include <optional>
#include <string_view>

#include "proxy/privileges.h"
#include "proxy/syscall_filter.h"

namespace proxy {

Confinement::Confinement(const config::Config& config, bool warn_of_root)
    : security_(config.security),
      devices_(config.transport == config::TransportKind::kDpdk),
      warn_of_root_(warn_of_root) {}

base::Parsed<void> Confinement::enter() {
  mark_ = security_.user_mark;
  auto dropped = drop_privileges({.user = security_.user, .keeps_devices = devices_});
  if (!dropped) return base::failure(dropped.error());
  notes_.push_back(*std::move(dropped));
  mark_ = security_.seccomp_mark;
  return filter_system_calls();
}

base::Parsed<void> Confinement::filter_system_calls() {
  if (security_.seccomp == config::Seccomp::kOff) {
    notes_.emplace_back("seccomp: off, as configured");
    return {};
  }
  std::optional<std::string> obstacle;
  if (devices_) {
    obstacle = "drivers of this engine make system calls that no list could name";
  } else if (const auto of_binary = syscall_filter_obstacle()) {
    obstacle = *of_binary;
  } else if (const auto applied = apply_syscall_filter(); !applied) {
    obstacle = applied.error();
  }
  if (obstacle && security_.seccomp == config::Seccomp::kOn) {
    return base::failure("security.seccomp is on and cannot be had: " + *obstacle);
  }
  notes_.push_back(obstacle ? "seccomp: off, because " + *obstacle
                            : "seccomp: system calls that are not needed fail with EPERM");
  return {};
}

void Confinement::report(Log& log) const {
  for (const std::string& note : notes_) log.info("{}", note);
  if (warn_of_root_ && is_root()) {
    log.warning("runs as root: name a user in security.user, or start it as one");
  }
}

}  // namespace proxy
