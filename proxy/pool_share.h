// What one worker may keep of a pool that is meant for all workers together. Every worker computes
// its own share and asks nobody: the shares of all workers add up to the whole exactly. Plain
// functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace proxy {

// Whose share of what.
struct Sharer {
  std::size_t worker = 0;
  std::size_t workers = 1;
  // The same for all workers, another for each endpoint: who gets the odd ones, so that it is not
  // always the first worker.
  std::uint64_t key = 0;
};

// total divided by the workers; total % workers of them get one more.
std::uint32_t share_of(std::uint32_t total, const Sharer& sharer);

// Of max_sessions places, of which `sessions` are taken, those that pools may fill now: what is
// free. With several workers half of it, because a worker cannot empty another one's pool at the
// moment when a session needs the place; the last place is never theirs.
std::uint32_t places_for_pools(std::uint32_t max_sessions, std::int64_t sessions,
                               std::size_t workers);

}  // namespace proxy
