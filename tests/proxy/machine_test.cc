#include "proxy/machine.h"

#include <gtest/gtest.h>
#include <linux/capability.h>

#include "base/cpu.h"
#include "tests/proxy/fake_settings.h"

namespace proxy {
namespace {

using Numbers = std::vector<std::uint64_t>;

TEST(KernelSettings, ReadsTextWithoutTheSpaceAroundIt) {
  const testing::FakeSettings fake;
  fake.set("proc/sys/net/ipv4/tcp_congestion_control", "cubic\n");
  EXPECT_EQ(fake.settings().text("proc/sys/net/ipv4/tcp_congestion_control"), "cubic");
}

TEST(KernelSettings, ReadsNumbersAsTheKernelWritesThem) {
  const testing::FakeSettings fake;
  fake.set("proc/range", "32768\t60999\n");
  fake.set("proc/one", "4096\n");
  EXPECT_EQ(fake.settings().numbers("proc/range"), Numbers({32768, 60999}));
  EXPECT_EQ(fake.settings().number("proc/range"), std::nullopt);
  EXPECT_EQ(fake.settings().number("proc/one"), 4096U);
}

TEST(KernelSettings, WhatCannotBeReadIsNothing) {
  const testing::FakeSettings fake;
  fake.set("proc/empty", "");
  fake.set("proc/blank", " \n");
  fake.set("proc/words", "12 monkeys\n");
  fake.set("proc/negative", "-1\n");
  fake.set("proc/huge", "99999999999999999999999\n");
  fake.set("proc/binary", std::string("\xff\x00\x01", 3));
  const KernelSettings settings = fake.settings();
  EXPECT_EQ(settings.text("proc/missing"), std::nullopt);
  EXPECT_EQ(settings.text("proc"), std::nullopt) << "a directory";
  EXPECT_EQ(settings.text("proc/empty"), std::nullopt);
  EXPECT_EQ(settings.text("proc/blank"), std::nullopt);
  for (const char* path : {"proc/words", "proc/negative", "proc/huge", "proc/binary"}) {
    EXPECT_EQ(settings.number(path), std::nullopt) << path;
  }
}

TEST(AskForRights, AnswersForThisProcess) {
  const ProcessRights rights = ask_for_rights();
  EXPECT_GT(rights.descriptors_soft, 0U);
  EXPECT_GE(rights.descriptors_hard, rights.descriptors_soft);
  EXPECT_EQ(rights.cpus, base::usable_cpus().size());
  EXPECT_GE(rights.page_bytes, 4096U);
  EXPECT_EQ(rights.io_uring.name, "io_uring");
  EXPECT_EQ(rights.io_uring.usable, rights.io_uring.reason.empty());
}

TEST(ProcessRights, NamesEachCapabilityByItsNumber) {
  ProcessRights rights;
  rights.capabilities = std::uint64_t{1} << CAP_NET_ADMIN | std::uint64_t{1}
                                                                << CAP_CHECKPOINT_RESTORE;
  EXPECT_TRUE(rights.has(CAP_NET_ADMIN));
  EXPECT_TRUE(rights.has(CAP_CHECKPOINT_RESTORE));  // In the upper word.
  EXPECT_FALSE(rights.has(CAP_NET_BIND_SERVICE));
}

}  // namespace
}  // namespace proxy
