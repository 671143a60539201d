// A splice core with hand-made packets around it: a client and a server that say exactly what a
// test wants, and an eye on everything that leaves. Checksums are judged by mini_packet.h, which
// shares no code with the core.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/dpdk/splice_core/splice_core.h"
#include "tests/backends/dpdk/mini_packet.h"

namespace backends::dpdk::splice_core {

using dpdk_test::TcpSegment;
using namespace std::chrono_literals;

inline base::IpPort ip_port(const char* text) { return base::parse_address(text).value().ip; }
inline std::span<const std::byte> bytes_in(std::string_view text) {
  return std::as_bytes(std::span(text));
}

class CollectingOutbox final : public Outbox {
 public:
  struct Item {
    std::vector<std::byte> bytes;
    Hop hop = kNoHop;
  };
  std::byte* segment(std::size_t size, Hop hop) override {
    if (refuse) return nullptr;
    items.push_back({std::vector<std::byte>(size), hop});
    return items.back().bytes.data();
  }
  std::deque<Item> items;
  bool refuse = false;
};

// A packet that has left, and what stands in it.
struct Sent {
  std::vector<std::byte> bytes;
  Hop hop = kNoHop;
  TcpSegment tcp;
  std::string payload;
};

// One end of a connection with the core.
struct Station {
  base::IpPort near;
  base::IpPort far;
  std::uint32_t next = 0;      // The number of its next byte.
  std::uint32_t expected = 0;  // Of ours.
  std::uint16_t window = 1000;
  Hop hop = kNoHop;

  TcpSegment segment(std::uint8_t flags, std::string_view payload = {}) const {
    TcpSegment made;
    made.source = near;
    made.destination = far;
    made.seq = next;
    made.ack = (flags & kAck) != 0 ? expected : 0;
    made.window = window;
    made.flags = flags;
    made.payload = bytes_in(payload);
    return made;
  }
};

// What a station says in its SYN.
struct Offer {
  std::optional<std::uint16_t> mss = 1400;
  std::optional<std::uint8_t> scale = 7;
  bool sack = true;
};

inline TcpSegment with_offer(TcpSegment segment, const Offer& offer) {
  segment.mss = offer.mss;
  segment.window_scale = offer.scale;
  segment.sack_permitted = offer.sack;
  return segment;
}

class CoreTest : public testing::TestWithParam<base::Family> {
 protected:
  static constexpr Hop kClientHop = 3;
  static constexpr Hop kServerHop = 4;
  static constexpr std::uint64_t kListener = 77;
  static constexpr std::size_t kRoom = 2048;

  CoreTest() { restart({}); }

  bool v4() const { return GetParam() == base::Family::kV4; }
  base::IpPort of(const char* four, const char* six) const { return ip_port(v4() ? four : six); }

  static CoreOptions small() {
    CoreOptions options;
    options.pairs_max = 64;
    options.legs_max = 64;
    options.half_open_max = 16;
    options.pages = PageWish::kPlain;
    options.seed = {{0x0123456789abcdef, 0xfedcba9876543210}};
    return options;
  }

  // A new core that listens, with everything else as it was at first.
  void restart(const std::optional<CoreOptions>& wanted, PortChoice choice = {}) {
    options = wanted.value_or(small());
    core.reset();
    outbox.items.clear();
    core = std::make_unique<SpliceCore>(options, outbox, std::move(choice));
    core->advance(now);
    vip = of("192.0.2.80:80", "[2001:db8::80]:80");
    source = of("192.0.2.90:0", "[2001:db8::90]:0");
    remote = of("203.0.113.7:8080", "[2001:db8:7::7]:8080");
    core->set_own_addresses(std::vector{vip, source});
    core->listen(vip, kListener);
    client = {.near = of("198.51.100.1:40000", "[2001:db8:1::1]:40000"),
              .far = vip,
              .next = 0xfffffff0,
              .hop = kClientHop};
    server = {
        .near = remote, .far = source, .next = 0xffffff00, .window = 60000, .hop = kServerHop};
  }

