// Many relays of one transport, with the test's own far ends. Every byte of a stream has its value
// from its place and its relay, so a lost, doubled or exchanged one shows.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "backends/transport.h"
#include "backends/transport_factory.h"
#include "base/fd.h"

namespace backends::io_uring {

struct CrowdOptions {
  std::size_t relays = 1;
  TransportOptions transport = {};
  // Of the far ends, and of the transport's sockets towards the services; 0: the system's default.
  int far_buffer_bytes = 0;
  int send_buffer_bytes = 0;
  // Bytes that each client sends before its relay begins.
  std::size_t sent_before = 0;
};

struct Crowd {
  struct Pair {
    base::UniqueFd client;
    base::UniqueFd upstream;
    RelayProgress progress;
    RelayId relay = RelayId::kNone;
    std::size_t sent = 0;  // By the client,
    std::size_t got = 0;   // and read by the upstream.
    bool wrong = false;    // A byte was not the one of its place.
  };

  std::unique_ptr<TransportFactory> factory;
  std::unique_ptr<Transport> transport;
  ListenerId listener = ListenerId::kNone;
  base::Address address;  // Of the listener.
  base::UniqueFd service;
  std::deque<Pair> pairs;
  std::vector<Event> events;

  explicit Crowd(const CrowdOptions& options);
  ~Crowd();
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  // Descriptors that one relay costs.
  static constexpr std::size_t kDescriptors = 4;
  // As many relays as this process has descriptors for, at most that many.
  static std::size_t affordable(std::size_t relays);

  const TransportStats& stats() const { return transport->stats(); }
  std::uint64_t moved_by(Method method) const {
    return stats().method_bytes[static_cast<std::size_t>(method)];
  }
  std::size_t count(EventKind kind) const;
  // A client's socket, connected to the listener. Blocking.
  base::UniqueFd connect_client() const;
  // A connection to the service whose far end is put into accepted.
  Connection connect_upstream(base::UniqueFd& accepted);

  void poll(base::Nanos wait = base::Nanos{0});
  // Without waiting. The client sends until so many bytes have left it in all; what is taken.
  void send(std::size_t pair, std::size_t total);
  // The upstream reads what has come.
  void receive(std::size_t pair);
  // Rounds of everybody until each client's bytes have come. True: all, and all in their place.
  bool finish(std::size_t total, int rounds_max = 20'000);
};

}  // namespace backends::io_uring
