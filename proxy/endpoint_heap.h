// Endpoints ordered by sessions per weight, and within a tie by turns: what round_robin (where all
// are always tied) and least_sessions have in common. An indexed binary heap: every operation is
// O(log n). Part of a balancer, on its worker's thread; nothing allocates after construction.
//
// Turns are stride scheduling (Waldspurger and Weihl 1995): each endpoint has a next turn in
// virtual time, and taking it moves the next one by 1/weight. Shares are exact, and an endpoint's
// turns are evenly spaced. nginx's smooth weighted round robin gives nearly the same order, but
// looks at every endpoint on every pick.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "proxy/balancer.h"
#include "proxy/candidates.h"

namespace proxy {

class EndpointHeap {
 public:
  // seed: how many turns have passed already, so that workers do not begin with the same endpoint.
  EndpointHeap(std::span<const BalancedEndpoint> endpoints, std::uint64_t seed);

  // The first candidate in the order above; it has had its turn. There must be a candidate, and
  // they must be candidates of the same endpoints. The others keep their turns, but whoever is
  // passed over again and again is owed one turn, not all of them: an endpoint that was full for a
  // while gets no burst of sessions afterwards. O(k log n), where k of those before it are no
  // candidates.
  std::uint16_t take(const Candidates& candidates);

  // Counts a session that begins or ends.
  void session_started(std::uint16_t endpoint);
  void session_ended(std::uint16_t endpoint);

 private:
  struct Entry {
    std::uint64_t turn = 0;
    std::uint64_t stride = 0;
    std::uint32_t weight = 0;
    std::uint32_t sessions = 0;
    std::uint32_t place = 0;  // In heap_.
  };

  bool before(std::uint16_t a, std::uint16_t b) const;
  std::uint16_t pop();
  void push(std::uint16_t endpoint);
  void put(std::size_t place, std::uint16_t endpoint);
  void sift_up(std::size_t place);
  void sift_down(std::size_t place);
  void skip_turns(std::span<const BalancedEndpoint> endpoints, std::uint64_t seed);
  void restart_clock();

  std::vector<Entry> entries_;       // By endpoint.
  std::vector<std::uint16_t> heap_;  // Endpoints with a weight.
  std::vector<std::uint16_t> held_;  // Popped by take() although no candidates.
  std::uint64_t now_ = 0;            // Virtual time: the latest turn that was taken.
};

}  // namespace proxy
