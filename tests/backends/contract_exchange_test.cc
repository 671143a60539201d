// exchange(): a small question on an open connection and its answer, over every engine.
#include <string>
#include <string_view>
#include <utility>

#include "tests/backends/contract_fixture.h"

namespace contract {
namespace {

using backends::CloseMode;
using backends::Event;
using backends::EventKind;
using backends::kExchangeMax;
using base::to_errno;

Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

// One connection of the transport to the service.
struct Dialled {
  std::unique_ptr<Peer> upstream;
  backends::Connection connection;
};

class ContractExchange : public Contract {
 protected:
  void SetUp() override {
    const auto why = harness().cannot(Feature::kExchange);
    if (!why.empty()) GTEST_SKIP() << why;
  }

  Dialled dial() {
    Dialled dialled;
    connect_tag_ = next_tag(kConnectTag);
    dialled.connection = connect(service().address(), connect_tag_);
    EXPECT_TRUE(pump([&] {
      if (dialled.upstream == nullptr) dialled.upstream = service().accept();
      return dialled.upstream != nullptr && count(EventKind::kConnected, connect_tag_) == 1;
    }));
    return dialled;
  }

  backends::Tag ask(const Dialled& dialled, std::string_view request, std::size_t reply_bytes_max) {
    const backends::Tag tag = next_tag(kExchangeTag);
    transport().exchange(dialled.connection.id(), bytes_of(request), reply_bytes_max, tag);
    return tag;
  }

  bool answered(backends::Tag tag) const { return count(EventKind::kExchanged, tag) != 0; }

  // What the one kExchanged of the exchange said.
  base::Errno wait_answer(backends::Tag tag) {
    EXPECT_TRUE(pump([&] { return answered(tag); })) << "the exchange was not answered";
    const Event* event = find(EventKind::kExchanged, tag);
    return event == nullptr ? to_errno(EPROTO) : event->error;
  }

  Bytes reply(const Dialled& dialled) {
    const auto bytes = transport().reply(dialled.connection.id());
    return {bytes.begin(), bytes.end()};
  }

  // A few rounds of everybody: enough for what is under way on one machine, without settling.
  void rounds(int many) {
    for (int round = 0; round < many; ++round) {
      harness().step();
      poll(base::Nanos{0});
    }
  }

  bool everything_arrived(const Peer& peer) {
    return pump([&] { return peer.in_flight() == 0; });
  }

