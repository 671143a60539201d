// Local ports: never one twice, never one too early, never none while there is one.
#include "backends/dpdk/splice_core/local_ports.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "backends/dpdk/splice_core/wire.h"
#include "base/prng.h"

namespace {

using backends::dpdk::splice_core::FlowKey;
using backends::dpdk::splice_core::Ip4;
using backends::dpdk::splice_core::Ip6;
using backends::dpdk::splice_core::kLocalPortFirst;
using backends::dpdk::splice_core::kLocalPortLast;
using backends::dpdk::splice_core::LocalPort;
using backends::dpdk::splice_core::LocalPorts;
using backends::dpdk::splice_core::swap_bytes;
using base::Nanos;
using namespace std::chrono_literals;

constexpr std::size_t kPorts = std::size_t{kLocalPortLast} - kLocalPortFirst + 1;
constexpr Nanos kQuarantine = 60s;
constexpr Nanos kSurelyOver = 62s;  // The header allows a thirtieth more.
constexpr Nanos kNow = 1000s;
constexpr std::uint16_t kHttp = 80;

Ip4 address(std::uint32_t number, const Ip4&) { return {number}; }
Ip6 address(std::uint32_t number, const Ip6&) { return {{0x20010db8, number}}; }
template <typename Ip>
Ip address(std::uint32_t number) {
  return address(number, Ip{});
}

// One port in 1024: 63 in all.
template <typename Ip>
bool few(const FlowKey<Ip>& reply) {
  return swap_bytes(reply.local_port) % 1024 == 5;
}
constexpr std::size_t kFew = 63;

template <typename Ip>
bool all(const FlowKey<Ip>&) {
  return true;
}

template <typename Ip>
class LocalPortsTest : public testing::Test {
 public:
  using Port = std::optional<LocalPort<Ip>>;

