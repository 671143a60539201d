// ConnectSpec::sources: which local address a connection comes from.
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "tests/backends/contract_fixture.h"

namespace contract {
namespace {

using backends::Connection;
using backends::Event;
using backends::EventKind;

class ContractSources : public Contract {
 protected:
  void SetUp() override {
    ours_ = harness().sources();
    if (ours_.empty()) GTEST_SKIP() << "needs several local addresses";
    const bool v4 = GetParam().family == base::Family::kV4;
    foreign_ = base::parse_address(v4 ? "[::1]:0" : "127.0.0.1:0").value().ip;
  }

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

  std::vector<base::IpPort> ours_;
  base::IpPort foreign_;  // Of the other family.
};

TEST_P(ContractSources, TheFirstOneIsTheOneThatWasAskedFor) {
  for (std::size_t first = 0; first < 4; ++first) {
    const auto [connection, event] = dial(ours_, first);
    ASSERT_EQ(event.error, base::Errno::kNone);
    EXPECT_EQ(source_of(connection), base::ip_to_string(ours_[first % 2]));
  }
  EXPECT_EQ(transport().stats().sources_exhausted, 0U);
}

TEST_P(ContractSources, OneOfAnotherFamilyIsPassedOver) {
  const std::array sources = {foreign_, ours_[1]};
  const auto [connection, event] = dial(sources, 0);
  ASSERT_EQ(event.error, base::Errno::kNone);
  EXPECT_EQ(source_of(connection), base::ip_to_string(ours_[1]));
}

TEST_P(ContractSources, WhereNoneFitsThereIsNoConnection) {
  const std::array sources = {foreign_};
  const auto [connection, event] = dial(sources, 0);
  EXPECT_EQ(event.error, base::to_errno(EADDRNOTAVAIL));
  EXPECT_EQ(service().accept(), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Engines, ContractSources, testing::ValuesIn(harnesses()), harness_name);

}  // namespace
}  // namespace contract
