// What a simulated transport may do to its owner within the contract, each with a probability in
// thousandths: a kernel does all of this, but rarely enough to hide a bug. Plain data of the tests.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/prng.h"

namespace backends {

struct SimFaults {
  std::uint64_t short_read = 0;      // A read takes a seeded part of what is there.
  std::uint64_t short_write = 0;     // A write hands over a seeded part of what would fit.
  std::uint64_t empty_poll = 0;      // A poll returns nothing although there is something.
  std::uint64_t accept_aborted = 0;  // ECONNABORTED for a client that reset in the queue.
  std::uint64_t relay_failure = 0;   // ENOMEM in a poll's work for a relay.
  std::size_t batch_max = 256;       // Events of one poll; a batch is cut at a seeded size if...
  bool cut_batches = false;          // ...this is set.
  bool shuffle = false;              // Events of different objects come in seeded order.

  // A mixture for random walks. relay_failure stays off: it is no behaviour of a network, and the
  // checker would have to excuse every session.
  static SimFaults from_seed(base::Prng& prng) {
    SimFaults faults;
    faults.short_read = prng.below(300);
    faults.short_write = prng.below(300);
    faults.empty_poll = prng.below(200);
    faults.accept_aborted = prng.below(500);
    faults.batch_max = 1 + prng.below(64);
    faults.cut_batches = prng.chance(500);
    faults.shuffle = prng.chance(800);
    return faults;
  }
};

}  // namespace backends
