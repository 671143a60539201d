// Listeners: pausing, leaving without resetting anybody, and what happens when descriptors or the
// transport's own capacity run out (contract line 10).
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/fd.h"
#include "tests/backends/contract_fixture.h"

namespace contract {
namespace {

using backends::EventKind;

class ContractListen : public Contract {
 protected:
  std::vector<std::unique_ptr<Peer>> make_clients(std::size_t count) {
    std::vector<std::unique_ptr<Peer>> clients;
    for (std::size_t i = 0; i < count; ++i) clients.push_back(make_client());
    return clients;
  }
};

// Leaves this process no descriptor for as long as it lives.
class NoDescriptors {
 public:
  // Takes all there are. Lowering RLIMIT_NOFILE would be quicker, but a request that the kernel
  // already holds goes by the limit of the time when it was made.
  NoDescriptors() {
    for (int taken = ::dup(STDERR_FILENO); taken >= 0; taken = ::dup(STDERR_FILENO)) {
      taken_.emplace_back(taken);
    }
    CHECK(errno == EMFILE);
  }

 private:
  std::vector<base::UniqueFd> taken_;
};

TEST_P(ContractListen, EveryClientIsAcceptedWithTheListenersTag) {
  const auto clients = make_clients(30);
  ASSERT_TRUE(pump([&] { return accepted().size() == 30; }));
  EXPECT_EQ(count(EventKind::kAccepted, {kListenerTag, {}}), 30U);
}

TEST_P(ContractListen, ThePortIsANumber) {
  transport();
  EXPECT_EQ(transport().local(listener()), listener_address());
  if (GetParam().family != base::Family::kUnix) {
    EXPECT_NE(listener_address().ip.port, 0);
  }
}

TEST_P(ContractListen, APausedListenerLeavesClientsInTheQueue) {
  transport().pause(listener(), true);
  transport().pause(listener(), true);
  const auto clients = make_clients(3);
  ASSERT_TRUE(pump([&] {
    return std::ranges::all_of(clients, [](const auto& client) { return client->connected(); });
  }));
  settle();
  EXPECT_EQ(count(EventKind::kAccepted), 0U);
  transport().pause(listener(), false);
  ASSERT_TRUE(pump([&] { return accepted().size() == 3; }));
  transport().pause(listener(), true);
  const std::unique_ptr<Peer> late = make_client();
  settle();
  EXPECT_EQ(accepted().size(), 3U);
}

TEST_P(ContractListen, UnlistenLosesNobodyInTheQueue) {
  constexpr std::size_t kQueued = 30;
  transport().pause(listener(), true);
  const auto clients = make_clients(kQueued);
  ASSERT_TRUE(pump([&] {
    return std::ranges::all_of(clients, [](const auto& client) { return client->connected(); });
  }));
  transport().unlisten(listener());
  ASSERT_TRUE(pump([&] { return accepted().size() == kQueued; }));
  settle();
  for (const auto& client : clients) {
    EXPECT_FALSE(client->was_reset());
    EXPECT_FALSE(client->eof());
  }
  EXPECT_EQ(count(EventKind::kAccepted, {kListenerTag, {}}), kQueued);
}

TEST_P(ContractListen, NobodyGetsInAfterUnlisten) {
  transport().unlisten(listener());
  settle();
  const std::unique_ptr<Peer> late = make_client();
  settle();
  EXPECT_EQ(count(EventKind::kAccepted), 0U);
  if (GetParam().family != base::Family::kUnix) {
    EXPECT_TRUE(late->was_reset());
  }
}

TEST_P(ContractListen, TwoTransportsShareAnAddress) {
  transport();
  const std::unique_ptr<backends::Transport> second = harness().make_transport(small());
  ASSERT_TRUE(second->listen({.address = listener_address(), .tcp = {}}, {kListenerTag, {}}));
  constexpr std::size_t kClients = 30;
  const auto clients = make_clients(kClients);
  std::vector<backends::Connection> theirs;
  ASSERT_TRUE(pump([&] {
    for (const backends::Event& event : second->poll(base::Nanos{0})) {
      if (event.kind == EventKind::kAccepted) theirs.emplace_back(*second, event.conn);
    }
    return accepted().size() + theirs.size() == kClients;
  }));
}

TEST_P(ContractListen, FullOfClientsItStopsAndResumesByItself) {
  start({.connections_max = 16, .clients_max = 4, .pipes_max = 2, .pipe_bytes = 0});
  const auto clients = make_clients(6);
  ASSERT_TRUE(pump([&] { return count(EventKind::kAcceptFailed) == 1; }));
  EXPECT_EQ(accepted().size(), 4U);
  const backends::Event* failed = find(EventKind::kAcceptFailed, {kListenerTag, {}});
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->error, base::to_errno(EMFILE));
  settle();
  EXPECT_EQ(count(EventKind::kAcceptFailed), 1U) << "once for each stop";
  EXPECT_EQ(count(EventKind::kAcceptResumed), 0U);
  // Upstreams have their own room.
  const backends::Connection upstream = connect(service().address(), next_tag(kConnectTag));
  EXPECT_TRUE(upstream);

