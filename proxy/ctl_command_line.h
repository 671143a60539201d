// The command line of `millrace ctl`: a command with commands of its own.
#pragma once

#include <CLI/App.hpp>

#include "proxy/ctl_options.h"

namespace proxy {

// Declares it; options is filled in when it is parsed, and must live as long as app.
CLI::App* add_ctl(CLI::App& app, CtlOptions& options);

}  // namespace proxy
