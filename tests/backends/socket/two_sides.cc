#include "tests/backends/socket/two_sides.h"

#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "backends/socket/socket_options.h"
#include "base/assert.h"
#include "base/prng.h"

namespace backends::socket {
namespace {

constexpr int kRoundsMax = 200'000;

base::UniqueFd new_far_end(int buffer_bytes) {
  base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (buffer_bytes != 0) {
    CHECK(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof(buffer_bytes)) == 0);
  }
  return fd;
}

}  // namespace

std::vector<std::string> usable_engines() {
  std::vector<std::string> usable;
  for (const EngineInfo& engine : engines()) {
    if (engine.usable && !engine.needs_ports) usable.emplace_back(engine.name);
  }
  return usable;
}

TwoSides::TwoSides(std::string_view engine, const TransportOptions& options, int buffer_bytes)
    : factory(std::move(*make_transport_factory(engine))),
      transport(factory->make(options).value()) {
  CHECK(transport->name() == engine);
  const base::Address any = base::parse_address("127.0.0.1:0").value();
  const base::Address address = factory->claim({.address = any, .tcp = {}}).value();
  CHECK(transport->listen({.address = address, .tcp = {}}, {}).has_value());

  service = new_far_end(buffer_bytes);
  const base::RawAddress raw_any = base::to_raw(any);
  CHECK(::bind(service.get(), raw_any.get(), raw_any.size) == 0);
  CHECK(::listen(service.get(), 1) == 0);

  client = new_far_end(buffer_bytes);
  const base::RawAddress raw = base::to_raw(address);
  CHECK(::connect(client.get(), raw.get(), raw.size) == 0);
  ConnectSpec spec;
  spec.remote = local_of(service.get());
  Connection to_service = transport->connect(spec, {});
  upstream = base::UniqueFd(::accept4(service.get(), nullptr, nullptr, SOCK_CLOEXEC));
  Connection from_client;
  bool connected = false;
  for (int round = 0; round < kRoundsMax && !(connected && from_client); ++round) {
    for (const Event& event : transport->poll(std::chrono::milliseconds(1))) {
      if (event.kind == EventKind::kAccepted) from_client = Connection(*transport, event.conn);
      connected |= event.kind == EventKind::kConnected;
    }
  }
  CHECK(connected && from_client);
  relay = transport->relay(std::move(from_client), std::move(to_service), {}, progress, {});
  poll(base::Nanos{0});
}

void TwoSides::poll(base::Nanos wait) {
  const auto batch = transport->poll(wait);
  events.insert(events.end(), batch.begin(), batch.end());
}

bool TwoSides::pass(std::size_t bytes, std::size_t chunk) {
  base::Prng prng(bytes);
  std::vector<std::byte> sent(bytes);
  for (std::byte& byte : sent) byte = static_cast<std::byte>(prng.below(256));
  std::vector<std::byte> got(bytes);
  std::size_t out = 0;
  std::size_t in = 0;
  for (int round = 0; round < kRoundsMax && in < bytes; ++round) {
    const ssize_t written = ::send(client.get(), sent.data() + out, std::min(chunk, bytes - out),
                                   MSG_DONTWAIT | MSG_NOSIGNAL);
    if (written > 0) out += static_cast<std::size_t>(written);
    poll(std::chrono::milliseconds(written > 0 ? 0 : 1));
    const ssize_t read = ::recv(upstream.get(), got.data() + in, bytes - in, MSG_DONTWAIT);
    if (read > 0) in += static_cast<std::size_t>(read);
  }
  return in == bytes && sent == got;
}

}  // namespace backends::socket
