// path() and RelaySpec::sample_path: what is known of the way to the upstream.
#include <utility>

#include "tests/backends/contract_fixture.h"

namespace contract {
namespace {

using backends::Event;
using backends::PathFacts;
using backends::RelayEnd;
using backends::RelaySpec;

class ContractPath : public Contract {
 protected:
  static bool measured() { return GetParam().family != base::Family::kUnix; }

  Joined join_sampling(bool sample) {
    RelaySpec spec;
    spec.sample_path = sample;
    spec.return_unused = backends::ReturnUnused::kAfterResetOrFin;
    return join({}, spec);
  }

  void talk(Joined& joined) {
    joined.client->send(random_bytes(100, 1));
    ASSERT_TRUE(pump([&] { return joined.upstream->received().size() == 100; }));
  }

  Event finish(Joined& joined) {
    joined.client->shutdown_write();
    joined.upstream->shutdown_write();
    return wait_done(joined);
  }
};

TEST_P(ContractPath, ALiveRelayKnowsItsPath) {
  Joined joined = join_sampling(false);
  talk(joined);
  const PathFacts facts = transport().path(joined.relay);
  EXPECT_EQ(facts.rtt_us > 0, measured());
  EXPECT_LT(facts.rtt_us, 60'000'000U) << "microseconds of a path on one machine";
}

TEST_P(ContractPath, TheEndOfARelayCarriesThePathWhenThatWasAsked) {
  for (const bool sample : {false, true}) {
    Joined joined = join_sampling(sample);
    talk(joined);
    const Event end = finish(joined);
    EXPECT_EQ(end.relay_end, RelayEnd::kBothClosed);
    EXPECT_EQ(end.rtt_us > 0, sample && measured());
    if (!sample) {
      EXPECT_EQ(end.retransmits, 0U);
    }
  }
}

TEST_P(ContractPath, EveryKindOfEndCarriesIt) {
  Joined aborted = join_sampling(true);
  transport().abort(aborted.relay);
  EXPECT_EQ(wait_done(aborted).rtt_us > 0, measured());

  if (harness().cannot(Feature::kReturnUnused).empty()) {
    Joined unused = join_sampling(true);
    unused.client->close();
    const Event end = wait_done(unused);
    EXPECT_EQ(end.relay_end, RelayEnd::kUnused);
    EXPECT_EQ(end.rtt_us > 0, measured());
    const backends::Connection upstream(transport(), end.conn);
  }

  if (!harness().has_reset()) return;
  Joined cut = join_sampling(true);
  talk(cut);
  cut.upstream->reset();
  const Event reset = wait_done(cut);
  EXPECT_EQ(reset.relay_end, RelayEnd::kUpstreamReset);
  EXPECT_GT(reset.rtt_us, 0U);
}

TEST_P(ContractPath, ARelayThatHasEndedHasNone) {
  Joined joined = join_sampling(true);
  static_cast<void>(finish(joined));
  EXPECT_EQ(transport().path(joined.relay).rtt_us, 0U);
}

INSTANTIATE_TEST_SUITE_P(Engines, ContractPath, testing::ValuesIn(harnesses()), harness_name);

}  // namespace
}  // namespace contract
