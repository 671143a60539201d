// The program: what was asked for, done. Every command is a function of its own file.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <variant>

#include "config/schema.h"
#include "proxy/check.h"
#include "proxy/command_line.h"
#include "proxy/ctl.h"
#include "proxy/demo.h"
#include "proxy/doctor.h"
#include "proxy/exit_code.h"
#include "proxy/health.h"
#include "proxy/run.h"
#include "proxy/signals.h"
#include "proxy/standard_descriptors.h"
#include "proxy/top.h"
#include "proxy/version.h"

namespace {

// One call operator for each command.
struct Dispatch {
  std::chrono::steady_clock::time_point main_entered;

  int operator()(const proxy::RunOptions& options) const { return proxy::run_proxy(options); }
  int operator()(const proxy::CheckOptions& options) const { return proxy::check_config(options); }
  int operator()(const proxy::CtlOptions& options) const { return proxy::run_ctl(options); }
  int operator()(proxy::DemoOptions options) const {
    options.main_entered = main_entered;
    return proxy::run_demo(options);
  }
  int operator()(const proxy::SchemaOptions&) const {
    static_cast<void>(std::puts(config::json_schema().c_str()));
    return proxy::kExitDone;
  }
  int operator()(const proxy::DoctorOptions& options) const {
    return proxy::run_doctor(options.json, std::cout);
  }
  int operator()(const proxy::HealthOptions& options) const { return proxy::check_health(options); }
  int operator()(const proxy::TopOptions& options) const { return proxy::run_top(options); }
  int operator()(const proxy::VersionOptions& options) const {
    return proxy::print_version(options.json);
  }
};

}  // namespace

int main(int argc, char** argv) {
  const auto main_entered = std::chrono::steady_clock::now();
  proxy::open_standard_descriptors();
  proxy::ignore_harmless_signals();
  const auto command = proxy::parse_command_line(argc, argv);
  if (!command) {
    const bool asked = command.error().exit_code == proxy::kExitDone;
    static_cast<void>(std::fputs(command.error().text.c_str(), asked ? stdout : stderr));
    return command.error().exit_code;
  }
  return std::visit(Dispatch{.main_entered = main_entered}, *command);
}
