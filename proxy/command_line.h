// What the user asked for on the command line, as plain data. Parsed once by main; nothing is done
// here but parsing, so that every command is an ordinary function with ordinary arguments.
#pragma once

#include <chrono>
#include <string>
#include <tl/expected.hpp>
#include <variant>

#include "proxy/check.h"
#include "proxy/ctl_options.h"
#include "proxy/demo.h"
#include "proxy/health.h"
#include "proxy/run.h"
#include "proxy/top.h"

namespace proxy {

struct SchemaOptions {};

struct DoctorOptions {
  bool json = false;
};

struct VersionOptions {
  bool json = false;
};

using Command = std::variant<RunOptions, CheckOptions, DemoOptions, SchemaOptions, DoctorOptions,
                             HealthOptions, CtlOptions, TopOptions, VersionOptions>;

// Nothing is to be run: help was asked for, or the command line is wrong.
struct Explanation {
  std::string text;   // For people, with its newline.
  int exit_code = 0;  // kExitDone: print it to stdout; kExitUsage: to stderr.
};

// argv as main() gets it.
tl::expected<Command, Explanation> parse_command_line(int argc, const char* const* argv);

}  // namespace proxy
