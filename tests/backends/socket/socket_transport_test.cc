#include "backends/socket/socket_transport.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>

#include "tests/backends/socket/two_sides.h"

namespace backends::socket {
namespace {

class SocketTransportOfEngine : public testing::TestWithParam<std::string> {};

TEST_P(SocketTransportOfEngine, SaysWhereItsTimeWent) {
  TwoSides two(GetParam());
  const base::Nanos before = two.transport->stats().waited;
  // The end of an earlier ring of this process may interrupt a poll: it says nothing, but early.
  const base::Nanos begin = base::monotonic_now();
  while (base::monotonic_now() - begin < std::chrono::milliseconds(30)) {
    two.poll(std::chrono::milliseconds(30));
  }
  EXPECT_GE(two.transport->stats().waited - before, std::chrono::milliseconds(25));
  const base::Nanos idle = two.transport->stats().waited;
  two.poll(base::Nanos{0});
  EXPECT_EQ(two.transport->stats().waited, idle);
}

TEST_P(SocketTransportOfEngine, AConnectionComesFromTheAskedSource) {
  const auto factory = std::move(*make_transport_factory(GetParam()));
  const auto transport = factory->make({}).value();
  const base::UniqueFd service(::socket(AF_INET, SOCK_STREAM, 0));
  const base::RawAddress any = base::to_raw(base::parse_address("127.0.0.1:0").value());
  ASSERT_EQ(::bind(service.get(), any.get(), any.size), 0);
  ASSERT_EQ(::listen(service.get(), 1), 0);
  ConnectSpec spec;
  spec.remote = local_of(service.get());
  const std::array sources = {base::parse_address("127.0.0.9:0").value().ip};
  spec.sources = sources;
  const Connection connection = transport->connect(spec, {});
  const base::UniqueFd accepted(::accept(service.get(), nullptr, nullptr));
  ASSERT_TRUE(accepted);
  EXPECT_EQ(base::ip_to_string(peer_of(accepted.get()).ip), "127.0.0.9");
  EXPECT_EQ(base::ip_to_string(transport->local(connection.id()).ip), "127.0.0.9");
}

TEST_P(SocketTransportOfEngine, ASourceThatIsNotOursFailsTheConnect) {
  const auto factory = std::move(*make_transport_factory(GetParam()));
  const auto transport = factory->make({}).value();
  ConnectSpec spec;
  spec.remote = base::parse_address("127.0.0.1:9").value();
  const std::array sources = {base::parse_address("192.0.2.1:0").value().ip};
  spec.sources = sources;
  const Connection connection = transport->connect(spec, {});
  const auto events = transport->poll(base::Nanos{0});
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, EventKind::kConnected);
  EXPECT_EQ(events[0].error, base::to_errno(EADDRNOTAVAIL));
}

INSTANTIATE_TEST_SUITE_P(Engines, SocketTransportOfEngine, testing::ValuesIn(usable_engines()),
                         [](const auto& parameter) { return parameter.param; });

}  // namespace
}  // namespace backends::socket
