// The engine with network ports of its own: whether its section makes sense, and whether the rest
// of the file asks for something that only the kernel could do. Loading thread.
#pragma once

#include "config/config.h"
#include "config/problem.h"

namespace config {

// Reports every fault of the section, and, when that engine is asked for, whatever it cannot do:
// UNIX sockets, addresses that are not its own, the kernel's loopback, original destinations, IPv4
// to IPv6, socket options. Linear in addresses, listeners' addresses and endpoints.
void check_kernel_bypass(const Config& config, Problems& problems);

}  // namespace config
