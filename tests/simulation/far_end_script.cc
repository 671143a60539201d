#include "tests/simulation/far_end_script.h"

#include <utility>

#include "tests/simulation/world.h"

namespace simulation {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::size_t kStepsMax = 5;
// A slow reader takes a piece each millisecond, so often, and then everything.
constexpr std::size_t kSlowReads = 100;

std::size_t draw_size(base::Prng& prng) {
  const std::uint64_t kind = prng.below(100);
  if (kind < 60) return prng.between(1, 500);
  if (kind < 92) return prng.between(1, 8'000);
  return prng.between(1, 60'000);
}

base::Nanos draw_pause(base::Prng& prng) {
  const std::uint64_t kind = prng.below(100);
  if (kind < 40) return base::Nanos{0};
  if (kind < 80) return microseconds(prng.below(3'000));
  return milliseconds(prng.below(800));
}

}  // namespace

FarEndScript::FarEndScript(backends::SimNetwork& network, backends::SimPeer& peer, base::Prng& prng,
                           std::set<std::uint64_t>& cut)
    : network_(network), peer_(peer), cut_(cut), polite_(prng.chance(800)) {
  const std::size_t steps = prng.below(kStepsMax + 1);
  for (std::size_t i = 0; i < steps; ++i) steps_.push_back(draw(prng));
  if (polite_) {
    steps_.push_back({draw_pause(prng), Act::kRead, 0});
    steps_.push_back({draw_pause(prng), Act::kShutdown, 0});
  }
  next();
}

FarEndScript::Step FarEndScript::draw(base::Prng& prng) {
  const base::Nanos pause = draw_pause(prng);
  const std::uint64_t kind = prng.below(100);
  if (kind < 60) return {pause, Act::kSend, draw_size(prng)};
  if (kind < 68) return {pause, Act::kShutdown, 0};
  if (kind < 75) return {pause, Act::kStopReading, 0};
  if (kind < 80) return {pause, Act::kRead, 0};
  if (kind < 86) return {pause, Act::kReadSlowly, prng.between(1, 500)};
  if (kind < 91) return {pause, Act::kClose, 0};
  if (kind < 98) return {pause, Act::kReset, 0};
  return {pause, Act::kCut, 0};
}

void FarEndScript::next() {
  if (at_ == steps_.size()) return;
  network_.at(network_.now() + steps_[at_].after, [this] {
    perform(steps_[at_++]);
    next();
  });
}

void FarEndScript::perform(const Step& step) {
  if (peer_.gone() || peer_.state() == backends::SimPeer::State::kRefused) return;
  switch (step.act) {
    case Act::kSend:
      if (!peer_.finishing()) {
        peer_.send(keyed_stream(peer_.number() * 1000 + at_, step.size));
      }
      return;
    case Act::kShutdown:
      return peer_.shutdown_write();
    case Act::kStopReading:
      return peer_.stop_reading();
    case Act::kRead:
      return peer_.read();
    case Act::kReadSlowly:
      peer_.read(step.size);
      return nudge(kSlowReads);
    case Act::kClose:
      return peer_.close();
    case Act::kReset:
      return peer_.reset();
    case Act::kCut:
      if (peer_.state() != backends::SimPeer::State::kOpen || peer_.was_reset()) return;
      cut_.insert(peer_.number());
      return network_.cut(peer_.socket());
  }
}

void FarEndScript::nudge(std::size_t left) {
  if (peer_.gone() || peer_.state() == backends::SimPeer::State::kRefused) return;
  if (left == 0) {
    if (!peer_.paused()) peer_.read();
    return;
  }
  peer_.pump();
  network_.at(network_.now() + milliseconds(1), [this, left] { nudge(left - 1); });
}

}  // namespace simulation
