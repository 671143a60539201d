#include "backends/dpdk/packet_numbers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "backends/dpdk/memory_device.h"

namespace backends::dpdk {
namespace {

class PacketNumbers : public testing::Test {
 protected:
  PacketNumbers() {
    DatapathOptions options;
    options.core.pairs_max = 64;
    options.core.legs_max = 64;
    options.core.seed = {0x1234567890abcdef, 0xfedcba0987654321};
    options.addresses = {{.port = 0,
                          .prefix_bits = 24,
                          .address = base::parse_address("10.0.0.1:0").value().ip,
                          .gateway = {}}};
    Device* const device = &wire_.end(0);
    datapath_ = std::make_unique<Datapath>(std::move(options), std::span(&device, 1),
                                           splice_core::PortChoice{}, base::Nanos{1});
  }
  std::vector<PacketNumber> list() {
    std::vector<PacketNumber> numbers;
    list_numbers(*datapath_, numbers);
    return numbers;
  }
  static std::uint64_t value(const std::vector<PacketNumber>& numbers, PacketNumberKind kind,
                             std::string_view name) {
    const auto found = std::ranges::find_if(
        numbers, [&](const PacketNumber& each) { return each.kind == kind && each.name == name; });
    return found == numbers.end() ? ~std::uint64_t{0} : found->value;
  }

  MemoryWire wire_{{}};
  std::unique_ptr<Datapath> datapath_;
};

TEST_F(PacketNumbers, NoNameComesTwiceInAKind) {
  std::set<std::tuple<PacketNumberKind, std::string, std::string>> seen;
  for (const PacketNumber& each : list()) {
    EXPECT_TRUE(seen.emplace(each.kind, each.port, each.name).second) << each.name;
  }
  EXPECT_LE(seen.size(), Transport::kPacketNumbersMax);
}

TEST_F(PacketNumbers, TheyAreTheSameOnesEachTime) {
  const auto before = list();
  datapath_->round(std::chrono::seconds(1));
  const auto after = list();
  ASSERT_EQ(before.size(), after.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i].kind, after[i].kind);
    EXPECT_EQ(before[i].name, after[i].name);
    EXPECT_EQ(before[i].port, after[i].port);
  }
}

TEST_F(PacketNumbers, ADroppedFrameShowsUpWithItsReasonAndItsPort) {
  Device& far = wire_.end(1);
  Frame frame;
  ASSERT_TRUE(far.allocate(frame));
  frame.size = 4;  // No Ethernet header.
  far.send(std::span(&frame, 1));
  datapath_->round(std::chrono::seconds(1));
  const auto numbers = list();
  EXPECT_EQ(value(numbers, PacketNumberKind::kDropped, "link_short"), 1U);
  EXPECT_EQ(value(numbers, PacketNumberKind::kPortPackets, "received"), 1U);
  EXPECT_EQ(value(numbers, PacketNumberKind::kPortBytes, "received"), 4U);
  EXPECT_EQ(value(numbers, PacketNumberKind::kHeld, "pairs"), 0U);
  EXPECT_EQ(value(numbers, PacketNumberKind::kCounted, "bursts"), 1U);
}

}  // namespace
}  // namespace backends::dpdk
