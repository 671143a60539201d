// ConnectSpec::sources: which local address a connection comes from.
#include <array>
#include <string>
#include <utility>

#include "tests/backends/contract_fixture.h"

namespace contract {
namespace {

using backends::Connection;
using backends::Event;
using backends::EventKind;

class ContractSources : public Contract {
 protected:
  // Loopback has many addresses in v4 and one in v6.
  void SetUp() override {
    if (GetParam().family != base::Family::kV4) GTEST_SKIP() << "needs several local addresses";
  }

  static base::IpPort ip(const std::string& text) { return base::parse_address(text).value().ip; }

  std::pair<Connection, Event> dial(std::span<const base::IpPort> sources, std::size_t first) {
    backends::ConnectSpec spec;
    spec.remote = service().address();
    spec.sources = sources;
    spec.first_source = first;
    const backends::Tag tag = next_tag(kConnectTag);
    Connection connection = transport().connect(spec, tag);
    EXPECT_TRUE(pump([&] { return count(EventKind::kConnected, tag) == 1; }));
    return {std::move(connection), *find(EventKind::kConnected, tag)};
  }

  std::string source_of(const Connection& connection) {
    return base::ip_to_string(transport().local(connection.id()).ip);
  }
};

TEST_P(ContractSources, TheFirstOneIsTheOneThatWasAskedFor) {
  const std::array sources = {ip("127.0.0.2:0"), ip("127.0.0.3:0")};
  for (std::size_t first = 0; first < 4; ++first) {
    const auto [connection, event] = dial(sources, first);
    ASSERT_EQ(event.error, base::Errno::kNone);
    EXPECT_EQ(source_of(connection), first % 2 == 0 ? "127.0.0.2" : "127.0.0.3");
  }
  EXPECT_EQ(transport().stats().sources_exhausted, 0U);
}

TEST_P(ContractSources, OneOfAnotherFamilyIsPassedOver) {
  const std::array sources = {ip("[::1]:0"), ip("127.0.0.3:0")};
  const auto [connection, event] = dial(sources, 0);
  ASSERT_EQ(event.error, base::Errno::kNone);
  EXPECT_EQ(source_of(connection), "127.0.0.3");
}

TEST_P(ContractSources, WhereNoneFitsThereIsNoConnection) {
  const std::array sources = {ip("[::1]:0")};
  const auto [connection, event] = dial(sources, 0);
  EXPECT_EQ(event.error, base::to_errno(EADDRNOTAVAIL));
  EXPECT_EQ(service().accept(), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Engines, ContractSources, testing::ValuesIn(harnesses()), harness_name);

}  // namespace
}  // namespace contract