  static constexpr std::uint8_t kExchangeTag = 5;
  backends::Tag connect_tag_;
};

TEST_P(ContractExchange, TheRequestArrivesAndTheReplyComesBack) {
  Dialled dialled = dial();
  const backends::Tag tag = ask(dialled, "PING\r\n", 64);
  ASSERT_TRUE(pump([&] { return dialled.upstream->received() == bytes_of("PING\r\n"); }));
  EXPECT_FALSE(answered(tag)) << "nothing was said yet";
  dialled.upstream->send(bytes_of("+PONG\r\n"));
  Bytes heard;
  for (backends::Tag next = tag; heard.size() < 7; next = ask(dialled, "", 64)) {
    ASSERT_EQ(wait_answer(next), base::Errno::kNone);
    EXPECT_GT(reply(dialled).size(), heard.size());
    heard = reply(dialled);
  }
  EXPECT_TRUE(heard == bytes_of("+PONG\r\n"));
}

TEST_P(ContractExchange, ACallDeliversNothingAndAnAnswerComesOnce) {
  Dialled dialled = dial();
  const backends::Tag tag = ask(dialled, "hello", 0);
  EXPECT_FALSE(answered(tag));
  EXPECT_EQ(wait_answer(tag), base::Errno::kNone);
  settle();
  EXPECT_EQ(count(EventKind::kExchanged, tag), 1U);
  EXPECT_TRUE(dialled.upstream->received() == bytes_of("hello"));
  EXPECT_TRUE(reply(dialled).empty());
}

TEST_P(ContractExchange, AReplyInPiecesIsCollectedByAskingAgain) {
  Dialled dialled = dial();
  backends::Tag tag = ask(dialled, "?", 64);
  std::string expected;
  for (const char* piece : {"one ", "two ", "three"}) {
    // A piece may itself come in pieces.
    const std::size_t before = reply(dialled).size();
    expected += piece;
    dialled.upstream->send(bytes_of(piece));
    ASSERT_EQ(wait_answer(tag), base::Errno::kNone);
    EXPECT_GT(reply(dialled).size(), before);
    while (reply(dialled).size() < expected.size()) {
      ASSERT_EQ(wait_answer(ask(dialled, "", 64)), base::Errno::kNone);
    }
    EXPECT_TRUE(reply(dialled) == bytes_of(expected));
    tag = ask(dialled, "", 64);
    rounds(20);
    EXPECT_FALSE(answered(tag)) << "nothing new has come";
  }
  EXPECT_TRUE(dialled.upstream->received() == bytes_of("?"));
}

TEST_P(ContractExchange, KeepsNoMoreThanItWasAllowed) {
  Dialled dialled = dial();
  const Bytes data = random_bytes(1000, 1);
  dialled.upstream->send(data);
  ASSERT_TRUE(everything_arrived(*dialled.upstream));
  while (reply(dialled).size() < 10) {
    ASSERT_EQ(wait_answer(ask(dialled, "", 10)), base::Errno::kNone);
    ASSERT_LE(reply(dialled).size(), 10U);
  }
  EXPECT_TRUE(reply(dialled) == Bytes(data.begin(), data.begin() + 10));
  EXPECT_EQ(wait_answer(ask(dialled, "", 10)), to_errno(ENOBUFS)) << "and says so";
  // More room, and the rest is still there.
  while (reply(dialled).size() < data.size()) {
    ASSERT_EQ(wait_answer(ask(dialled, "", kExchangeMax)), base::Errno::kNone);
  }
  EXPECT_TRUE(reply(dialled) == data);
}

TEST_P(ContractExchange, AnEmptyRequestWaitsForOneThatSpeaksFirst) {
  Dialled dialled = dial();
  const backends::Tag tag = ask(dialled, "", 64);
  rounds(20);
  EXPECT_FALSE(answered(tag));
  dialled.upstream->send(bytes_of("2"));
  EXPECT_EQ(wait_answer(tag), base::Errno::kNone);
  EXPECT_TRUE(reply(dialled) == bytes_of("2"));
  EXPECT_TRUE(dialled.upstream->received().empty());
}

TEST_P(ContractExchange, AGreetingThatIsThereAlreadyIsAnAnswer) {
  Dialled dialled = dial();
  dialled.upstream->send(bytes_of("220 ready\r\n"));
  ASSERT_TRUE(everything_arrived(*dialled.upstream));
  settle();
  while (reply(dialled).size() < 11) {
    ASSERT_EQ(wait_answer(ask(dialled, "", 64)), base::Errno::kNone);
  }
  EXPECT_TRUE(reply(dialled) == bytes_of("220 ready\r\n"));
}

TEST_P(ContractExchange, AFinIsTheEndOfTheReply) {
  Dialled dialled = dial();
  backends::Tag tag = ask(dialled, "?", 64);
  ASSERT_TRUE(pump([&] { return !dialled.upstream->received().empty(); }));
  dialled.upstream->send(bytes_of("bye"));
  dialled.upstream->shutdown_write();
  ASSERT_TRUE(everything_arrived(*dialled.upstream));
  while (wait_answer(tag) == base::Errno::kNone) tag = ask(dialled, "", 64);
  EXPECT_EQ(wait_answer(tag), to_errno(ENODATA));
  EXPECT_TRUE(reply(dialled) == bytes_of("bye")) << "what came before it is kept";
  // The connection's own tag hears of the FIN too, after the answer that came before it.
  ASSERT_TRUE(pump([&] { return count(EventKind::kPeerClosed, connect_tag_) != 0; }));
  settle();
  EXPECT_EQ(count(EventKind::kPeerClosed, connect_tag_), 1U);
  EXPECT_EQ(wait_answer(ask(dialled, "", 64)), to_errno(ENODATA)) << "as often as it is asked";
}

TEST_P(ContractExchange, AnAnswerComesBeforeTheEndBehindIt) {
  Dialled dialled = dial();
  const backends::Tag tag = ask(dialled, "?", 64);
  ASSERT_TRUE(pump([&] { return !dialled.upstream->received().empty(); }));
  dialled.upstream->send(bytes_of("bye"));
  // Both are waiting in the transport's socket when it looks.
  for (int round = 0; round < 1000 && dialled.upstream->in_flight() != 0; ++round) harness().step();
  ASSERT_EQ(dialled.upstream->in_flight(), 0U);
  dialled.upstream->close();
  ASSERT_TRUE(pump([&] { return count(EventKind::kPeerClosed, connect_tag_) != 0; }));
  ASSERT_TRUE(answered(tag));
  EXPECT_LT(find(EventKind::kExchanged, tag), find(EventKind::kPeerClosed, connect_tag_));
  EXPECT_EQ(find(EventKind::kExchanged, tag)->error, base::Errno::kNone);
}

TEST_P(ContractExchange, AResetIsTheAnswer) {
  if (!harness().has_reset()) GTEST_SKIP() << "this network knows no RST";
  Dialled dialled = dial();
  const backends::Tag tag = ask(dialled, "?", 64);
  ASSERT_TRUE(pump([&] { return !dialled.upstream->received().empty(); }));
  dialled.upstream->reset();
  EXPECT_EQ(wait_answer(tag), to_errno(ECONNRESET));
  settle();
  EXPECT_EQ(count(EventKind::kExchanged, tag), 1U);
  EXPECT_EQ(count(EventKind::kPeerClosed, connect_tag_), 1U);
  EXPECT_EQ(find(EventKind::kPeerClosed, connect_tag_)->error, to_errno(ECONNRESET));
  EXPECT_EQ(wait_answer(ask(dialled, "", 64)), to_errno(ECONNRESET));
}

TEST_P(ContractExchange, AResetBetweenTwoExchangesIsTheAnswerOfTheNext) {
  if (!harness().has_reset()) GTEST_SKIP() << "this network knows no RST";
  for (const std::string_view request : {"", "again"}) {
    Dialled dialled = dial();
    ASSERT_EQ(wait_answer(ask(dialled, "?", 0)), base::Errno::kNone);
    ASSERT_TRUE(pump([&] { return !dialled.upstream->received().empty(); }));
    dialled.upstream->reset();
    ASSERT_TRUE(pump([&] { return count(EventKind::kPeerClosed, connect_tag_) != 0; }));
    EXPECT_EQ(wait_answer(ask(dialled, request, 64)), to_errno(ECONNRESET));
  }
}

TEST_P(ContractExchange, ClosingTheConnectionDropsIt) {
  Dialled dialled = dial();
  const backends::Tag waiting = ask(dialled, "?", 64);
  ASSERT_TRUE(pump([&] { return !dialled.upstream->received().empty(); }));
  dialled.upstream->send(bytes_of("!"));
  dialled.connection.close(CloseMode::kReset);
  dialled = dial();
  const backends::Tag fresh = ask(dialled, "?", 64);
  dialled.connection.close(CloseMode::kGraceful);
  settle();
  EXPECT_FALSE(answered(waiting));
  EXPECT_FALSE(answered(fresh));
  EXPECT_EQ(transport().stats().connections, 0U);
}

TEST_P(ContractExchange, ARequestThatDoesNotFitWaitsForRoom) {
  use_service_buffers(4096);
  Dialled dialled = dial();
  dialled.upstream->read(false);
  const Bytes piece = random_bytes(kExchangeMax, 2);
  const std::string_view request(reinterpret_cast<const char*>(piece.data()), piece.size());
  // Until both sockets are full; a kernel's are 6 MB at most.
  constexpr int kPiecesMax = 4096;
  backends::Tag tag;
  int pieces = 0;
  do {
    tag = ask(dialled, request, 0);
    rounds(50);
  } while (answered(tag) && ++pieces < kPiecesMax);
  ASSERT_FALSE(answered(tag)) << "the sockets never filled up";
  dialled.upstream->read(true);
  EXPECT_EQ(wait_answer(tag), base::Errno::kNone);
  Bytes expected;
  for (int i = 0; i <= pieces; ++i) expected.insert(expected.end(), piece.begin(), piece.end());
  ASSERT_TRUE(pump([&] { return dialled.upstream->received().size() >= expected.size(); }));
  EXPECT_TRUE(dialled.upstream->received() == expected);
}

TEST_P(ContractExchange, AConnectionOfAClientMayBeAskedToo) {
  Apart apart = make_apart();
  const backends::Tag tag = next_tag(kExchangeTag);
  transport().exchange(apart.client_connection.id(), bytes_of("who?"), 64, tag);
  ASSERT_TRUE(pump([&] { return apart.client->received() == bytes_of("who?"); }));
  apart.client->send(bytes_of("m"));
  EXPECT_EQ(wait_answer(tag), base::Errno::kNone);
}

TEST_P(ContractExchange, AProbeIsAskedLikeAnyOtherConnection) {
  backends::ConnectSpec spec;
  spec.remote = service().address();
  spec.probe = true;
  Dialled dialled;
  connect_tag_ = next_tag(kConnectTag);
  dialled.connection = transport().connect(spec, connect_tag_);
  ASSERT_TRUE(pump([&] { return count(EventKind::kConnected, connect_tag_) == 1; }));
  const backends::Tag tag = ask(dialled, "?", 8);
  ASSERT_TRUE(pump([&] {
    if (dialled.upstream == nullptr) dialled.upstream = service().accept();
    return dialled.upstream != nullptr && !dialled.upstream->received().empty();
  }));
  dialled.upstream->send(bytes_of("!"));
  EXPECT_EQ(wait_answer(tag), base::Errno::kNone);
}

TEST_P(ContractExchange, AFailedConnectionAnswersWithAnError) {
  const backends::Tag connected = next_tag(kConnectTag);
  const backends::Connection refused = connect(harness().refusing_address(), connected);
  ASSERT_TRUE(pump([&] { return count(EventKind::kConnected, connected) == 1; }));
  ASSERT_NE(find(EventKind::kConnected, connected)->error, base::Errno::kNone);
  if (!refused) return;  // An engine may have no handle for it.
  const backends::Tag tag = next_tag(kExchangeTag);
  transport().exchange(refused.id(), bytes_of("?"), 64, tag);
  EXPECT_NE(wait_answer(tag), base::Errno::kNone);
}

// Of an engine that cannot.
class ContractNoExchange : public Contract {
 protected:
  void SetUp() override {
    if (harness().cannot(Feature::kExchange).empty()) GTEST_SKIP() << "this engine can";
  }
};

TEST_P(ContractNoExchange, AnEngineThatCannotSaysSoInTheEvent) {
  const Apart apart = make_apart();
  const backends::ConnId upstream = apart.upstream_connection.id();
  const backends::Tag tag = next_tag(kConnectTag);
  transport().exchange(upstream, bytes_of("PING"), 64, tag);
  EXPECT_EQ(count(EventKind::kExchanged, tag), 0U) << "no event outside poll()";
  ASSERT_TRUE(pump([&] { return count(EventKind::kExchanged, tag) == 1; }));
  const Event* answer = find(EventKind::kExchanged, tag);
  EXPECT_EQ(answer->error, to_errno(ENOTSUP));
  EXPECT_EQ(answer->conn, upstream);
  EXPECT_TRUE(transport().reply(upstream).empty());
  settle();
  EXPECT_TRUE(apart.upstream->received().empty());
  EXPECT_EQ(count(EventKind::kExchanged), 1U);
}

INSTANTIATE_TEST_SUITE_P(Engines, ContractNoExchange, testing::ValuesIn(harnesses()), harness_name);
INSTANTIATE_TEST_SUITE_P(Engines, ContractExchange, testing::ValuesIn(harnesses()), harness_name);

}  // namespace
}  // namespace contract
