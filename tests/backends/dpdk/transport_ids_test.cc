#include "backends/dpdk/transport_ids.h"

#include <gtest/gtest.h>

namespace backends::dpdk {
namespace {

TEST(TransportIds, ATokenIsTheEntryItWasMadeOf) {
  const base::SlotId id{.slot = 7, .generation = 3};
  EXPECT_EQ(unpack(pack(id)), id);
  EXPECT_EQ(slot_of(conn_of(id)), id);
  EXPECT_EQ(unpack(listener_token(id)), id);
  EXPECT_NE(listener_token(id), pack(id));
}

TEST(TransportIds, ARelayIsThePairItWasMadeOfAndNeverNone) {
  for (const auto family : {splice_core::CoreFamily::kV4, splice_core::CoreFamily::kV6}) {
    for (const std::uint32_t slot : {0U, 1U, 0x1fffffffU}) {
      const splice_core::PairId pair{.slot = slot, .stamp = 0xffff, .family = family};
      EXPECT_EQ(pair_of(relay_of(pair)), pair);
    }
  }
  EXPECT_NE(relay_of({}), RelayId::kNone);
}

}  // namespace
}  // namespace backends::dpdk
