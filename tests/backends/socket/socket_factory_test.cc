#include "backends/socket/socket_factory.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>

#include "backends/epoll/epoll_engine.h"

namespace backends::socket {
namespace {

// An engine that the machine refuses as a whole, and one that refuses single transports.
EngineInfo refuse_probe() {
  return {.name = "never", .cause = RefusalCause::kDenied, .reason = "not on this machine"};
}
EngineInfo pass_probe() { return {.name = "sometimes", .usable = true, .reason = {}}; }
EngineInfo explain(base::Errno error) {
  return {.name = "sometimes", .cause = RefusalCause::kMemory, .reason = base::errno_text(error)};
}
base::Result<std::unique_ptr<Transport>> refuse_make(const TransportOptions&, const Claims&) {
  return base::failure(base::to_errno(ENOMEM));
}

ProbedEngine never() {
  const Engine engine{
      .name = "never", .probe = refuse_probe, .make = refuse_make, .explain = explain};
  return {.engine = engine, .info = engine.probe()};
}
ProbedEngine sometimes() {
  const Engine engine{
      .name = "sometimes", .probe = pass_probe, .make = refuse_make, .explain = explain};
  return {.engine = engine, .info = engine.probe()};
}
ProbedEngine always() {
  const Engine engine = epoll::engine();
  return {.engine = engine, .info = engine.probe()};
}

TEST(SocketFactory, MakesTransportsThatListenOnItsClaims) {
  SocketFactory factory({always()});
  const auto address =
      factory.claim({.address = base::parse_address("127.0.0.1:0").value(), .tcp = {}});
  ASSERT_TRUE(address);
  for (int worker = 0; worker < 3; ++worker) {
    const auto transport = factory.make({});
    ASSERT_TRUE(transport);
    const auto listener = (*transport)->listen({.address = *address, .tcp = {}}, {});
    ASSERT_TRUE(listener);
    EXPECT_EQ((*transport)->local(*listener), *address);
  }
  EXPECT_TRUE(factory.refusals().empty());
}

TEST(SocketFactory, AUnixPathMustBeClaimed) {
  SocketFactory factory({always()});
  const auto transport = factory.make({});
  ASSERT_TRUE(transport);
  const auto listener =
      (*transport)
          ->listen(
              {.address = base::parse_address("unix:/tmp/millrace-unclaimed").value(), .tcp = {}},
              {});
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error(), base::to_errno(EADDRNOTAVAIL));
}

TEST(SocketFactory, ASplicedReceiverThatIsGoneDoesNotKillTheProcess) {
  const SocketFactory factory({always()});
  struct sigaction action {};
  ASSERT_EQ(::sigaction(SIGPIPE, nullptr, &action), 0);
  EXPECT_EQ(action.sa_handler, SIG_IGN);
}

TEST(SocketFactory, AnEngineThatTheMachineRefusesIsPassedOverAndCounted) {
  SocketFactory factory({never(), always()});
  EXPECT_EQ(factory.engine(), "epoll");
  ASSERT_EQ(factory.refusals().size(), 1U);  // Known before any transport was made.
  EXPECT_EQ(factory.refusals()[0].transports, 0U);
  for (int worker = 0; worker < 2; ++worker) EXPECT_EQ((*factory.make({}))->name(), "epoll");
  const auto refusals = factory.refusals();
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_EQ(refusals[0].engine, "never");
  EXPECT_EQ(refusals[0].cause, RefusalCause::kDenied);
  EXPECT_EQ(refusals[0].reason, "not on this machine");
  EXPECT_EQ(refusals[0].transports, 2U);
}

TEST(SocketFactory, ATransportThatOneEngineCannotMakeIsMadeByTheNext) {
  SocketFactory factory({sometimes(), always()});
  EXPECT_EQ(factory.engine(), "sometimes");
  EXPECT_EQ((*factory.make({}))->name(), "epoll");
  const auto refusals = factory.refusals();
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_EQ(refusals[0].cause, RefusalCause::kMemory);
  EXPECT_EQ(refusals[0].transports, 1U);
}

}  // namespace
}  // namespace backends::socket
