#include "tests/backends/contract_harness.h"

namespace contract {

std::vector<HarnessFactory> harnesses() {
  std::vector<HarnessFactory> all;
  add_socket_harnesses(all);
  add_sim_harnesses(all);
  add_dpdk_harnesses(all);
  return all;
}

std::vector<base::IpPort> loopback_sources(base::Family family) {
  if (family != base::Family::kV4) return {};
  return {base::parse_address("127.0.0.2:0").value().ip,
          base::parse_address("127.0.0.3:0").value().ip};
}

}  // namespace contract
