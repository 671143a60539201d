// The laboratory's loads beside the many pairs: whole lives, the flood, and two threads.
#include <algorithm>
#include <atomic>
#include <thread>

#include "base/cpu.h"
#include "tests/bench/c10m/lab.h"

namespace bench::c10m {

namespace {

constexpr std::size_t kStarts = 64;
// Kept ready for clients: more than come in one turn.
constexpr std::size_t kParkedForLives = 2048;
// With two threads: requests under way at once. All their segments fit on the wire.
constexpr std::uint64_t kWindow = 192;
constexpr base::Nanos kPeakTime = std::chrono::seconds(2);
// Requests of the measurement with and without the flood.
constexpr std::uint64_t kFloodRequests = 1'000'000;
// Requests that may be due at once: a generator that was interrupted catches up in small steps.
constexpr std::size_t kDueAtOnce = 32;
// The clock moves so much with each step while strangers are being forgotten.
constexpr base::Nanos kForgetStep = std::chrono::milliseconds(10);
constexpr std::size_t kForgetStepsMax = 100'000;
constexpr base::Nanos kAnswersMax = std::chrono::seconds(5);

}  // namespace

// Client n closes when client n + lives_at_once has come.
template <typename Ip>
void Lab<Ip>::life() {
  Phase phase{.name = "whole lives"};
  engine_->set_parked_target(kParkedForLives);
  steps_until("upstream connections", [&] { return engine_->parked() >= kParkedForLives; });
  const std::uint64_t lives = options_.lives;
  const std::uint64_t at_once = std::min<std::uint64_t>(options_.lives_at_once, lives);
  const Mark since = mark();
  for (std::uint64_t opened = 0; opened < lives + at_once;) {
    for (std::size_t i = 0; i < kStarts && opened < lives + at_once; ++i, ++opened) {
      if (opened < lives) generator_.open(static_cast<std::uint32_t>(opened % clients_));
      if (opened < at_once) continue;
      if (generator_.close(static_cast<std::uint32_t>((opened - at_once) % clients_))) continue;
      findings_.leftovers.emplace_back("a client has no reply when it is time to close");
      opened = lives + at_once;
    }
    step();
    make_room();
  }
  steps_until("FINs", [&] { return generator_.stats().server_closed >= lives; });
  steps_until("ended pairs", [&] { return engine_->counts().ended >= lives; });
  add(phase, since, lives);
  findings_.phases.push_back(phase);
  engine_->set_parked_target(0);
  while (engine_->close_parked(kStarts)) step();
  steps_until("closed upstreams", [&] { return engine_->core().stats().legs == 0; });
  forget_all();
  finish();
}

template <typename Ip>
void Lab<Ip>::measure_flood() {
  const std::uint64_t requests = std::min(kFloodRequests, options_.requests);
  Phase calm{.name = "exchange, before the flood"};
  exchange(calm, requests, 0);
  Phase flooded{.name = "exchange, in the flood"};
  exchange(flooded, requests, options_.flood_rate);
  const auto rate = [](const Phase& phase) {
    return static_cast<double>(phase.count) / base::to_seconds(phase.engine);
  };
  findings_.goodput_share = rate(flooded) / rate(calm);
  findings_.phases.push_back(calm);
  findings_.phases.push_back(flooded);
  // The strangers' SYN-ACKs go out again until they are forgotten: not into what comes next.
  for (std::size_t i = 0; i < kForgetStepsMax && engine_->core().stats().half_open != 0; ++i) {
    clock_.skip(kForgetStep);
    step();
    make_room();
  }
}

// The engine gets the second processor for itself, the generator stays on this thread.
template <typename Ip>
void Lab<Ip>::two_threads() {
  const std::vector<int> cpus = base::usable_cpus();
  std::atomic<bool> stop{false};
  std::thread thread([&] {
    if (cpus.size() > 1) static_cast<void>(base::pin_this_thread(cpus[1]));
    while (!stop.load(std::memory_order_relaxed)) engine_->round(clock_.now());
  });
  if (cpus.size() > 1) static_cast<void>(base::pin_this_thread(cpus[0]));
  findings_.peak_rate = closed_loop(kPeakTime);
  for (const double share : {0.1, 0.5, 0.9}) {
    findings_.latency.push_back(open_loop(share, share * findings_.peak_rate));
  }
  stop.store(true, std::memory_order_relaxed);
  thread.join();
  steps_until("the last replies",
              [&] { return generator_.stats().replied >= generator_.stats().asked; });
  step();
}

// As many requests as the window and the two threads allow. Returns the rate of replies.
template <typename Ip>
double Lab<Ip>::closed_loop(base::Nanos time) {
  const std::uint64_t before = generator_.stats().replied;
  const base::Nanos begin = base::monotonic_now();
  base::Nanos now = begin;
  while (now - begin < time) {
    const std::uint64_t under_way = generator_.stats().asked - generator_.stats().replied;
    if (under_way < kWindow) ask_random(static_cast<std::size_t>(kWindow - under_way));
    generator_.receive();
    now = base::monotonic_now();
  }
  return static_cast<double>(generator_.stats().replied - before) / base::to_seconds(now - begin);
}

// Requests at a given rate, each measured from when it was due: a late one counts as slow.
template <typename Ip>
LatencyAt Lab<Ip>::open_loop(double share, double rate) {
  LatencyHistogram histogram;
  const auto gap = base::Nanos(static_cast<std::int64_t>(1e9 / rate));
  const std::uint64_t before = generator_.stats().replied;
  const auto last = base::Nanos(static_cast<std::int64_t>(options_.latency_seconds * 1e9));
  const base::Nanos begin = base::monotonic_now();
  generator_.set_latency(&histogram);
  base::Nanos due = begin;
  for (base::Nanos now = begin; now - begin < last; now = base::monotonic_now()) {
    for (std::size_t i = 0; i < kDueAtOnce && due <= now; ++i) {
      if (generator_.stats().asked - generator_.stats().replied >= kWindow) break;
      const auto client = static_cast<std::uint32_t>(prng_.below(clients_));
      if (generator_.request(client, due)) due += gap;
    }
    generator_.receive();
  }
  const double took = base::to_seconds(base::monotonic_now() - begin);
  const double reached = static_cast<double>(generator_.stats().replied - before) / took;
  const base::Nanos answers_end = base::monotonic_now() + kAnswersMax;
  while (generator_.stats().replied < generator_.stats().asked &&
         base::monotonic_now() < answers_end) {
    generator_.receive();
  }
  generator_.set_latency(nullptr);
  return {.share = share,
          .rate = rate,
          .reached = reached,
          .p50 = histogram.percentile(0.5),
          .p99 = histogram.percentile(0.99),
          .p999 = histogram.percentile(0.999),
          .longest = histogram.max()};
}

template void Lab<Ip4>::life();
template void Lab<Ip6>::life();
template void Lab<Ip4>::measure_flood();
template void Lab<Ip6>::measure_flood();
template double Lab<Ip4>::closed_loop(base::Nanos);
template double Lab<Ip6>::closed_loop(base::Nanos);
template LatencyAt Lab<Ip4>::open_loop(double, double);
template LatencyAt Lab<Ip6>::open_loop(double, double);
template void Lab<Ip4>::two_threads();
template void Lab<Ip6>::two_threads();

}  // namespace bench::c10m
