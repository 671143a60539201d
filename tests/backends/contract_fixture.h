// The fixture of the contract suite: one transport, its events, and pairs of far ends joined by a
// relay. A test reads like the line of architecture.md 3.1 that it checks.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "tests/backends/contract_harness.h"

namespace contract {

using Bytes = std::vector<std::byte>;

// The same seed gives the same bytes.
Bytes random_bytes(std::size_t count, std::uint64_t seed);

inline constexpr std::array<backends::Direction, backends::kDirections> kBothDirections = {
    backends::Direction::kToUpstream, backends::Direction::kToClient};

// A client and a service's connection with a relay of the transport between them.
struct Joined {
  std::unique_ptr<Peer> client;
  std::unique_ptr<Peer> upstream;
  backends::RelayProgress* progress = nullptr;  // The fixture's: a relay may outlive this.
  backends::RelayId relay = backends::RelayId::kNone;
  backends::Tag tag;

  Peer& source(backends::Direction direction) {
    return direction == backends::Direction::kToUpstream ? *client : *upstream;
  }
  Peer& receiver(backends::Direction direction) {
    return direction == backends::Direction::kToUpstream ? *upstream : *client;
  }
  std::uint64_t moved(backends::Direction direction) const {
    return progress->bytes[backends::index_of(direction)];
  }
};

// A client and a service's connection, both in the worker's hands.
struct Apart {
  std::unique_ptr<Peer> client;
  std::unique_ptr<Peer> upstream;
  backends::Connection client_connection;
  backends::Connection upstream_connection;
};

class Contract : public testing::TestWithParam<HarnessFactory> {
 public:
  ~Contract() override;

 protected:
  Contract();

  // Kinds of the tags that the fixture gives out; ids count up.
  static constexpr std::uint8_t kListenerTag = 1;
  static constexpr std::uint8_t kConnectTag = 2;
  static constexpr std::uint8_t kRelayTag = 3;
  static constexpr std::uint8_t kClientTag = 4;

  // Small, so that a wrong reservation shows.
  static backends::TransportOptions small() {
    return {.connections_max = 64, .clients_max = 32, .pipes_max = 8, .pipe_bytes = 0};
  }

  // The transport and its listener. Called by the first use with small().
  void start(const backends::TransportOptions& options);
  backends::Transport& transport();
  const base::Address& listener_address() const { return listener_address_; }
  backends::ListenerId listener() const { return listener_; }
  Service& service();
  void use_service_buffers(std::size_t bytes) { service_options_.buffer_bytes = bytes; }

  // Rounds of everybody until done; false when nothing happened for too long.
  bool pump(const std::function<bool()>& done);
  // Rounds until nothing has moved for a while: what could happen has happened.
  void settle();
  // One poll: its events go to events(), its clients to accepted().
  void poll(base::Nanos wait);

  std::unique_ptr<Peer> make_client(const PeerOptions& options = {});
  Apart make_apart(const PeerOptions& options = {});
  Joined join(const PeerOptions& client = {}, const backends::RelaySpec& spec = {});
  Joined join_apart(Apart apart, const backends::RelaySpec& spec = {});
  backends::Connection connect(const base::Address& remote, backends::Tag tag);
  backends::Tag next_tag(std::uint8_t kind);

  // Waits for kRelayDone and returns it.
  backends::Event wait_done(const Joined& joined);
  bool done(const Joined& joined) const;
  std::size_t count(backends::EventKind kind) const;
  std::size_t count(backends::EventKind kind, backends::Tag tag) const;
  const backends::Event* find(backends::EventKind kind, backends::Tag tag) const;

  const std::vector<backends::Event>& events() const { return events_; }
  std::deque<backends::Connection>& accepted() { return accepted_; }
  Harness& harness() const { return *harness_; }
  // Ends the transport, as a worker does when it stops.
  void destroy_transport();

 private:
  std::unique_ptr<Harness> harness_;
  PeerOptions service_options_;
  std::unique_ptr<Service> service_;
  std::deque<backends::RelayProgress> progress_;  // Addresses stay; outlives the transport.
  std::unique_ptr<backends::Transport> transport_;
  base::Address listener_address_;
  backends::ListenerId listener_ = backends::ListenerId::kNone;
  std::vector<backends::Event> events_;
  std::deque<backends::Connection> accepted_;
  std::uint32_t next_tag_ = 0;
};

std::string harness_name(const testing::TestParamInfo<HarnessFactory>& parameter);

// How gtest prints the parameter of a failed test.
void PrintTo(const HarnessFactory& factory, std::ostream* out);

}  // namespace contract
