// All that a datapath counts, by the names that operators see (docs/metrics.md).
#pragma once

#include <vector>

#include "backends/dpdk/datapath.h"
#include "backends/transport.h"

namespace backends::dpdk {

// Adds them, always the same ones in the same order for one datapath.
void list_numbers(Datapath& datapath, std::vector<PacketNumber>& numbers);

}  // namespace backends::dpdk