  static Sent read(std::vector<std::byte> bytes, Hop hop) {
    Sent sent{.bytes = std::move(bytes), .hop = hop, .tcp = {}, .payload = {}};
    const auto tcp = dpdk_test::read_packet(sent.bytes);
    EXPECT_TRUE(tcp.has_value()) << "a packet left that is not right";
    if (!tcp) return sent;
    sent.tcp = *tcp;
    for (const std::byte byte : tcp->payload) sent.payload += static_cast<char>(byte);
    return sent;
  }

  // What has left since the last look.
  std::vector<Sent> sent() {
    std::vector<Sent> all;
    while (!outbox.items.empty()) {
      all.push_back(read(std::move(outbox.items.front().bytes), outbox.items.front().hop));
      outbox.items.pop_front();
    }
    return all;
  }

  // Gives the core the bytes of a packet; what it answers or passes on.
  std::vector<Sent> give_bytes(std::vector<std::byte> bytes, Hop hop) {
    const std::size_t size = bytes.size();
    bytes.resize(std::max(size, kRoom));
    Packet packet{.data = bytes.data(),
                  .size = static_cast<std::uint32_t>(size),
                  .room = static_cast<std::uint32_t>(bytes.size()),
                  .hop = hop};
    core->receive({&packet, 1});
    std::vector<Sent> all;
    if (packet.verdict == Verdict::kSend) {
      bytes.resize(packet.size);
      all.push_back(read(std::move(bytes), packet.hop));
    }
    for (Sent& each : sent()) all.push_back(std::move(each));
    return all;
  }
  std::vector<Sent> give(const TcpSegment& segment, Hop hop = kClientHop) {
    return give_bytes(dpdk_test::build_packet(segment, packet_id++), hop);
  }
  std::vector<Sent> from_client(std::uint8_t flags, std::string_view payload = {}) {
    return give(client.segment(flags, payload), client.hop);
  }
  std::vector<Sent> from_server(std::uint8_t flags, std::string_view payload = {}) {
    return give(server.segment(flags, payload), server.hop);
  }
  // The only one of them.
  static Sent only(std::vector<Sent> all) {
    EXPECT_EQ(all.size(), 1U);
    return all.size() == 1 ? std::move(all.front()) : Sent{};
  }

  std::vector<Sent> pass(base::Nanos time) {
    now += time;
    core->advance(now);
    return sent();
  }

  std::vector<CoreEvent> events() {
    std::vector<CoreEvent> all(core->events().begin(), core->events().end());
    core->clear_events();
    return all;
  }
  CoreEvent event(CoreEventKind kind) {
    const std::vector<CoreEvent> all = events();
    EXPECT_EQ(all.size(), 1U);
    if (all.empty()) return CoreEvent{};
    EXPECT_EQ(all.front().kind, kind);
    return all.front();
  }

  // SYN and SYN-ACK.
  Sent ask(const Offer& offer = {}) {
    TcpSegment syn = with_offer(client.segment(kSyn), offer);
    Sent answer = only(give(syn, client.hop));
    client.next += 1;
    client.expected = answer.tcp.seq + 1;
    return answer;
  }
  LegId client_leg(const Offer& offer = {}) {
    ask(offer);
    EXPECT_TRUE(from_client(kAck).empty());
    return event(CoreEventKind::kAccepted).leg;
  }

