#include "tests/backends/contract_harness.h"

namespace contract {

std::vector<HarnessFactory> harnesses() {
  std::vector<HarnessFactory> all;
  add_socket_harnesses(all);
  add_sim_harnesses(all);
  return all;
}

}  // namespace contract
