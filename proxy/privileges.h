// Rights that the process gives up before it talks to anybody: who it is, and its capabilities
// (man 7 capabilities). Main thread, before any other thread: the kernel keeps capabilities for
// each thread.
#pragma once

#include <string>

#include "base/result.h"

namespace proxy {

struct PrivilegeOptions {
  std::string user;  // Whom to become; empty: nobody else.
  // The engine drives devices, and some of that is undone only at the end.
  bool keeps_devices = false;
};

// Gives up every capability but those that the program may need again:
//   CAP_NET_BIND_SERVICE  where it was given: a reload may bring a port below 1024
//   with keeps_devices    those of network devices and pinned memory as well
// and becomes the user with its groups, which takes root. Then nothing can be got back, by set-user
// -id programs neither (no_new_privs). What it means for people, in a sentence; the error as well.
base::Parsed<std::string> drop_privileges(const PrivilegeOptions& options);

// The process is root and will stay so.
bool is_root();

}  // namespace proxy
