#include "proxy/worker.h"

#include <gtest/gtest.h>

#include "tests/proxy/worker_fixture.h"

namespace proxy {
namespace {

class WorkerTest : public WorkerFixture, public testing::Test {
 protected:
  // A worker that has finished does not wait any more, so it moves no virtual time.
  void let_segments_arrive() { network_.run_until(network_.now() + 5ms); }
};

TEST_F(WorkerTest, DrainsWithoutCuttingWhoeverEndsInTime) {
  const auto app = echo_service("10.0.0.2:80");
  ASSERT_FALSE(apply(one_listener({"10.0.0.2:80"})));
  const auto caller = client();
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 1 && !app->peers().empty(); }));
  tell(Command::Kind::kDrain, nullptr, 10s);
  const auto late = client();
  ASSERT_TRUE(run_until([&] { return late->was_reset(); }));
  caller->send(bytes_of("still here"));
  ASSERT_TRUE(run_until([&] { return text_of(caller->received()) == "still here"; }));
  EXPECT_FALSE(worker_.finished());
  caller->shutdown_write();
  ASSERT_TRUE(run_until([&] { return worker_.finished(); }));
  let_segments_arrive();
  EXPECT_TRUE(caller->eof());
  EXPECT_EQ(ended(Actor::kClient, Cause::kEof), 1U);
}

TEST_F(WorkerTest, CutsWhatIsLeftAtTheDeadline) {
  const auto app = echo_service("10.0.0.2:80");
  ASSERT_FALSE(apply(one_listener({"10.0.0.2:80"})));
  const auto caller = client();
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 1 && !app->peers().empty(); }));
  const base::Nanos began = transport_.now();
  tell(Command::Kind::kDrain, nullptr, 2s);
  ASSERT_TRUE(run_until([&] { return worker_.finished(); }));
  EXPECT_GE(transport_.now() - began, 2s);
  EXPECT_LE(transport_.now() - began, 2s + 10ms);
  let_segments_arrive();
  EXPECT_TRUE(caller->was_reset());
  EXPECT_EQ(ended(Actor::kAdmin, Cause::kDrain), 1U);
}

TEST_F(WorkerTest, ASecondDrainBringsTheDeadlineForward) {
  const auto app = echo_service("10.0.0.2:80");
  ASSERT_FALSE(apply(one_listener({"10.0.0.2:80"})));
  const auto caller = client();
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 1; }));
  tell(Command::Kind::kDrain, nullptr, base::kForever);
  run_for(5s);
  EXPECT_FALSE(worker_.finished());
  tell(Command::Kind::kDrain, nullptr, 0s);
  EXPECT_TRUE(run_until([&] { return worker_.finished(); }, 100ms));
}

TEST_F(WorkerTest, ServesTheClientsWhoseHandshakeWasCompleteWhenItStoppedListening) {
  const auto app = echo_service("10.0.0.2:80");
  ASSERT_FALSE(apply(one_listener({"10.0.0.2:80"})));
  const auto waiting = client();
  waiting->send(bytes_of("x"));
  // Their handshake ends while the worker sleeps; then the order to drain is the first thing it
  // sees.
  network_.run_until(network_.now() + 5ms);
  tell(Command::Kind::kDrain, nullptr, 10s);
  EXPECT_TRUE(run_until([&] { return text_of(waiting->received()) == "x"; }));
}

TEST_F(WorkerTest, CountsItsWorkAndPublishesItsTransport) {
  const auto app = echo_service("10.0.0.2:80");
  ASSERT_FALSE(apply(one_listener({"10.0.0.2:80"})));
  const auto caller = client();
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 1 && !app->peers().empty(); }));
  EXPECT_EQ(catalog_.worker(0).sessions.value(), 1);
  EXPECT_EQ(catalog_.worker(0).transport.read().connections, 2U);
  EXPECT_GT(catalog_.worker(0).loop.snapshot().count(), 0U);
}

}  // namespace
}  // namespace proxy