  accepted().erase(accepted().begin(), accepted().begin() + 2);
  ASSERT_TRUE(pump([&] { return accepted().size() == 4; }));
  EXPECT_GE(count(EventKind::kAcceptResumed), 1U);
  settle();
  const auto alive = [](const auto& client) { return !client->eof() && !client->was_reset(); };
  EXPECT_EQ(std::ranges::count_if(clients, alive), 4) << "the two that were dropped, nobody else";
}

TEST_P(ContractListen, WithoutDescriptorsItStopsAndResumesByItself) {
  if (!harness().has_descriptors()) GTEST_SKIP() << "this network has no descriptors";
  const auto clients = make_clients(5);
  ASSERT_TRUE(pump([&] { return accepted().size() == 5; }));
  const base::Address upstream_address = service().address();
  const std::unique_ptr<Peer> sixth = make_client();
  const backends::Tag tag = next_tag(kConnectTag);
  {
    const NoDescriptors none;
    ASSERT_TRUE(pump([&] { return count(EventKind::kAcceptFailed) == 1; }));
    EXPECT_EQ(find(EventKind::kAcceptFailed, {kListenerTag, {}})->error, base::to_errno(EMFILE));
    EXPECT_FALSE(connect(upstream_address, tag));
    ASSERT_TRUE(pump([&] { return count(EventKind::kConnected, tag) == 1; }));
    EXPECT_EQ(find(EventKind::kConnected, tag)->error, base::to_errno(EMFILE));
    // It does not spin while it waits: one attempt for each back-off, not one for each poll.
    const auto accepts = [&] {
      return transport().stats().syscalls[static_cast<std::size_t>(backends::Syscall::kAccept)];
    };
    const std::uint64_t before = accepts();
    settle();
    EXPECT_LE(accepts() - before, 20U);
  }
  ASSERT_TRUE(pump([&] { return accepted().size() == 6; }));
  EXPECT_EQ(count(EventKind::kAcceptResumed), count(EventKind::kAcceptFailed));
  EXPECT_TRUE(sixth->connected());
  EXPECT_GE(transport()
                .stats()
                .accept_failures[static_cast<std::size_t>(backends::AcceptFailure::kDescriptors)],
            1U);
}

TEST_P(ContractListen, AClientThatLeavesBeforeItIsAcceptedDoesNoHarm) {
  transport().pause(listener(), true);
  auto clients = make_clients(10);
  ASSERT_TRUE(pump([&] {
    return std::ranges::all_of(clients, [](const auto& client) { return client->connected(); });
  }));
  for (std::size_t i = 0; i < clients.size(); i += 2) clients[i]->reset();
  transport().pause(listener(), false);
  ASSERT_TRUE(pump([&] { return accepted().size() >= 5; }));
  settle();
  const std::unique_ptr<Peer> next = make_client();
  const std::size_t before = accepted().size();
  ASSERT_TRUE(pump([&] { return accepted().size() == before + 1; }));
}

INSTANTIATE_TEST_SUITE_P(Engines, ContractListen, testing::ValuesIn(harnesses()), harness_name);

}  // namespace
}  // namespace contract
