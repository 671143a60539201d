#include "tests/bench/c10m/lab.h"

#include <algorithm>
#include <numeric>

#include "tests/bench/c10m/memory_use.h"

namespace bench::c10m {

namespace {

using backends::dpdk::splice_core::CoreFamily;

// Of each direction. Small, so that the buffers stay in the cache, as a network card's do.
constexpr std::size_t kRingFrames = 1024;
constexpr std::size_t kSpareBuffers = 1024;
// Started between two turns of the engine; what follows from them is at most three times as much.
constexpr std::size_t kGroup = 128;
// Frames of the engine in one turn: its timers may add a few hundred, and the ring has to take all.
constexpr std::size_t kOutMax = 400;
// Frames that may wait for the engine when more are started.
constexpr std::size_t kBacklogMax = 128;
// The processor's speed is looked at in one of so many steps.
constexpr std::uint64_t kSpeedEvery = 8;
// Of the flood, between two turns: what is owed beyond it waits.
constexpr double kStrangersMax = 128;
// Upstream connections that wait at once: the rest of a large number comes in the same portions.
constexpr std::uint32_t kPortion = 8192;
constexpr std::size_t kLegsMax = 1U << 17U;
// What a long life of the laboratory may leave behind in lingering pairs, beside those that live.
constexpr std::size_t kLifeSlots = 1U << 23U;
constexpr std::uint32_t kLifeClients = 1U << 22U;
constexpr std::uint32_t kLifeLocals = 160;
constexpr base::Nanos kLifeWait = std::chrono::seconds(1);

// A second or so of nothing: the wire loses nothing, so nothing will come any more.
constexpr std::size_t kIdleStepsMax = 1'000'000;
// Of the clock, for each step, while ended pairs are being forgotten.
constexpr base::Nanos kForgetStep = std::chrono::milliseconds(5);
constexpr std::size_t kForgetStepsMax = 1'000'000;

backends::dpdk::MemoryWireOptions wire_options() {
  return {.ring_frames = kRingFrames, .spare_buffers = kSpareBuffers};
}

std::uint32_t locals_for(const LabOptions& options, Work work) {
  if (work == Work::kLife) return kLifeLocals;
  return std::min(kLocalsMax, options.pairs / kPortsOfLocal + 2);
}

template <typename Ip>
EngineOptions engine_options(const LabOptions& options, Work work) {
  EngineOptions made;
  made.service = to_ip_port(service_endpoint<Ip>());
  made.server = to_ip_port(server_endpoint<Ip>());
  for (std::uint32_t i = 0; i < locals_for(options, work); ++i) {
    made.locals.push_back(to_ip_port<Ip>({make_ip<Ip>({Net::kLocal, i}), 0}));
  }
  made.core.pairs_max = work == Work::kLife ? kLifeSlots : options.pairs + std::size_t{1024};
  made.core.legs_max = kLegsMax;
  made.core.pages = options.pages;
  made.core.seed = {base::splitmix64(options.seed), base::splitmix64(~options.seed)};
  made.core.idle = std::chrono::hours(1);  // So that the sweep has to look at every pair.
  if (work == Work::kLife) {
    made.core.linger = kLifeWait;
    made.core.port_quarantine = kLifeWait;
  }
  return made;
}

}  // namespace

template <typename Ip>
Lab<Ip>::Lab(const LabOptions& options, Work work)
    : options_(options),
      clients_(work == Work::kLife ? kLifeClients : options.pairs),
      prng_(options.seed),
      wire_(wire_options()),
      engine_end_(wire_.end(0)),
      generator_({.clients = clients_,
                  .locals = locals_for(options, work),
                  .payload = options.payload,
                  .work = work,
                  .seed = options.seed + 1},
                 wire_.end(1), engine_end_.mac()) {
  findings_.resident_before = resident_bytes();
  engine_ = std::make_unique<Engine>(engine_options<Ip>(options, work), engine_end_, clock_.now());
  steps_until("the server's station", [this] { return engine_->reaches_server(); });
}

template <typename Ip>
typename Lab<Ip>::Mark Lab<Ip>::mark() {
  const backends::dpdk::DeviceStats& stats = engine_end_.stats();
  return {engine_->busy(), base::monotonic_now(), stats.received, stats.sent, speed_.sum()};
}

template <typename Ip>
void Lab<Ip>::add(Phase& phase, const Mark& since, std::uint64_t count) {
  const Mark now = mark();
  phase.count += count;
  phase.engine += now.engine - since.engine;
  phase.wall += now.wall - since.wall;
  phase.received += now.received - since.received;
  phase.sent += now.sent - since.sent;
  phase.speed.cycles += now.speed.cycles - since.speed.cycles;
  phase.speed.time += now.speed.time - since.speed.time;
}

template <typename Ip>
void Lab<Ip>::step() {
  generator_.flush();
  engine_->turn(clock_.now(), kOutMax);
  generator_.receive();
  if (steps_++ % kSpeedEvery == 0) speed_.sample();
}

template <typename Ip>
void Lab<Ip>::make_room() {
  while (wire_.end(1).stats().sent - engine_end_.stats().received > kBacklogMax) step();
}

template <typename Ip>
void Lab<Ip>::steps_until(const char* what, const std::function<bool()>& done) {
  std::size_t idle = 0;
  while (!done()) {
    const std::uint64_t before = engine_end_.stats().received + engine_end_.stats().sent;
    step();
    idle = engine_end_.stats().received + engine_end_.stats().sent == before ? idle + 1 : 0;
    if (idle < kIdleStepsMax) continue;
    findings_.leftovers.push_back(std::string("waited in vain for ") + what);
    return;
  }
}

template <typename Ip>
void Lab<Ip>::hold() {
  open_all();
  findings_.resident_after = resident_bytes();
  findings_.pairs_held = engine_->core().stats().pairs;
  findings_.table_bytes = engine_->core().stats().memory_bytes;
  findings_.pages =
      name_of(engine_->core().page_kind(kIsIp4<Ip> ? CoreFamily::kV4 : CoreFamily::kV6));
  findings_.mismatched = generator_.count_mismatched();
  Phase random{.name = "exchange, random pairs"};
  exchange(random, options_.requests, 0);
  findings_.phases.push_back(random);
  if (options_.flood) measure_flood();
  if (options_.mode == Mode::kTwo) two_threads();
  sweep();
  findings_.mismatched += generator_.count_mismatched();
  close_all();
  forget_all();
  finish();
}

template <typename Ip>
void Lab<Ip>::park(std::uint32_t count) {
  engine_->set_parked_target(count);
  steps_until("upstream connections", [&] { return engine_->parked() >= count; });
  engine_->set_parked_target(0);
}

// In portions: the upstream connections, then as many clients, then their first requests, which
// tell the ends whom they have got.
template <typename Ip>
void Lab<Ip>::open_all() {
  std::array<Phase, 3> phases;
  phases[0].name = "connect upstreams";
  phases[1].name = "open and attach clients";
  phases[2].name = "first exchange";
  for (std::uint32_t first = 0; first < options_.pairs; first += kPortion) {
    const std::uint32_t count = std::min(kPortion, options_.pairs - first);
    const std::uint32_t end = first + count;
    Mark since = mark();
    park(count);
    add(phases[0], since, count);
    since = mark();
    for_groups(first, end, [&](std::uint32_t client) { generator_.open(client); });
    steps_until("clients", [&] { return engine_->counts().attached >= end; });
    add(phases[1], since, count);
    since = mark();
    for_groups(first, end,
               [&](std::uint32_t client) { generator_.request(client, base::Nanos{0}); });
    steps_until("first replies", [&] { return generator_.stats().replied >= end; });
    step();  // The clients' last acknowledgements.
    add(phases[2], since, count);
    if (!findings_.leftovers.empty()) break;
  }
  findings_.phases.insert(findings_.phases.end(), phases.begin(), phases.end());
}

template <typename Ip>
template <typename Each>
void Lab<Ip>::for_groups(std::uint32_t first, std::uint32_t end, Each each) {
  for (std::uint32_t at = first; at < end;) {
    for (std::size_t i = 0; i < kGroup && at < end; ++i, ++at) each(at);
    step();
    make_room();
  }
}

// A client that has not got its last reply yet is passed over.
template <typename Ip>
void Lab<Ip>::ask_random(std::size_t count) {
  std::array<std::uint32_t, kGroup> chosen;
  count = std::min(count, chosen.size());
  for (std::size_t i = 0; i < count; ++i) {
    chosen[i] = static_cast<std::uint32_t>(prng_.below(clients_));
    generator_.prefetch(chosen[i]);
  }
  for (std::size_t i = 0; i < count; ++i) generator_.request(chosen[i], base::Nanos{0});
}

// flood_rate: SYNs for each second of the engine's time.
template <typename Ip>
void Lab<Ip>::exchange(Phase& phase, std::uint64_t requests, double flood_rate) {
  const Mark since = mark();
  const std::uint64_t asked_before = generator_.stats().asked;
  double owed = 0;
  while (generator_.stats().asked - asked_before < requests) {
    const std::uint64_t asked = generator_.stats().asked - asked_before;
    ask_random(static_cast<std::size_t>(std::min<std::uint64_t>(kGroup, requests - asked)));
    const auto strangers = static_cast<std::size_t>(std::min<double>(owed, kStrangersMax));
    owed -= static_cast<double>(strangers);
    generator_.flood(strangers);
    const base::Nanos busy = engine_->busy();
    step();
    make_room();
    owed += flood_rate * base::to_seconds(engine_->busy() - busy);
    if (!findings_.leftovers.empty()) break;
  }
  steps_until("replies", [&] { return generator_.stats().replied >= generator_.stats().asked; });
  step();
  add(phase, since, generator_.stats().asked - asked_before);
}

template <typename Ip>
void Lab<Ip>::sweep() {
  constexpr std::size_t kSlice = 65536;  // As the core's own slices.
  auto& core = engine_->core();
  while (!core.sweep(kSlice)) {
  }
  const CpuSpeed::Sum before = speed_.sum();
  for (bool done = false; !done;) {
    const base::Nanos begin = thread_time();
    done = core.sweep(kSlice);
    const base::Nanos took = thread_time() - begin;
    findings_.sweep += took;
    findings_.sweep_slice = std::max(findings_.sweep_slice, took);
    speed_.sample();
  }
  findings_.sweep_speed.cycles = speed_.sum().cycles - before.cycles;
  findings_.sweep_speed.time = speed_.sum().time - before.time;
}

// In an order in which neighbours in the table do not leave one after the other.
template <typename Ip>
void Lab<Ip>::close_all() {
  std::uint64_t stride = options_.pairs / 2 + options_.pairs / 9 + 1;
  while (std::gcd(stride, std::uint64_t{options_.pairs}) != 1) ++stride;
  Phase phase{.name = "close, both ways"};
  const Mark since = mark();
  std::uint64_t next = 0;
  for_groups(0, options_.pairs, [&](std::uint32_t) {
    generator_.close(static_cast<std::uint32_t>(next));
    next = (next + stride) % options_.pairs;
  });
  steps_until("FINs", [&] { return generator_.stats().server_closed >= options_.pairs; });
  steps_until("ended pairs", [&] { return engine_->counts().ended >= options_.pairs; });
  add(phase, since, options_.pairs);
  findings_.phases.push_back(phase);
}

// Moves the time until nothing lingers and nobody is half open, then past every quarantine.
template <typename Ip>
void Lab<Ip>::forget_all() {
  auto& core = engine_->core();
  Phase phase{.name = "free ended pairs"};
  const std::uint64_t lingering = core.stats().lingering;
  const Mark since = mark();
  engine_->reset_longest_turn();
  clock_.skip(std::chrono::seconds(6));
  for (std::size_t i = 0; i < kForgetStepsMax; ++i) {
    clock_.skip(kForgetStep);
    step();
    if (core.stats().pairs == 0 && core.stats().half_open == 0) break;
  }
  add(phase, since, lingering);
  findings_.longest_free = engine_->longest_turn();
  findings_.phases.push_back(phase);
  clock_.skip(std::chrono::seconds(120));
  step();
}

template <typename Ip>
void Lab<Ip>::finish() {
  findings_.core = engine_->core().stats();
  findings_.link = engine_->datapath().link_stats(0);
  findings_.generator = generator_.stats();
  findings_.integrity = generator_.stats().integrity;
  findings_.integrity.lost += engine_end_.stats().send_dropped + engine_end_.stats().no_buffers;
  findings_.failed = engine_->counts().failed;
  const auto& core = findings_.core;
  const auto none = [this](const char* what, std::uint64_t count) {
    if (count != 0) findings_.leftovers.push_back(std::to_string(count) + " " + what);
  };
  none("pairs", core.pairs);
  none("lingering", core.lingering);
  none("legs", core.legs);
  none("parked", core.parked);
  none("half open", core.half_open);
  none("openings", core.openings);
  none("early bytes", core.early_bytes);
  none("ports in use", core.ports_in_use);
  none("table entries", core.table_entries);
  none("failures seen by the owner", findings_.failed);
}

template class Lab<Ip4>;
template class Lab<Ip6>;

}  // namespace bench::c10m