  // From one source to one server.
  static Port take(LocalPorts<Ip>& ports, Nanos now, std::uint32_t server = 100) {
    const std::array<Ip, 1> sources = {address<Ip>(1)};
    return ports.take(sources, 0, address<Ip>(server), kHttp, now);
  }
  static void give_back(LocalPorts<Ip>& ports, const LocalPort<Ip>& port, Nanos now,
                        std::uint32_t server = 100) {
    ports.give_back(port, address<Ip>(server), kHttp, now);
  }
  static std::vector<LocalPort<Ip>> take_all(LocalPorts<Ip>& ports, Nanos now,
                                             std::uint32_t server = 100) {
    std::vector<LocalPort<Ip>> taken;
    while (taken.size() <= kPorts) {
      const Port port = take(ports, now, server);
      if (!port.has_value()) return taken;
      taken.push_back(*port);
    }
    ADD_FAILURE() << "more than there are";
    return taken;
  }
};

using Versions = testing::Types<Ip4, Ip6>;
TYPED_TEST_SUITE(LocalPortsTest, Versions);

TYPED_TEST(LocalPortsTest, GivesEveryPortOfTheRangeOnceThenNone) {
  LocalPorts<TypeParam> ports({.quarantine = kQuarantine, .seed = 1}, all<TypeParam>);
  std::set<std::uint16_t> seen;
  for (const LocalPort<TypeParam>& port : this->take_all(ports, kNow)) {
    EXPECT_EQ(port.address, address<TypeParam>(1));
    EXPECT_GE(swap_bytes(port.port), kLocalPortFirst);
    EXPECT_TRUE(seen.insert(port.port).second) << "twice: " << swap_bytes(port.port);
  }
  EXPECT_EQ(seen.size(), kPorts);
  EXPECT_EQ(ports.in_use(), kPorts);
}

TYPED_TEST(LocalPortsTest, EveryServerHasARangeOfItsOwn) {
  LocalPorts<TypeParam> ports({.quarantine = kQuarantine, .seed = 1}, few<TypeParam>);
  const std::array<TypeParam, 1> sources = {address<TypeParam>(1)};
  EXPECT_EQ(this->take_all(ports, kNow, 100).size(), kFew);
  EXPECT_EQ(this->take_all(ports, kNow, 101).size(), kFew);
  EXPECT_TRUE(ports.take(sources, 0, address<TypeParam>(100), kHttp + 1, kNow).has_value());
  EXPECT_EQ(ports.in_use(), (2 * kFew) + 1);
}

TYPED_TEST(LocalPortsTest, APortGivenBackWaitsForItsQuarantine) {
  LocalPorts<TypeParam> ports({.quarantine = kQuarantine, .seed = 1}, few<TypeParam>);
  const auto taken = this->take_all(ports, kNow);
  this->give_back(ports, taken[7], kNow);
  EXPECT_EQ(ports.in_use(), kFew - 1);
  EXPECT_EQ(ports.in_quarantine(), 1U);
  EXPECT_EQ(this->take(ports, kNow), std::nullopt);
  EXPECT_EQ(this->take(ports, kNow + kQuarantine - 1ns), std::nullopt);
  EXPECT_EQ(ports.in_quarantine(), 1U);
  EXPECT_EQ(this->take(ports, kNow + kSurelyOver), taken[7]);
  EXPECT_EQ(ports.in_quarantine(), 0U);
  EXPECT_EQ(this->take(ports, kNow + kSurelyOver), std::nullopt);
}

TYPED_TEST(LocalPortsTest, QuarantineIsNeitherShorterNorMuchLongerWheneverItBegins) {
  base::Prng prng(5);
  for (const Nanos quarantine : {Nanos(1ns), Nanos(1us), Nanos(10ms), Nanos(60s), Nanos(240s)}) {
    LocalPorts<TypeParam> ports({.quarantine = quarantine, .seed = 1}, few<TypeParam>);
    const auto taken = this->take_all(ports, kNow);
    Nanos now = kNow;
    for (int i = 0; i < 200; ++i) {
      now += Nanos(static_cast<std::int64_t>(prng.below(100'000'000'000)));
      this->give_back(ports, taken[0], now);
      ASSERT_EQ(this->take(ports, now + quarantine - 1ns), std::nullopt);
      now += quarantine + (quarantine / 30) + 64ns;  // 64 ns: steps are whole nanoseconds.
      ASSERT_EQ(this->take(ports, now), taken[0]);
    }
  }
}

TYPED_TEST(LocalPortsTest, WithoutQuarantineAPortIsThereAtOnce) {
  LocalPorts<TypeParam> ports({.quarantine = Nanos(0), .seed = 1}, few<TypeParam>);
  const auto taken = this->take_all(ports, kNow);
  this->give_back(ports, taken[3], kNow);
  EXPECT_EQ(ports.in_quarantine(), 0U);
  EXPECT_EQ(this->take(ports, kNow), taken[3]);
}

TYPED_TEST(LocalPortsTest, NeverUsedPortsComeBeforeThoseGivenBack) {
  LocalPorts<TypeParam> ports({.quarantine = kQuarantine, .seed = 1}, few<TypeParam>);
  std::set<std::uint16_t> seen;
  Nanos now = kNow;
  for (std::size_t i = 0; i < kFew; ++i) {
    const auto port = this->take(ports, now);
    ASSERT_TRUE(port.has_value());
    EXPECT_TRUE(seen.insert(port->port).second);
    this->give_back(ports, *port, now);
    now += kSurelyOver;
  }
}

TYPED_TEST(LocalPortsTest, TheOneGivenBackLongestAgoIsNext) {
  LocalPorts<TypeParam> ports({.quarantine = kQuarantine, .seed = 1}, few<TypeParam>);
  const auto taken = this->take_all(ports, kNow);
  Nanos now = kNow;
  for (const std::size_t at : {9U, 2U, 30U, 4U}) {
    this->give_back(ports, taken[at], now);
    now += 10s;
  }
  now = kNow + kSurelyOver + 10s;
  EXPECT_EQ(this->take(ports, now), taken[9]);
  EXPECT_EQ(this->take(ports, now), taken[2]);
  EXPECT_EQ(this->take(ports, now), std::nullopt);  // 30 has waited for 52 s.
  EXPECT_EQ(ports.in_quarantine(), 2U);
}

TYPED_TEST(LocalPortsTest, SourcesAreTriedFromTheFirstOnAndRound) {
  LocalPorts<TypeParam> ports({.quarantine = kQuarantine, .seed = 1}, few<TypeParam>);
  const std::vector<TypeParam> sources = {address<TypeParam>(1), address<TypeParam>(2),
                                          address<TypeParam>(3)};
  const TypeParam server = address<TypeParam>(100);
  // As many as each has, in this order; 4 is 1 modulo 3.
  for (const std::uint32_t expected : {2U, 3U, 1U}) {
    for (std::size_t i = 0; i < kFew; ++i) {
      const auto port = ports.take(sources, 4, server, kHttp, kNow);
      ASSERT_TRUE(port.has_value());
      EXPECT_EQ(port->address, address<TypeParam>(expected));
    }
  }
  EXPECT_EQ(ports.take(sources, 4, server, kHttp, kNow), std::nullopt);
  EXPECT_EQ(ports.in_use(), 3 * kFew);
  for (std::size_t first = 0; first < 6; ++first) {
    const auto port = ports.take(sources, first, address<TypeParam>(101), kHttp, kNow);
    ASSERT_TRUE(port.has_value());
    EXPECT_EQ(port->address, sources[first % 3]);
  }
}

TYPED_TEST(LocalPortsTest, WithoutSourcesThereIsNone) {
  LocalPorts<TypeParam> ports({}, all<TypeParam>);
  EXPECT_EQ(ports.take({}, 3, address<TypeParam>(100), kHttp, kNow), std::nullopt);
}

TYPED_TEST(LocalPortsTest, MineIsAskedAboutTheReplyAndOnceForEachPort) {
  std::map<std::uint16_t, int> asked;
  LocalPorts<TypeParam> ports({.quarantine = kQuarantine, .seed = 1},
                              [&asked](const FlowKey<TypeParam>& reply) {
                                EXPECT_EQ(reply.remote, address<TypeParam>(100));
                                EXPECT_EQ(reply.local, address<TypeParam>(1));
                                EXPECT_EQ(reply.remote_port, kHttp);
                                ++asked[reply.local_port];
                                return few(reply);
                              });
  Nanos now = kNow;
  for (int round = 0; round < 3; ++round) {
    const auto taken = this->take_all(ports, now);
    EXPECT_EQ(taken.size(), kFew);
    for (const auto& port : taken) {
      EXPECT_EQ(swap_bytes(port.port) % 1024, 5);
      this->give_back(ports, port, now);
    }
    now += kSurelyOver;
  }
  EXPECT_EQ(asked.size(), kPorts);
  for (const auto& [port, times] : asked) EXPECT_EQ(times, 1) << swap_bytes(port);
}

TYPED_TEST(LocalPortsTest, WhereNoPortIsMineThereIsNone) {
  LocalPorts<TypeParam> ports({}, [](const FlowKey<TypeParam>&) { return false; });
  EXPECT_EQ(this->take(ports, kNow), std::nullopt);
  EXPECT_EQ(this->take(ports, kNow), std::nullopt);
  EXPECT_EQ(ports.in_use(), 0U);
}

TYPED_TEST(LocalPortsTest, ARestartBeginsElsewhere) {
  std::set<std::uint16_t> first;
  std::set<int> steps;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    LocalPorts<TypeParam> ports({.quarantine = kQuarantine, .seed = seed}, all<TypeParam>);
    const auto one = this->take(ports, kNow);
    const auto two = this->take(ports, kNow);
    ASSERT_TRUE(one.has_value() && two.has_value());
    first.insert(one->port);
    steps.insert((swap_bytes(two->port) - swap_bytes(one->port) + int{kPorts}) % int{kPorts});
  }
  EXPECT_GT(first.size(), 95U);
  EXPECT_GT(steps.size(), 95U);
}

TYPED_TEST(LocalPortsTest, TheSameSeedBeginsAtTheSamePlace) {
  LocalPorts<TypeParam> one({.quarantine = kQuarantine, .seed = 9}, all<TypeParam>);
  LocalPorts<TypeParam> two({.quarantine = kQuarantine, .seed = 9}, all<TypeParam>);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(this->take(one, kNow), this->take(two, kNow));
}

TYPED_TEST(LocalPortsTest, APortInUseOrInQuarantineCosts2Bytes) {
  LocalPorts<TypeParam> ports({.quarantine = kQuarantine, .seed = 1}, all<TypeParam>);
  constexpr std::uint32_t kServers = 8;
  for (std::uint32_t server = 0; server < kServers; ++server) {
    const auto taken = this->take_all(ports, kNow, server);
    for (std::size_t i = 0; i < taken.size(); ++i) {
      this->give_back(ports, taken[i], kNow + std::chrono::milliseconds(i / 2), server);
    }
  }
  EXPECT_EQ(ports.in_quarantine(), kServers * kPorts);
  EXPECT_LT(ports.memory_bytes(), kServers * kPorts * 21 / 10);
}

TYPED_TEST(LocalPortsTest, ServersThatComeAndGoLeaveNothingBehind) {
  LocalPorts<TypeParam> ports({.quarantine = kQuarantine, .seed = 1}, all<TypeParam>);
  Nanos now = kNow;
  // One that stays: forgetting must not forget what it has out.
  const auto kept = this->take(ports, now, 1);
  ASSERT_TRUE(kept.has_value());
  const auto waiting = this->take(ports, now, 2);
  ASSERT_TRUE(waiting.has_value());
  std::size_t most = 0;
  for (std::uint32_t server = 10; server < 20000; ++server) {
    const auto port = this->take(ports, now, server);
    ASSERT_TRUE(port.has_value());
    this->give_back(ports, *port, now, server);
    now += 1s;
    most = std::max(most, ports.pairs());
  }
  EXPECT_LE(most, 256U);  // 62 of them are in quarantine at a time.
  EXPECT_LE(ports.in_quarantine(), 256U);
  EXPECT_LT(ports.memory_bytes(), 256U * 1024);
  this->give_back(ports, *kept, now, 1);
  this->give_back(ports, *waiting, now, 2);
  EXPECT_EQ(ports.in_use(), 0U);
}

TYPED_TEST(LocalPortsTest, NoPairIsForgottenWhileItsPortsMatter) {
  LocalPorts<TypeParam> ports({.quarantine = kQuarantine, .seed = 1}, few<TypeParam>);
  const auto busy = this->take_all(ports, kNow, 1);
  const auto resting = this->take_all(ports, kNow, 2);
  for (const auto& port : resting) this->give_back(ports, port, kNow, 2);
  for (std::uint32_t server = 10; server < 2000; ++server) this->take(ports, kNow, server);
  EXPECT_EQ(this->take(ports, kNow, 1), std::nullopt);
  EXPECT_EQ(this->take(ports, kNow + kQuarantine - 1ns, 2), std::nullopt);
  EXPECT_EQ(this->take(ports, kNow + kSurelyOver, 2), resting[0]);
}

TYPED_TEST(LocalPortsTest, APortThatWasNotTakenCannotBeGivenBack) {
  LocalPorts<TypeParam> ports({}, all<TypeParam>);
  const auto port = this->take(ports, kNow);
  ASSERT_TRUE(port.has_value());
  EXPECT_DEATH(this->give_back(ports, *port, kNow, 101), "found");
  this->give_back(ports, *port, kNow);
  EXPECT_DEATH(this->give_back(ports, *port, kNow), "in_use > 0");
}

// The ports of one pair, written as plainly as can be.
struct Model {
  std::set<std::uint16_t> seen;
  std::set<std::uint16_t> in_use;
  std::deque<std::pair<std::uint16_t, Nanos>> returned;

  bool surely_has_one(Nanos now) const {
    return seen.size() < kFew ||
           (!returned.empty() && returned.front().second + kSurelyOver <= now);
  }
  // True when this port may be given out now.
  bool take(std::uint16_t port, Nanos now) {
    if (seen.size() < kFew) return seen.insert(port).second && in_use.insert(port).second;
    if (returned.empty() || returned.front().first != port) return false;
    if (returned.front().second + kQuarantine > now) return false;
    returned.pop_front();
    return in_use.insert(port).second;
  }
};

TYPED_TEST(LocalPortsTest, DoesWhatASimpleModelDoes) {
  constexpr std::uint32_t kSources = 3;
  constexpr std::uint32_t kServers = 4;
  const std::vector<TypeParam> sources = {address<TypeParam>(0), address<TypeParam>(1),
                                          address<TypeParam>(2)};
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    base::Prng prng(seed);
    LocalPorts<TypeParam> ports({.quarantine = kQuarantine, .seed = seed}, few<TypeParam>);
    std::array<std::array<Model, kSources>, kServers> models;
    struct Open {
      std::uint32_t server;
      std::uint32_t source;
      LocalPort<TypeParam> port;
    };
    std::vector<Open> open;
    Nanos now = kNow;
    int refused = 0;
    for (int step = 0; step < 20000; ++step) {
      now += Nanos(static_cast<std::int64_t>(prng.below(300'000'000)));
      if (prng.below(1000) == 0) now += 100s;
      const bool filling = (step / 1000) % 3 != 2;
      if (prng.chance(filling ? 800 : 300)) {
        const auto server = static_cast<std::uint32_t>(prng.below(kServers));
        const std::size_t first = prng.below(kSources);
        const auto port = ports.take(sources, first, address<TypeParam>(server), kHttp, now);
        // Every source that was passed over must have had none, or none for certain.
        std::uint32_t source = 0;
        for (std::size_t tried = 0; tried < kSources; ++tried) {
          source = static_cast<std::uint32_t>((first + tried) % kSources);
          if (port.has_value() && port->address == sources[source]) break;
          ASSERT_FALSE(models.at(server).at(source).surely_has_one(now));
        }
        if (port.has_value()) {
          ASSERT_TRUE(models.at(server).at(source).take(port->port, now));
          open.push_back({server, source, *port});
        } else {
          ++refused;
        }
      } else if (!open.empty()) {
        std::swap(open.at(prng.below(open.size())), open.back());
        const Open gone = open.back();
        open.pop_back();
        ports.give_back(gone.port, address<TypeParam>(gone.server), kHttp, now);
        Model& model = models.at(gone.server).at(gone.source);
        ASSERT_EQ(model.in_use.erase(gone.port.port), 1U);
        model.returned.emplace_back(gone.port.port, now);
      }
      ASSERT_EQ(ports.in_use(), open.size());
    }
    EXPECT_GT(refused, 0) << "the walk has never filled the ranges";
  }
}

}  // namespace
