#include "backends/dpdk/eal/eal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

#include "tests/backends/dpdk/eal/running_eal.h"

namespace backends::dpdk::eal {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<PortName> parsed(const std::vector<std::string>& texts) {
  std::vector<PortName> ports;
  ports.reserve(texts.size());
  for (const std::string& text : texts) {
    ports.push_back(parse_port(text).value());
  }
  return ports;
}

TEST(ParsePort, APciAddressGetsTheFormThatDpdkNamesItBy) {
  for (const char* text : {"0000:3b:00.0", "3b:00.0", "3B:0.0", "0:3b:00.0"}) {
    const auto port = parse_port(text);
    ASSERT_TRUE(port) << text;
    EXPECT_EQ(port->kind, PortKind::kPci);
    EXPECT_EQ(port->name, "0000:3b:00.0") << text;
    EXPECT_EQ(port->arguments, "");
  }
  EXPECT_EQ(parse_port("00:05.1,promisc=0")->arguments, ",promisc=0");
}

TEST(ParsePort, AVirtualPortIsItsDriverWithANumber) {
  const auto port = parse_port("net_af_packet0,iface=veth1,qpairs=2");
  ASSERT_TRUE(port);
  EXPECT_EQ(port->kind, PortKind::kVirtual);
  EXPECT_EQ(port->name, "net_af_packet0");
  EXPECT_EQ(port->arguments, ",iface=veth1,qpairs=2");
}

TEST(ParsePort, AnythingElseIsRefusedWithItsText) {
  for (const char* text : {"", "eth0", "net_", "net_null 0", "3b:00", "3b:00.", ":00.0", "3b:zz.0",
                           "0000:0000:3b:00.0", "--no-huge", "-1:00.0", "3b:00.0.0"}) {
    const auto port = parse_port(text);
    ASSERT_FALSE(port) << text;
    EXPECT_THAT(port.error(), HasSubstr("\"" + std::string(text) + "\""));
  }
}

TEST(PlanEal, WithEnoughHugePagesTheyAreUsedAndNothingIsLeftBehind) {
  EalOptions options;
  options.memory_mib = 512;
  const EalPlan plan = plan_eal(options, {}, {.free_huge_mib = 512, .cpus = {0, 3}});
  EXPECT_THAT(plan.arguments, ElementsAre("millrace", "--no-telemetry", "--lcores=0@(0,3)",
                                          "--in-memory", "--no-pci"));
  EXPECT_THAT(plan.notes, IsEmpty());
}

TEST(PlanEal, WithTooFewHugePagesItGoesWithoutAndSaysSo) {
  EalOptions options;
  options.memory_mib = 512;
  const EalPlan plan = plan_eal(options, {}, {.free_huge_mib = 510, .cpus = {1}});
  EXPECT_THAT(plan.arguments, ElementsAre("millrace", "--no-telemetry", "--lcores=0@(1)",
                                          "--no-huge", "--no-shconf", "-m", "512", "--no-pci"));
  EXPECT_THAT(plan.notes,
              ElementsAre(HasSubstr("512 MiB of them are needed and 510 MiB are free")));
}

TEST(PlanEal, HugePagesThatAreNotWantedAreLeftAlone) {
  EalOptions options;
  options.huge_pages = false;
  const EalPlan plan = plan_eal(options, {}, {.free_huge_mib = 100'000, .cpus = {0}});
  EXPECT_THAT(plan.arguments, Contains("--no-huge"));
  EXPECT_THAT(plan.notes, ElementsAre(HasSubstr("as configured")));
}

TEST(PlanEal, OnlyTheCardsThatAreNamedAreLookedAt) {
  const EalPlan plan =
      plan_eal({}, parsed({"3b:00.0,promisc=0", "net_null0", "3b:00.1"}), {.cpus = {0}});
  const auto& all = plan.arguments;
  EXPECT_EQ(std::vector<std::string>(all.end() - 4, all.end()),
            (std::vector<std::string>{"-a", "0000:3b:00.0,promisc=0", "-a", "0000:3b:00.1"}));
  EXPECT_THAT(all, Not(Contains("--no-pci")));
}

TEST(PlanEal, TheOperatorsArgumentsComeLast) {
  EalOptions options;
  options.arguments = {"--log-level", "pmd:8"};
  const EalPlan plan = plan_eal(options, {}, {.cpus = {0}});
  EXPECT_EQ(plan.arguments.back(), "pmd:8");
}

TEST(Host, HasAtLeastTheCpuThatThisRunsOn) {
  EXPECT_THAT(read_host().cpus, Contains(::sched_getcpu()));
}

TEST(Eal, StartingItLeavesThisThreadOnItsCpus) {
  const std::vector<int> before = read_host().cpus;
  running_eal();
  EXPECT_EQ(read_host().cpus, before);
}

TEST(Eal, ASecondStartIsRefusedInWords) {
  running_eal();
  const auto second = Eal::start({});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(), "DPDK has been started in this process already");
}

TEST(Eal, APortThatMakesNoSenseFailsBeforeDpdkIsTouched) {
  EalOptions options;
  options.ports = {"eth0"};
  const auto eal = Eal::start(options);
  ASSERT_FALSE(eal);
  EXPECT_THAT(eal.error(), HasSubstr("neither a PCI address"));
}

TEST(Eal, AnAttachedPortHasItsNameAndANumberOfItsOwn) {
  const auto first = running_eal().attach("net_null_first");
  const auto second = running_eal().attach("net_null_second,size=128");
  ASSERT_TRUE(first) << first.error();
  ASSERT_TRUE(second) << second.error();
  EXPECT_EQ(second->name, "net_null_second");
  EXPECT_NE(first->number, second->number);
}

TEST(Eal, AFileThatIsNotThereFailsWithTheDriversOwnWords) {
  const auto port = running_eal().attach("net_pcap9,rx_pcap=/nosuch/file.pcap");
  ASSERT_FALSE(port);
  EXPECT_THAT(port.error(), HasSubstr("cannot attach port net_pcap9"));
  EXPECT_THAT(port.error(), HasSubstr("Couldn't open /nosuch/file.pcap"));
}

TEST(Eal, ADriverThatIsNotThereFailsWithItsName) {
  const auto port = running_eal().attach("net_nosuch0");
  ASSERT_FALSE(port);
  EXPECT_THAT(port.error(), HasSubstr("failed to parse device \"net_nosuch0\""));
}

TEST(Eal, TheErrorsOfOneAttemptAreNotThoseOfTheNext) {
  ASSERT_FALSE(running_eal().attach("net_nosuch1"));
  const auto port = running_eal().attach("net_nosuch2");
  ASSERT_FALSE(port);
  EXPECT_THAT(port.error(), Not(HasSubstr("net_nosuch1")));
}

TEST(Eal, ACardThatIsNotThereIsSaidToBeMissing) {
  const auto port = running_eal().attach("00:1f.7");
  ASSERT_FALSE(port);
  EXPECT_THAT(port.error(), HasSubstr("port 0000:00:1f.7: DPDK found no such card"));
}

TEST(Eal, WhatDpdkSaysIsHandedOn) {
  running_eal();
  EXPECT_THAT(eal_output(), HasSubstr("EAL: "));
}

TEST(WorkerPlace, EachThreadHasItsOwnNumberWhichIsFreeAgainAfterwards) {
  running_eal();
  const auto number_of_a_thread = [] {
    unsigned number = 0;
    std::thread([&] { number = WorkerPlace::enter().value().number(); }).join();
    return number;
  };
  const unsigned first = number_of_a_thread();
  EXPECT_NE(first, 0U);  // That is main's.
  EXPECT_EQ(number_of_a_thread(), first);
  unsigned inner = 0;
  std::thread([&] {
    const WorkerPlace place = WorkerPlace::enter().value();
    inner = number_of_a_thread();
  }).join();
  EXPECT_NE(inner, first);
}

}  // namespace
}  // namespace backends::dpdk::eal
