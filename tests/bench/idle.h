// Many sessions that do nothing: each exchanges one byte, so that both legs exist, and is then
// held. At the end each must still be open and have nothing to read.
#pragma once

#include <vector>

#include "base/fd.h"
#include "tests/bench/load.h"

namespace bench {

class Idle final : public Load {
 public:
  explicit Idle(const LoadOptions& options) : options_(options) {}
  void run(const Gate& gate, Outcome& outcome) override;

 private:
  LoadOptions options_;
  std::vector<base::UniqueFd> connections_;
};

}  // namespace bench
