// A random walk of the splice core by seed: many clients and servers of the tests' own TCP, joined
// by one core with an owner that attaches, aborts and closes at random, over wires that lose,
// repeat, overtake and damage. What is promised is looked at all the time and at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace dpdk_test {

struct WalkReport {
  std::vector<std::string> failures;
  std::size_t sessions = 0;   // That the core accepted.
  std::size_t complete = 0;   // Every byte arrived, both ways, and both sides saw the end.
  std::size_t reset = 0;      // By whoever: an end, the owner, or too much loss.
  std::uint64_t bytes = 0;    // That arrived.
  std::uint64_t damaged = 0;  // Packets that the wires have damaged.
};

WalkReport splice_walk(std::uint64_t seed);

}  // namespace dpdk_test
