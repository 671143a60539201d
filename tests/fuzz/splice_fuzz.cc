// Any bytes as a sequence of packets and calls against a splice core: packets of nobody's making,
// and answers to what the core has sent (so with the right cookie and numbers), bent a little.
// No crash, tables that agree with each other, and nothing wrong leaves that did not come in wrong.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "backends/dpdk/splice_core/checksum.h"
#include "backends/dpdk/splice_core/splice_core.h"
#include "backends/dpdk/splice_core/wire.h"
#include "base/assert.h"

namespace {

using namespace backends::dpdk::splice_core;  // NOLINT(google-build-using-namespace): a program.
using Bytes = std::vector<std::byte>;

constexpr std::size_t kRemembered = 8;  // Packets that the core has sent.
constexpr std::size_t kRoom = 2048;
constexpr std::size_t kStepsMax = 512;
constexpr Hop kHop = 1;

class Input {
 public:
  explicit Input(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  bool empty() const { return bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t value = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return value;
  }
  Bytes take(std::size_t count) {
    const auto taken = std::as_bytes(bytes_.first(std::min(count, bytes_.size())));
    bytes_ = bytes_.subspan(taken.size());
    return {taken.begin(), taken.end()};
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

class Sender final : public Outbox {
 public:
  std::byte* segment(std::size_t size, Hop /*hop*/) override {
    waiting.emplace_back(size);
    return waiting.back().data();
  }
  std::deque<Bytes> waiting;
};

bool is_good(const Bytes& bytes) {
  const auto envelope = parse_envelope(bytes);
  if (!envelope) return false;
  const bool four = envelope->l4 == kIp4HeaderBytes;
  if (four && !ip4_checksum_good(bytes.data())) return false;
  const bool tcp = envelope->kind == PacketKind::kTcp4 || envelope->kind == PacketKind::kTcp6;
  return tcp ? tcp_checksum_good(bytes.data(), *envelope)
             : icmp_checksum_good(bytes.data(), *envelope);
}

void mend(Bytes& bytes) {
  const auto envelope = parse_envelope(bytes);
  if (!envelope) return;
  if (envelope->l4 == kIp4HeaderBytes) write_ip4_checksum(bytes.data());
  const bool tcp = envelope->kind == PacketKind::kTcp4 || envelope->kind == PacketKind::kTcp6;
  tcp ? write_tcp_checksum(bytes.data(), *envelope) : write_icmp_checksum(bytes.data(), *envelope);
}

class World {
 public:
  World() : core_(small(), sender_) {
    core_.set_own_addresses(std::array{address(80), address(90)});
    core_.listen(address(80), 1);
    core_.advance(now_);
  }
  void step(Input& input);

 private:
  static CoreOptions small() {
    CoreOptions options;
    options.pairs_max = 4;
    options.legs_max = 8;
    options.half_open_max = 4;
    options.openings_max = 2;
    options.early_bytes_max = 8 * EarlyStore::kPacketMax;
    options.idle = std::chrono::seconds(20);
    options.report_advance = true;
    options.pages = PageWish::kPlain;
    options.seed = {{1, 2}};
    return options;
  }
  static base::IpPort address(std::uint8_t last) {
    base::IpPort made;
    made.bytes = {192, 0, 2, last};
    made.port = 80;
    made.family = base::Family::kV4;
    return made;
  }

  void give(Bytes bytes);
  void look();
  void events();
  void remember(Bytes bytes) {
    sent_.push_back(std::move(bytes));
    if (sent_.size() > kRemembered) sent_.pop_front();
  }
  Bytes syn(Input& input) const;
  Bytes answer(Input& input) const;
  void attach(Input& input);

  base::Nanos now_ = std::chrono::seconds(100);
  Sender sender_;
  SpliceCore core_;
  std::deque<Bytes> sent_;
  std::vector<LegId> clients_;
  std::vector<LegId> upstreams_;
  std::vector<PairId> pairs_;
};

Bytes plain_segment(const FlowKey<Ip4>& flow, const OwnSegment& segment) {
  Bytes bytes(packet_bytes<Ip4>(segment));
  write_packet(bytes.data(), flow, segment);
  return bytes;
}

Bytes World::syn(Input& input) const {
  FlowKey<Ip4> flow;
  const base::IpPort vip = address(80);
  const base::IpPort client = address(1);
  std::copy_n(reinterpret_cast<const std::byte*>(vip.bytes.data()), 4,
              reinterpret_cast<std::byte*>(&flow.remote));
  std::copy_n(reinterpret_cast<const std::byte*>(client.bytes.data()), 4,
              reinterpret_cast<std::byte*>(&flow.local));
  flow.remote_port = swap_bytes(std::uint16_t{80});
  flow.local_port = input.byte();
  const SynOptions offered{.mss = 1400, .window_scale = 7, .sack = true};
  return plain_segment(flow, {.seq = 0U - input.byte(), .flags = kSyn, .offered = &offered});
}

// To something that the core has sent: from its receiver, with the numbers that it expects.
Bytes World::answer(Input& input) const {
  if (sent_.empty()) return {};
  const Bytes& to = sent_.at(input.byte() % sent_.size());
  const auto envelope = parse_envelope(to);
  if (!envelope || envelope->kind != PacketKind::kTcp4) return {};
  const FlowKey<Ip4> seen = flow_key4(to.data(), *envelope);
  const Segment segment = parse_segment(to.data(), *envelope);
  const SynOptions offered{.mss = 1460, .window_scale = 9, .sack = true};
  const std::uint8_t flags = input.byte();
  const Bytes payload(input.byte() % 64, std::byte{'x'});
  return plain_segment(seen, {.seq = segment.has(kAck) ? segment.ack : 0xfffffff0U,
                              .ack = segment.end(),
                              .window = 1000,
                              .flags = flags,
                              .offered = (flags & kSyn) != 0 ? &offered : nullptr,
                              .payload = payload});
}

void World::look() {
  for (Bytes& each : sender_.waiting) {
    CHECK(is_good(each));
    remember(std::move(each));
  }
  sender_.waiting.clear();
  const CoreStats& stats = core_.stats();
  CHECK(stats.table_entries == stats.legs + 2 * stats.pairs);
  CHECK(stats.lingering <= stats.pairs && stats.parked <= stats.legs);
  CHECK(stats.ports_in_use <= stats.legs + stats.pairs);
  CHECK(stats.half_open <= 4 && stats.openings <= 2 && stats.pairs <= 4 && stats.legs <= 8);
}

void World::give(Bytes bytes) {
  const bool good = is_good(bytes);
  const auto size = static_cast<std::uint32_t>(bytes.size());
  bytes.resize(std::max(bytes.size(), kRoom));
  Packet packet{.data = bytes.data(),
                .size = size,
                .room = static_cast<std::uint32_t>(bytes.size()),
                .hop = kHop};
  core_.receive({&packet, 1});
  if (packet.verdict != Verdict::kSend) return;
  CHECK(packet.size <= packet.room && packet.hop == kHop);
  bytes.resize(packet.size);
  CHECK(!good || is_good(bytes));
  remember(std::move(bytes));
}

void World::events() {
  for (const CoreEvent& event : core_.events()) {
    switch (event.kind) {
      case CoreEventKind::kAccepted:
        clients_.push_back(event.leg);
        break;
      case CoreEventKind::kConnected:
        CHECK(std::ranges::count(upstreams_, event.leg) == 1);
        break;
      case CoreEventKind::kLegClosed:
        CHECK(core_.fate(event.leg) != LegFate::kConnecting);
        break;
      case CoreEventKind::kAdvanced:
        core_.taken(event.pair);
        break;
      case CoreEventKind::kIdle:
        break;
      case CoreEventKind::kEnded:
        CHECK(std::erase(pairs_, event.pair) == 1);
        break;
    }
  }
  core_.clear_events();
}

void World::attach(Input& input) {
  if (clients_.empty() || upstreams_.empty()) return;
  if (core_.fate(upstreams_.back()) == LegFate::kConnecting) return;
  const Bytes header(input.byte() % 64, std::byte{'P'});
  const auto pair = core_.attach(clients_.back(), upstreams_.back(), header, input.byte() % 8);
  clients_.pop_back();
  upstreams_.pop_back();
  if (pair) pairs_.push_back(*pair);
}

void World::step(Input& input) {
  switch (input.byte() % 10) {
    case 0:
      give(input.take(input.byte()));
      break;
    case 1:
      give(syn(input));
      break;
    case 2:
    case 3:
      give(answer(input));
      break;
    case 4: {  // Bent, and sometimes with right checksums.
      Bytes bytes = answer(input);
      if (bytes.empty()) break;
      bytes[input.byte() % bytes.size()] ^= static_cast<std::byte>(input.byte());
      if (input.byte() % 2 == 0) mend(bytes);
      give(std::move(bytes));
      break;
    }
    case 5:
      core_.advance(now_ += std::chrono::milliseconds(std::uint64_t{input.byte()} * 20));
      break;
    case 6: {
      const base::IpPort source = address(90);
      base::IpPort remote = address(7);
      const auto leg = core_.connect(
          {.remote = remote, .sources = std::span(&source, 1), .hop = kHop, .token = 1});
      if (leg) upstreams_.push_back(*leg);
      break;
    }
    case 7:
      attach(input);
      break;
    case 8: {
      auto& legs = input.byte() % 2 == 0 ? clients_ : upstreams_;
      if (legs.empty()) break;
      core_.close(legs.back(), input.byte() % 2 == 0);
      legs.pop_back();
      break;
    }
    case 9:
      if (pairs_.empty()) break;
      core_.abort(pairs_.back());
      pairs_.pop_back();
      break;
  }
  look();
  events();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input({data, size});
  World world;
  for (std::size_t step = 0; step < kStepsMax && !input.empty(); ++step) world.step(input);
  return 0;
}
