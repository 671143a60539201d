// What the list of engines has of DPDK: the process-wide side, which starts EAL, opens the ports,
// and gives every worker its queues, its addresses and its tables. Made and ended by main.
#pragma once

#include <memory>

#include "backends/transport_factory.h"
#include "base/result.h"

namespace backends::dpdk::eal {

// Whether DPDK's libraries are here says the loader; ports and pages are tried at the start only.
EngineInfo probe();

// kernel: for the monitor's transport. The error is a sentence.
base::Parsed<std::unique_ptr<TransportFactory>> make_factory(
    const PortSettings& settings, std::unique_ptr<TransportFactory> kernel);

}  // namespace backends::dpdk::eal
