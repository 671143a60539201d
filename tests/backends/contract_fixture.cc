#include "tests/backends/contract_fixture.h"

#include <algorithm>
#include <chrono>
#include <ostream>
#include <utility>

#include "base/assert.h"
#include "base/prng.h"

namespace contract {
namespace {

// One round waits this long when nothing moved.
constexpr base::Nanos kRound = std::chrono::milliseconds(1);
// Without any progress for so many rounds a test has failed,
constexpr int kIdleRoundsMax = 4000;
// and after so few it is quiet. Longer than the longest wait of a transport for something that it
// has to look at again (a pending reset: 100 ms).
constexpr int kQuietRounds = 120;
constexpr int kRoundsMax = 400'000;

}  // namespace

Bytes random_bytes(std::size_t count, std::uint64_t seed) {
  base::Prng prng(seed);
  Bytes bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(prng.below(256));
  return bytes;
}

Contract::Contract() : harness_(GetParam().make()) {}

Contract::~Contract() { destroy_transport(); }

void Contract::destroy_transport() {
  for (backends::Connection& connection : accepted_) connection.close(backends::CloseMode::kReset);
  accepted_.clear();
  transport_.reset();
}

void Contract::start(const backends::TransportOptions& options) {
  CHECK(transport_ == nullptr);
  transport_ = harness_->make_transport(options);
  listener_address_ = harness_->listen_address();
  const auto listening =
      transport_->listen({.address = listener_address_, .tcp = {}}, {kListenerTag, {}});
  CHECK(listening.has_value());
  listener_ = *listening;
}

backends::Transport& Contract::transport() {
  if (transport_ == nullptr) start(small());
  return *transport_;
}

Service& Contract::service() {
  if (service_ == nullptr) service_ = harness_->make_service(service_options_);
  return *service_;
}

void Contract::poll(base::Nanos wait) {
  for (const backends::Event& event : transport().poll(wait)) {
    events_.push_back(event);
    if (event.kind == backends::EventKind::kAccepted) {
      accepted_.emplace_back(transport(), event.conn);
    }
  }
}

bool Contract::pump(const std::function<bool()>& done) {
  int idle = 0;
  for (int round = 0; round < kRoundsMax && idle < kIdleRoundsMax; ++round) {
    if (done()) return true;
    const bool moved = harness_->step();
    const std::size_t before = events_.size();
    poll(moved ? base::Nanos{0} : kRound);
    idle = moved || events_.size() != before ? 0 : idle + 1;
  }
  return done();
}

void Contract::settle() {
  int idle = 0;
  for (int round = 0; round < kRoundsMax && idle < kQuietRounds; ++round) {
    const bool moved = harness_->step();
    const std::size_t before = events_.size();
    poll(moved ? base::Nanos{0} : kRound);
    idle = moved || events_.size() != before ? 0 : idle + 1;
  }
  CHECK(idle == kQuietRounds);  // A far end that never stops is a broken test.
}

backends::Tag Contract::next_tag(std::uint8_t kind) {
  return {kind, {.slot = ++next_tag_, .generation = 1}};
}

std::unique_ptr<Peer> Contract::make_client(const PeerOptions& options) {
  transport();
  return harness_->make_client(listener_address_, options);
}

backends::Connection Contract::connect(const base::Address& remote, backends::Tag tag) {
  backends::ConnectSpec spec;
  spec.remote = remote;
  return transport().connect(spec, tag);
}

Apart Contract::make_apart(const PeerOptions& options) {
  Apart apart;
  apart.client = make_client(options);
  const std::size_t before = accepted_.size();
  CHECK(pump([&] { return accepted_.size() > before && apart.client->connected(); }));
  apart.client_connection = std::move(accepted_.back());
  accepted_.pop_back();
  transport().retag(apart.client_connection.id(), next_tag(kClientTag));

  const backends::Tag tag = next_tag(kConnectTag);
  apart.upstream_connection = connect(service().address(), tag);
  CHECK(pump([&] {
    if (apart.upstream == nullptr) apart.upstream = service().accept();
    return apart.upstream != nullptr && count(backends::EventKind::kConnected, tag) == 1;
  }));
  CHECK(find(backends::EventKind::kConnected, tag)->error == base::Errno::kNone);
  return apart;
}

Joined Contract::join(const PeerOptions& client, const backends::RelaySpec& spec) {
  return join_apart(make_apart(client), spec);
}

Joined Contract::join_apart(Apart apart, const backends::RelaySpec& spec) {
  Joined joined;
  joined.client = std::move(apart.client);
  joined.upstream = std::move(apart.upstream);
  joined.tag = next_tag(kRelayTag);
  joined.progress = &progress_.emplace_back();
  joined.relay =
      transport().relay(std::move(apart.client_connection), std::move(apart.upstream_connection),
                        spec, *joined.progress, joined.tag);
  return joined;
}

bool Contract::done(const Joined& joined) const {
  return count(backends::EventKind::kRelayDone, joined.tag) != 0;
}

backends::Event Contract::wait_done(const Joined& joined) {
  EXPECT_TRUE(pump([&] { return done(joined); })) << "the relay did not end";
  const backends::Event* event = find(backends::EventKind::kRelayDone, joined.tag);
  return event == nullptr ? backends::Event{.kind = backends::EventKind::kWoken, .tag = {}}
                          : *event;
}

std::size_t Contract::count(backends::EventKind kind) const {
  return static_cast<std::size_t>(std::ranges::count(events_, kind, &backends::Event::kind));
}

std::size_t Contract::count(backends::EventKind kind, backends::Tag tag) const {
  return static_cast<std::size_t>(std::ranges::count_if(events_, [&](const backends::Event& event) {
    return event.kind == kind && event.tag == tag;
  }));
}

const backends::Event* Contract::find(backends::EventKind kind, backends::Tag tag) const {
  const auto found = std::ranges::find_if(events_, [&](const backends::Event& event) {
    return event.kind == kind && event.tag == tag;
  });
  return found == events_.end() ? nullptr : &*found;
}

std::string harness_name(const testing::TestParamInfo<HarnessFactory>& parameter) {
  return parameter.param.name;
}

void PrintTo(const HarnessFactory& factory, std::ostream* out) { *out << factory.name; }

}  // namespace contract
