#include "tests/backends/io_uring/crowd.h"

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "backends/socket/socket_options.h"
#include "base/assert.h"
#include "tests/backends/io_uring/uring_fixture.h"

namespace backends::io_uring {
namespace {

constexpr int kRoundsMax = 20'000;

std::byte byte_at(std::size_t pair, std::size_t place) {
  return static_cast<std::byte>((place * 31 + place / 256 + pair * 7) & 0xffU);
}

void set_buffer(int fd, int option, int bytes) {
  if (bytes == 0) return;
  CHECK(::setsockopt(fd, SOL_SOCKET, option, &bytes, sizeof(bytes)) == 0);
}

}  // namespace

std::size_t Crowd::affordable(std::size_t relays) {
  rlimit limit{};
  CHECK(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const auto used = static_cast<std::size_t>(next_descriptor()) + 100;
  const std::size_t left = limit.rlim_cur > used ? limit.rlim_cur - used : 0;
  return std::min(relays, left / kDescriptors);
}

Crowd::Crowd(const CrowdOptions& options)
    : factory(std::move(*make_transport_factory("io_uring"))),
      transport(factory->make(options.transport).value()) {
  CHECK(transport->name() == "io_uring");
  const base::Address any = base::parse_address("127.0.0.1:0").value();
  address = factory->claim({.address = any, .tcp = {}}).value();
  listener = transport->listen({.address = address, .tcp = {}}, {}).value();
  service = base::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  set_buffer(service.get(), SO_RCVBUF, options.far_buffer_bytes);
  const base::RawAddress raw = base::to_raw(any);
  CHECK(::bind(service.get(), raw.get(), raw.size) == 0);
  CHECK(::listen(service.get(), SOMAXCONN) == 0);

  std::vector<std::array<Connection, 2>> apart(options.relays);
  for (std::size_t i = 0; i < options.relays; ++i) {
    Pair& pair = pairs.emplace_back();
    pair.client = connect_client();
    set_buffer(pair.client.get(), SO_SNDBUF, options.far_buffer_bytes);
    const int upstream_fd = next_descriptor();
    apart[i][1] = connect_upstream(pair.upstream);
    set_buffer(upstream_fd, SO_SNDBUF, options.send_buffer_bytes);
    bool connected = false;
    for (int round = 0; round < kRoundsMax && !(connected && apart[i][0]); ++round) {
      for (const Event& event : transport->poll(std::chrono::milliseconds(1))) {
        if (event.kind == EventKind::kAccepted) apart[i][0] = Connection(*transport, event.conn);
        connected |= event.kind == EventKind::kConnected;
      }
    }
    CHECK(connected && apart[i][0]);
    send(i, options.sent_before);
  }
  for (std::size_t i = 0; i < options.relays; ++i) {
    pairs[i].relay = transport->relay(std::move(apart[i][0]), std::move(apart[i][1]), {},
                                      pairs[i].progress, {1, {static_cast<std::uint32_t>(i), 1}});
  }
  poll();
}

Crowd::~Crowd() { transport.reset(); }

std::size_t Crowd::count(EventKind kind) const {
  return static_cast<std::size_t>(std::ranges::count(events, kind, &Event::kind));
}

base::UniqueFd Crowd::connect_client() const {
  base::UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const base::RawAddress raw = base::to_raw(address);
  CHECK(::connect(client.get(), raw.get(), raw.size) == 0);
  return client;
}

Connection Crowd::connect_upstream(base::UniqueFd& accepted) {
  ConnectSpec spec;
  spec.remote = socket::local_of(service.get());
  Connection connection = transport->connect(spec, {});
  accepted = base::UniqueFd(::accept4(service.get(), nullptr, nullptr, SOCK_CLOEXEC));
  CHECK(accepted);
  return connection;
}

void Crowd::poll(base::Nanos wait) {
  const auto batch = transport->poll(wait);
  events.insert(events.end(), batch.begin(), batch.end());
}

void Crowd::send(std::size_t pair, std::size_t total) {
  Pair& sender = pairs[pair];
  std::array<std::byte, 16UL * 1024> bytes{};
  while (sender.sent < total) {
    const std::size_t count = std::min(bytes.size(), total - sender.sent);
    for (std::size_t i = 0; i < count; ++i) bytes[i] = byte_at(pair, sender.sent + i);
    const ssize_t taken =
        ::send(sender.client.get(), bytes.data(), count, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (taken <= 0) return;
    sender.sent += static_cast<std::size_t>(taken);
  }
}

void Crowd::receive(std::size_t pair) {
  Pair& receiver = pairs[pair];
  std::array<std::byte, 16UL * 1024> bytes{};
  for (;;) {
    const ssize_t taken = ::recv(receiver.upstream.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (taken <= 0) return;
    for (std::size_t i = 0; i < static_cast<std::size_t>(taken); ++i) {
      receiver.wrong |= bytes[i] != byte_at(pair, receiver.got + i);
    }
    receiver.got += static_cast<std::size_t>(taken);
  }
}

bool Crowd::finish(std::size_t total, int rounds_max) {
  const auto done = [total](const Pair& pair) { return pair.got == total; };
  for (int round = 0; round < rounds_max && !std::ranges::all_of(pairs, done); ++round) {
    for (std::size_t pair = 0; pair < pairs.size(); ++pair) {
      send(pair, total);
      receive(pair);
    }
    poll(std::chrono::milliseconds(round % 16 == 15 ? 1 : 0));
  }
  return std::ranges::all_of(pairs, done) && std::ranges::none_of(pairs, &Pair::wrong);
}

}  // namespace backends::io_uring
