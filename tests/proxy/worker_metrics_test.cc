#include "proxy/worker_metrics.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace proxy {
namespace {

TEST(TransportCells, GiveBackEveryWordThatWasPublished) {
  backends::TransportStats stats;
  stats.polls = 1;
  stats.waited = base::Nanos{123};
  stats.syscalls[static_cast<std::size_t>(backends::Syscall::kSplice)] = 2;
  stats.resets_pending = 3;
  TransportCells cells;
  cells.publish(stats);
  const backends::TransportStats read = cells.read();
  EXPECT_EQ(read.polls, 1U);
  EXPECT_EQ(read.waited, base::Nanos{123});
  EXPECT_EQ(read.syscalls[static_cast<std::size_t>(backends::Syscall::kSplice)], 2U);
  EXPECT_EQ(read.resets_pending, 3U);
}

TEST(TransportCells, NameTheEngineOfAWorkerThatHasBegun) {
  TransportCells cells;
  EXPECT_EQ(cells.engine(), "");
  cells.publish_engine(std::string_view("epoll and more").substr(0, 5));
  EXPECT_EQ(cells.engine(), "epoll");
}

TEST(PacketCells, HaveNothingUntilAnEngineHasNumbers) {
  PacketCells cells;
  cells.publish({});
  EXPECT_TRUE(cells.read().empty());
}

TEST(PacketCells, GiveBackTheLastValueOfEachName) {
  using Kind = backends::PacketNumberKind;
  PacketCells cells;
  std::string port = "port0";
  std::vector<backends::PacketNumber> numbers = {{Kind::kDropped, {}, "short", 1},
                                                 {Kind::kPortBytes, port, "received", 2}};
  cells.publish(numbers);
  numbers[0].value = 7;
  cells.publish(numbers);
  port = "gone!";  // The names are the cells' own.
  const auto rows = cells.read();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].kind, Kind::kDropped);
  EXPECT_EQ(rows[0].name, "short");
  EXPECT_EQ(rows[0].value, 7U);
  EXPECT_EQ(rows[1].port, "port0");
  EXPECT_EQ(rows[1].value, 2U);
}

TEST(MetricsCatalog, GoesOnCountingWhereAThingThatComesBackHadStopped) {
  MetricsCatalog catalog(2);
  catalog.listener("web").cells[1]->accepted.add(7);
  catalog.forget_configuration();
  EXPECT_EQ(catalog.listener("web").cells[1]->accepted.value(), 7U);
}

TEST(MetricsCatalog, TellsApartWhatIsConfiguredFromWhatWas) {
  MetricsCatalog catalog(1);
  catalog.upstream("old");
  catalog.upstream("stays");
  catalog.forget_configuration();
  catalog.upstream("stays");
  catalog.read([](const MetricsCatalog::Contents& contents) {
    ASSERT_EQ(contents.upstreams.size(), 2U);
    for (const auto& [names, series] : contents.upstreams) {
      EXPECT_EQ(series->configured, names.upstream == "stays") << names.upstream;
    }
  });
}

TEST(MetricsCatalog, GivesEveryWorkerCacheLinesOfItsOwn) {
  MetricsCatalog catalog(2);
  const auto& cells = catalog.route("web", "app").cells;
  const auto first = reinterpret_cast<std::uintptr_t>(cells[0].get());
  const auto second = reinterpret_cast<std::uintptr_t>(cells[1].get());
  EXPECT_EQ(first % kCacheLine, 0U);
  EXPECT_EQ(second % kCacheLine, 0U);
  EXPECT_GE(second > first ? second - first : first - second, sizeof(RouteCells));
}

TEST(RouteCells, CountAnEndUnderItsActorAndCause) {
  RouteCells cells;
  cells.end({Actor::kProxy, Cause::kIdle});
  EXPECT_EQ(
      cells.ended[static_cast<std::size_t>(Actor::kProxy)][static_cast<std::size_t>(Cause::kIdle)]
          .value(),
      1U);
}

}  // namespace
}  // namespace proxy
