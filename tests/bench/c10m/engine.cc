#include "tests/bench/c10m/engine.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/assert.h"

namespace bench::c10m {
namespace {

using backends::dpdk::Reach;
using backends::dpdk::splice_core::CoreEvent;
using backends::dpdk::splice_core::CoreEventKind;
using backends::dpdk::splice_core::LegId;
using backends::dpdk::splice_core::PairEnd;

// Connects of one round, as an owner who shares his time with packets would start them.
constexpr std::size_t kConnectsAtOnce = 64;
constexpr std::size_t kQueueMax = 1U << 18U;
constexpr std::uint64_t kListenerToken = 1;

backends::dpdk::DatapathOptions datapath_options(const EngineOptions& options) {
  // One prefix for all: 10.0.0.0/8, fd00::/16. The server is on the link.
  const bool v4 = options.server.family == base::Family::kV4;
  const std::uint8_t bits = v4 ? 8 : 16;
  backends::dpdk::DatapathOptions made;
  made.core = options.core;
  made.addresses.push_back({.prefix_bits = bits, .address = options.service, .gateway = {}});
  for (const base::IpPort& local : options.locals) {
    made.addresses.push_back({.prefix_bits = bits, .address = local, .gateway = {}});
  }
  made.seed = options.core.seed[0];
  return made;
}

}  // namespace

base::Nanos thread_time() {
  timespec time{};
  CHECK(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return std::chrono::seconds(time.tv_sec) + base::Nanos(time.tv_nsec);
}

void LegQueue::push(const LegId& leg) {
  CHECK(size() < legs_.size());
  legs_[last_++ & (legs_.size() - 1)] = leg;
}

LegId LegQueue::pop() {
  CHECK(!empty());
  return legs_[first_++ & (legs_.size() - 1)];
}

Engine::Engine(EngineOptions options, backends::dpdk::Device& device, base::Nanos now)
    : options_(std::move(options)),
      device_(device),
      datapath_(datapath_options(options_), std::span<backends::dpdk::Device* const>({&device}), {},
                now),
      parked_(kQueueMax),
      waiting_(kQueueMax) {
  core().listen(options_.service, kListenerToken);
}

bool Engine::reaches_server() {
  const backends::dpdk::Way way = datapath_.way_to(options_.server);
  datapath_.flush();
  if (way.reach != Reach::kKnown) return false;
  server_hop_ = way.hop;
  return true;
}

std::size_t Engine::round(base::Nanos now) {
  const std::size_t received = datapath_.round(now);
  take_events();
  connect_some();
  datapath_.flush();
  return received;
}

void Engine::turn(base::Nanos now, std::size_t out_max) {
  const base::Nanos begin = thread_time();
  const std::uint64_t sent_before = device_.stats().sent;
  while (round(now) != 0 && device_.stats().sent - sent_before < out_max) {
  }
  const base::Nanos took = thread_time() - begin;
  busy_ += took;
  longest_turn_ = std::max(longest_turn_, took);
}

void Engine::take_events() {
  // By place: attach() may add events behind those there are.
  for (std::size_t i = 0; i < core().events().size(); ++i) {
    const CoreEvent event = core().events()[i];
    switch (event.kind) {
      case CoreEventKind::kAccepted:
        ++counts_.accepted;
        if (parked_.empty()) {
          waiting_.push(event.leg);
        } else {
          attach(event.leg, parked_.pop());
        }
        break;
      case CoreEventKind::kConnected:
        connected(event);
        break;
      case CoreEventKind::kEnded:
        ++counts_.ended;
        if (event.end != PairEnd::kBothClosed) ++counts_.failed;
        break;
      case CoreEventKind::kIdle:
        ++counts_.idle;
        break;
      case CoreEventKind::kLegClosed:  // Nobody here leaves before he is joined.
        ++counts_.failed;
        break;
      case CoreEventKind::kAdvanced:
        break;
    }
  }
  core().clear_events();
}

void Engine::connected(const CoreEvent& event) {
  --connecting_;
  if (event.error != base::Errno::kNone) {
    ++counts_.failed;
    return core().close(event.leg, true);
  }
  ++counts_.connected;
  if (waiting_.empty()) return parked_.push(event.leg);
  attach(waiting_.pop(), event.leg);
}

bool Engine::close_parked(std::size_t most) {
  if (parked_.empty()) return false;
  for (std::size_t i = 0; i < most && !parked_.empty(); ++i) core().close(parked_.pop(), false);
  datapath_.flush();
  return true;
}

void Engine::attach(const LegId& client, const LegId& upstream) {
  if (core().attach(client, upstream, {}, 0)) {
    ++counts_.attached;
  } else {
    ++counts_.failed;
  }
}

void Engine::connect_some() {
  for (std::size_t i = 0; i < kConnectsAtOnce; ++i) {
    if (parked_.size() + connecting_ >= parked_target_ + waiting_.size()) return;
    // One address for each connect, in turn: all ports of all of them are used equally.
    const std::size_t local = next_local_++ % options_.locals.size();
    const auto leg = core().connect({.remote = options_.server,
                                     .sources = options_.locals,
                                     .first_source = local,
                                     .hop = server_hop_});
    if (!leg) {
      ++counts_.failed;
      return;
    }
    ++connecting_;
  }
}

}  // namespace bench::c10m
