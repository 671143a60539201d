// What one far end of a random walk does over time: a few seeded steps with pauses between them.
// Owned by the walk, lives as long as its world; acts from the network's actions.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "backends/sim/sim_network.h"
#include "backends/sim/sim_peer.h"
#include "base/prng.h"

namespace simulation {

class FarEndScript {
 public:
  // Draws the steps from prng and starts. cut: receives the far end's number when its link is cut.
  FarEndScript(backends::SimNetwork& network, backends::SimPeer& peer, base::Prng& prng,
               std::set<std::uint64_t>& cut);
  FarEndScript(const FarEndScript&) = delete;
  FarEndScript& operator=(const FarEndScript&) = delete;

 private:
  enum class Act : std::uint8_t {
    kSend,
    kShutdown,
    kStopReading,
    kRead,
    kReadSlowly,
    kClose,
    kReset,
    kCut
  };
  struct Step {
    base::Nanos after;
    Act act;
    std::size_t size;
  };

  static Step draw(base::Prng& prng);
  void next();
  void perform(const Step& step);
  void nudge(std::size_t left);

  backends::SimNetwork& network_;
  backends::SimPeer& peer_;
  std::set<std::uint64_t>& cut_;
  std::vector<Step> steps_;
  std::size_t at_ = 0;
  bool polite_;  // Answers a FIN with a FIN and says goodbye when its steps are over.
};

}  // namespace simulation