  LegId start_connect(Hop hop = kServerHop) {
    const auto leg =
        core->connect({.remote = remote, .sources = std::span(&source, 1), .hop = hop, .token = 9});
    EXPECT_TRUE(leg.has_value());
    return leg.value_or(LegId{});
  }
  // Takes what the SYN says.
  void hear(const Sent& syn) {
    EXPECT_EQ(syn.tcp.flags, kSyn);
    server.far = syn.tcp.source;
    server.expected = syn.tcp.seq + 1;
  }
  // SYN-ACK and ACK.
  LegId answer_syn(const LegId& leg, const Offer& offer = {.mss = 1460, .scale = 10}) {
    const Sent ack = only(give(with_offer(server.segment(kSyn | kAck), offer), server.hop));
    server.next += 1;
    EXPECT_EQ(ack.tcp.flags, kAck);
    EXPECT_EQ(ack.tcp.window, offer.scale ? kParkedWindow >> kOurWindowScale : kParkedWindow);
    EXPECT_EQ(ack.tcp.ack, server.next);
    const CoreEvent connected = event(CoreEventKind::kConnected);
    EXPECT_EQ(connected.error, base::Errno::kNone);
    EXPECT_EQ(connected.leg, leg);
    return leg;
  }
  LegId server_leg(const Offer& offer = {.mss = 1460, .scale = 10}) {
    const LegId leg = start_connect();
    hear(only(sent()));
    return answer_syn(leg, offer);
  }

  // A joined pair. What attach() sent is in `opening`.
  PairId joined(std::string_view header = {}, const Offer& of_client = {},
                const Offer& of_server = {.mss = 1460, .scale = 10}) {
    const LegId near = client_leg(of_client);
    const LegId far = server_leg(of_server);
    const auto made = core->attach(near, far, bytes_in(header), 0);
    EXPECT_TRUE(made.has_value());
    opening = sent();
    return made.value_or(PairId{});
  }
  // A pair whose header, if there was one, has arrived.
  PairId opened(std::string_view header = {}) {
    const PairId made = joined(header);
    server.expected += static_cast<std::uint32_t>(header.size());
    only(from_server(kAck));
    return made;
  }
  // One segment of payload from one end, acknowledged by the other.
  void client_says(std::string_view text) {
    EXPECT_EQ(only(from_client(kAck | kPsh, text)).payload, text);
    client.next += static_cast<std::uint32_t>(text.size());
    server.expected += static_cast<std::uint32_t>(text.size());
    EXPECT_EQ(only(from_server(kAck)).tcp.ack, client.next);
  }
  void server_says(std::string_view text) {
    EXPECT_EQ(only(from_server(kAck | kPsh, text)).payload, text);
    server.next += static_cast<std::uint32_t>(text.size());
    client.expected += static_cast<std::uint32_t>(text.size());
    EXPECT_EQ(only(from_client(kAck)).tcp.ack, server.next);
  }

  std::uint64_t dropped(DropReason reason) {
    return core->stats().drops.at(static_cast<std::size_t>(reason));
  }
  // Nothing is left of anything, but what the quarantine of ports keeps.
  void expect_empty() {
    const CoreStats& stats = core->stats();
    EXPECT_EQ(stats.pairs, 0U);
    EXPECT_EQ(stats.lingering, 0U);
    EXPECT_EQ(stats.legs, 0U);
    EXPECT_EQ(stats.parked, 0U);
    EXPECT_EQ(stats.openings, 0U);
    EXPECT_EQ(stats.early_bytes, 0U);
    EXPECT_EQ(stats.ports_in_use, 0U);
    EXPECT_EQ(stats.table_entries, 0U);
  }

  // The tests read and write these like variables of their own.
 public:
  CoreOptions options;
  CollectingOutbox outbox;
  std::unique_ptr<SpliceCore> core;
  base::Nanos now = 1000s;
  base::IpPort vip;
  base::IpPort source;
  base::IpPort remote;
  Station client;
  Station server;
  std::vector<Sent> opening;
  std::uint16_t packet_id = 0;
};

inline const auto kFamilies = testing::Values(base::Family::kV4, base::Family::kV6);
inline std::string family_name(const testing::TestParamInfo<base::Family>& info) {
  return info.param == base::Family::kV4 ? "V4" : "V6";
}

}  // namespace backends::dpdk::splice_core
