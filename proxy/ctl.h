// `millrace ctl`: asks the admin API of a running instance, and prints what it says. On the main
// thread.
#pragma once

#include "proxy/ctl_options.h"

namespace proxy {

// Returns the exit code: 0 done; 1 refused, or nobody answered; 2 a file of the command line cannot
// be read. What went wrong is a sentence on stderr.
int run_ctl(const CtlOptions& options);

}  // namespace proxy
