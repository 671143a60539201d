#include "tests/backends/dpdk/splice_walk.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "backends/dpdk/splice_core/splice_core.h"
#include "tests/backends/dpdk/fault_wire.h"
#include "tests/backends/dpdk/mini_tcp.h"

namespace dpdk_test {
namespace {

using namespace std::chrono_literals;
using namespace backends::dpdk::splice_core;  // NOLINT(google-build-using-namespace): its test.

constexpr Hop kClients = 1;
constexpr Hop kServers = 2;
constexpr base::Nanos kStep = 1ms;
constexpr base::Nanos kPatience = 300s;
constexpr base::Nanos kIdle = 30s;      // The owner ends what does not move.
constexpr base::Nanos kAfterAll = 80s;  // Longer than any timer, lingering or quarantine.
constexpr std::size_t kSessions = 40;
constexpr std::size_t kPoolMax = 6;
constexpr std::size_t kPacketRoom = 2048;
constexpr std::size_t kPreambleMax = 100;

base::IpPort ip_of(const std::string& text) { return base::parse_address(text).value().ip; }

// What both ends of a session send: it begins with the session's number, so that the server knows
// whose it is.
std::vector<std::byte> speech(std::uint64_t seed, std::uint32_t session, std::size_t size) {
  std::vector<std::byte> bytes(std::max<std::size_t>(size, 4));
  base::Prng prng(seed * 1000003 + session);
  for (std::byte& each : bytes) each = static_cast<std::byte>(prng.next());
  for (unsigned i = 0; i < 4; ++i) bytes[i] = static_cast<std::byte>(session >> (8 * i));
  return bytes;
}

// Whether `got` is where `whole` begins.
bool begins(const std::vector<std::byte>& whole, std::span<const std::byte> got) {
  return got.size() <= whole.size() && std::equal(got.begin(), got.end(), whole.begin());
}

struct Session {
  base::SlotId client;
  std::optional<base::SlotId> server;
  std::vector<std::byte> question;
  std::vector<std::byte> answer;
  base::Nanos begins_at{};
  base::Nanos resets_at = base::kForever;  // When the client pulls the plug.
  bool begun = false;
  bool over = false;
  bool v6 = false;
};

// A connection that a server has accepted: it learns from its bytes whose it is.
struct Served {
  base::SlotId id;
  std::optional<std::uint32_t> session;
  bool v6 = false;
  bool said = false;
  bool over = false;
};

class Sender final : public Outbox {
 public:
  std::byte* segment(std::size_t size, Hop hop) override {
    waiting.emplace_back(std::vector<std::byte>(size), hop);
    return waiting.back().first.data();
  }
  std::deque<std::pair<std::vector<std::byte>, Hop>> waiting;
};

class Walk {
 public:
  explicit Walk(std::uint64_t seed);
  WalkReport run();

 private:
  // The owner's view of a client: what it waits for.
  struct Waiting {
    LegId client;
    std::optional<LegId> upstream;
    base::Nanos until{};
  };

  void fail(const std::string& what) {
    constexpr std::size_t kFailuresMax = 10;
    if (report_.failures.size() < kFailuresMax) report_.failures.push_back(what);
  }
  void plan();
  void step();
  void carry();
  void give(std::vector<std::byte>& bytes, Hop hop);
  void leave(std::span<const std::byte> bytes, Hop hop, bool came_good);
  void own();
  void on_event(const CoreEvent& event);
  std::optional<LegId> connect(bool v6, std::uint64_t token);
  void join(const LegId& client, const LegId& upstream);
  void drive_clients();
  void drive_servers();
  void serve(Served& served);
  bool all_over() const;
  void finish();

  std::uint64_t seed_;
  base::Prng prng_;
  base::Nanos now_ = 1000s;
  bool gentle_ = false;  // Nobody but loss may end a session early.
  std::size_t preamble_ = 0;
  Sender sender_;
  std::unique_ptr<SpliceCore> core_;
  std::unique_ptr<MiniTcp> clients_;
  std::unique_ptr<MiniTcp> servers_;
  std::unique_ptr<FaultWire> near_;  // 0: clients, 1: core.
  std::unique_ptr<FaultWire> far_;   // 0: core, 1: servers.
  std::array<base::IpPort, 2> vips_ = {ip_of("192.0.2.80:80"), ip_of("[2001:db8::80]:80")};
  std::array<base::IpPort, 2> sources_ = {ip_of("192.0.2.90:0"), ip_of("[2001:db8::90]:0")};
  std::array<base::IpPort, 2> remotes_ = {ip_of("203.0.113.7:8080"), ip_of("[2001:db8:7::7]:8080")};
  std::vector<Session> sessions_;
  std::vector<Served> served_;
  std::map<std::uint64_t, Waiting> waiting_;   // By token.
  std::map<std::uint64_t, LegId> connecting_;  // To the pool: by token.
  std::array<std::deque<LegId>, 2> pool_;
  std::vector<PairId> pairs_;
  std::uint64_t next_token_ = 100;
  WalkReport report_;
};

Walk::Walk(std::uint64_t seed) : seed_(seed), prng_(seed) {
  gentle_ = prng_.chance(500);
  Faults faults;
  const auto much = [&] {
    return static_cast<std::uint32_t>(prng_.chance(300) ? 0 : prng_.between(1, 50));
  };
  faults.loss = much();
  faults.duplicate = much();
  faults.reorder = much();
  faults.corrupt = gentle_ ? 0 : much();
  faults.latency = base::Nanos(static_cast<std::int64_t>(prng_.between(0, 20'000'000)));
  near_ = std::make_unique<FaultWire>(faults, seed + 1);
  faults.loss = much();
  far_ = std::make_unique<FaultWire>(faults, seed + 2);

  MiniTcpOptions tcp;
  tcp.seed = seed + 3;
  tcp.buffer_bytes = prng_.between(4U << 10U, 128U << 10U);
  tcp.sack = prng_.chance(700);
  tcp.window_scale = prng_.chance(700);
  tcp.mss_option = prng_.chance(800);
  clients_ = std::make_unique<MiniTcp>(tcp);
  tcp.seed = seed + 4;
  tcp.sack = prng_.chance(700);
  tcp.window_scale = prng_.chance(700);
  tcp.buffer_bytes = prng_.between(4U << 10U, 128U << 10U);
  if (prng_.chance(300)) tcp.window_shift = static_cast<std::uint8_t>(prng_.below(9));
  servers_ = std::make_unique<MiniTcp>(tcp);

  CoreOptions options;
  options.pairs_max = 256;
  options.legs_max = 256;
  options.half_open_max = 64;
  options.pages = PageWish::kPlain;
  options.seed = {{seed, ~seed}};
  options.idle = kIdle;
  options.report_advance = prng_.chance(500);
  core_ = std::make_unique<SpliceCore>(options, sender_);
  core_->set_own_addresses(std::vector{vips_[0], vips_[1], sources_[0], sources_[1]});
  for (const base::IpPort& each : vips_) core_->listen(each, 1);
  for (const base::IpPort& each : remotes_) {
    SocketOptions socket;
    if (prng_.chance(500)) socket.isn = static_cast<std::uint32_t>(0U - prng_.below(20000));
    servers_->listen(each, socket);
  }
  preamble_ = prng_.chance(500) ? prng_.between(1, kPreambleMax) : 0;
  plan();
}

void Walk::plan() {
  for (std::uint32_t i = 0; i < kSessions; ++i) {
    Session session;
    const std::size_t most = prng_.chance(200) ? 200'000 : 5'000;
    session.question = speech(seed_, i, prng_.below(most));
    session.answer = speech(seed_ + 1, i, prng_.below(most));
    session.begins_at = now_ + base::Nanos(static_cast<std::int64_t>(prng_.below(2'000'000'000)));
    session.v6 = prng_.chance(500);
    if (!gentle_ && prng_.chance(150)) {
      session.resets_at =
          session.begins_at + base::Nanos(static_cast<std::int64_t>(prng_.below(1'000'000'000)));
    }
    sessions_.push_back(std::move(session));
  }
}

// What leaves must be right when it is our own, or when what it was made of was.
void Walk::leave(std::span<const std::byte> bytes, Hop hop, bool came_good) {
  if (came_good && !read_packet(bytes).has_value()) fail("a bad packet left");
  if (hop == kClients) {
    near_->send(1, bytes, now_);
  } else if (hop == kServers) {
    far_->send(0, bytes, now_);
  } else {
    fail("a packet left to nowhere");
  }
}

void Walk::give(std::vector<std::byte>& bytes, Hop hop) {
  const bool good = read_packet(bytes).has_value();
  const auto size = static_cast<std::uint32_t>(bytes.size());
  bytes.resize(std::max(bytes.size(), kPacketRoom));
  Packet packet{.data = bytes.data(),
                .size = size,
                .room = static_cast<std::uint32_t>(bytes.size()),
                .hop = hop};
  core_->receive({&packet, 1});
  if (packet.verdict == Verdict::kSend) {
    leave(std::span(bytes).first(packet.size), packet.hop, good);
  }
}

void Walk::carry() {
  std::vector<std::byte> packet;
  while (near_->receive(0, packet, now_)) clients_->receive(packet, now_);
  while (far_->receive(1, packet, now_)) servers_->receive(packet, now_);
  while (near_->receive(1, packet, now_)) give(packet, kClients);
  while (far_->receive(0, packet, now_)) give(packet, kServers);
  for (; !sender_.waiting.empty(); sender_.waiting.pop_front()) {
    leave(sender_.waiting.front().first, sender_.waiting.front().second, true);
  }
  while (clients_->next_packet(packet)) near_->send(0, packet, now_);
  while (servers_->next_packet(packet)) far_->send(1, packet, now_);
}

std::optional<LegId> Walk::connect(bool v6, std::uint64_t token) {
  const std::size_t family = v6 ? 1 : 0;
  const auto leg = core_->connect({.remote = remotes_.at(family),
                                   .sources = std::span(&sources_.at(family), 1),
                                   .hop = kServers,
                                   .token = token});
  if (!leg) return std::nullopt;
  return *leg;
}

void Walk::join(const LegId& client, const LegId& upstream) {
  std::vector<std::byte> header(preamble_, std::byte{0x50});
  const auto pair = core_->attach(client, upstream, header, 0);
  if (pair) pairs_.push_back(*pair);
}

void Walk::on_event(const CoreEvent& event) {
  const bool v6 = event.leg.family == CoreFamily::kV6;
  switch (event.kind) {
    case CoreEventKind::kAccepted: {
      ++report_.sessions;
      auto& pool = pool_.at(v6 ? 1 : 0);
      const std::uint64_t token = next_token_++;
      core_->set_token(event.leg, token);
      if (!pool.empty() && prng_.chance(700)) {
        const LegId upstream = pool.front();
        pool.pop_front();
        return join(event.leg, upstream);
      }
      waiting_[token] = {.client = event.leg, .upstream = connect(v6, token), .until = now_ + 40s};
      return;
    }
    case CoreEventKind::kConnected: {
      if (const auto found = connecting_.find(event.token); found != connecting_.end()) {
        connecting_.erase(found);
        if (event.error != base::Errno::kNone) return core_->close(event.leg, false);
        pool_.at(v6 ? 1 : 0).push_back(event.leg);
        return;
      }
      const auto found = waiting_.find(event.token);
      if (found == waiting_.end()) return fail("an upstream that nobody asked for");
      const Waiting waiting = found->second;
      waiting_.erase(found);
      if (event.error == base::Errno::kNone) return join(waiting.client, event.leg);
      core_->close(event.leg, false);
      core_->close(waiting.client, true);
      return;
    }
    case CoreEventKind::kLegClosed: {
      auto& pool = pool_.at(v6 ? 1 : 0);
      const auto found = std::find(pool.begin(), pool.end(), event.leg);
      if (found != pool.end()) {
        pool.erase(found);
        core_->close(event.leg, prng_.chance(500));
      }
      return;  // A client that waits: attach() will see.
    }
    case CoreEventKind::kAdvanced:
      if (prng_.chance(500)) core_->taken(event.pair);
      return;
    case CoreEventKind::kIdle:
      std::erase(pairs_, event.pair);
      return core_->abort(event.pair);
    case CoreEventKind::kEnded:
      if (std::erase(pairs_, event.pair) == 0) fail("the end of a pair that was not, or no more");
      return;
  }
}

void Walk::own() {
  const std::vector<CoreEvent> events(core_->events().begin(), core_->events().end());
  core_->clear_events();
  for (const CoreEvent& event : events) on_event(event);
  for (std::size_t family = 0; family < 2; ++family) {
    if (pool_.at(family).size() + connecting_.size() < kPoolMax && prng_.chance(10)) {
      const std::uint64_t token = next_token_++;
      const auto leg = connect(family == 1, token);
      if (leg) connecting_[token] = *leg;
    }
  }
  if (gentle_) return;
  if (!pairs_.empty() && prng_.chance(1) && prng_.chance(300)) {
    const PairId pair = pairs_.at(prng_.below(pairs_.size()));
    std::erase(pairs_, pair);
    core_->abort(pair);
  }
  for (auto& pool : pool_) {
    if (pool.empty() || !prng_.chance(2)) continue;
    core_->close(pool.back(), prng_.chance(500));
    pool.pop_back();
  }
}

void Walk::drive_clients() {
  for (Session& session : sessions_) {
    if (session.over || now_ < session.begins_at) continue;
    if (!session.begun) {
      session.begun = true;
      const auto index = static_cast<std::size_t>(&session - sessions_.data());
      base::IpPort from = ip_of(session.v6 ? "[2001:db8:1::1]:1" : "198.51.100.1:1");
      from.port = static_cast<std::uint16_t>(20000 + index);
      SocketOptions socket;
      if (prng_.chance(500)) socket.isn = static_cast<std::uint32_t>(0U - prng_.below(20000));
      session.client = clients_->connect(from, vips_.at(session.v6 ? 1 : 0), socket).value();
      clients_->send(session.client, session.question);
      if (prng_.chance(500)) clients_->shutdown_write(session.client);
      continue;
    }
    const base::SlotId id = session.client;
    if (prng_.chance(5)) clients_->read(id, prng_.chance(700));
    if (!begins(session.answer, clients_->received(id))) fail("a client got something else");
    const bool gone = clients_->was_reset(id) || clients_->timed_out(id);
    const bool all = clients_->received(id).size() == session.answer.size();
    const bool complete = all && clients_->eof(id) && clients_->in_flight(id) == 0;
    if (all) clients_->read(id, true);
    if (clients_->eof(id) && !all && !gone) fail("a client saw the end too early");
    if (!gone && !complete && now_ < session.resets_at) continue;
    if (!gone && !complete) clients_->reset(id);
    report_.bytes += clients_->received(id).size();
    if (complete && !gone) {
      ++report_.complete;
    } else {
      ++report_.reset;
      if (gentle_) {
        fail("session " + std::to_string(&session - sessions_.data()) +
             " ended early: " + (clients_->timed_out(id) ? "timed out" : "reset") + " after " +
             std::to_string(clients_->received(id).size()) + " of " +
             std::to_string(session.answer.size()));
      }
    }
    session.over = true;
    clients_->release(id);
  }
}

void Walk::serve(Served& served) {
  const base::SlotId id = served.id;
  const auto& got = servers_->received(id);
  const bool gone = servers_->was_reset(id) || servers_->timed_out(id);
  if (prng_.chance(5)) servers_->read(id, prng_.chance(700));
  if (!served.session && got.size() >= preamble_ + 4) {
    std::uint32_t number = 0;
    for (unsigned i = 0; i < 4; ++i) {
      number |= std::to_integer<std::uint32_t>(got.at(preamble_ + i)) << (8 * i);
    }
    if (number >= sessions_.size()) return fail("a server got bytes of nobody");
    served.session = number;
    servers_->send(id, sessions_[number].answer);
    if (prng_.chance(500)) {
      served.said = true;
      servers_->shutdown_write(id);
    }
  }
  if (served.session) {
    const Session& session = sessions_[*served.session];
    if (!begins(session.question, std::span(got).subspan(preamble_))) {
      fail("a server got something else");
    }
    if (got.size() == preamble_ + session.question.size()) {
      servers_->read(id, true);
      if (!served.said) servers_->shutdown_write(id);
      served.said = true;
    } else if (servers_->eof(id) && !gone) {
      fail("a server saw the end too early");
    }
  }
  if (gone || (servers_->eof(id) && served.said && servers_->in_flight(id) == 0)) {
    report_.bytes += got.size();
    served.over = true;
    servers_->release(id);
  }
}

void Walk::drive_servers() {
  for (std::size_t family = 0; family < 2; ++family) {
    while (const auto id = servers_->accept(remotes_.at(family))) {
      served_.push_back({.id = *id, .session = {}, .v6 = family == 1});
    }
  }
  for (Served& served : served_) {
    if (!served.over) serve(served);
  }
}

void Walk::step() {
  now_ += kStep;
  carry();
  core_->advance(now_);
  clients_->tick(now_);
  servers_->tick(now_);
  own();
  drive_clients();
  drive_servers();
  const CoreStats& stats = core_->stats();
  if (stats.table_entries != stats.legs + 2 * stats.pairs) fail("the index and the tables differ");
}

bool Walk::all_over() const {
  return std::ranges::all_of(sessions_, [](const Session& each) { return each.over; });
}

// Everybody goes home: nothing may be left.
void Walk::finish() {
  if (!all_over()) fail("sessions did not end");
  for (const Served& served : served_) {
    if (!served.over) servers_->reset(served.id);
  }
  core_->reset_everything();
  for (const base::Nanos end = now_ + kAfterAll; now_ < end; now_ += 10ms) {
    carry();
    core_->advance(now_);
    for (const CoreEvent& event : core_->events()) {
      if (event.kind == CoreEventKind::kAccepted) core_->reset_everything();
    }
    core_->clear_events();
  }
  core_->reset_everything();
  const CoreStats& stats = core_->stats();
  const std::pair<const char*, std::uint64_t> gauges[] = {{"pairs", stats.pairs},
                                                          {"legs", stats.legs},
                                                          {"lingering", stats.lingering},
                                                          {"parked", stats.parked},
                                                          {"half_open", stats.half_open},
                                                          {"openings", stats.openings},
                                                          {"early_bytes", stats.early_bytes},
                                                          {"ports_in_use", stats.ports_in_use},
                                                          {"table_entries", stats.table_entries}};
  for (const auto& [name, value] : gauges) {
    if (value != 0) fail(std::string(name) + " is left at " + std::to_string(value));
  }
  report_.damaged = near_->stats().corrupted + far_->stats().corrupted;
}

WalkReport Walk::run() {
  for (const base::Nanos end = now_ + kPatience; now_ < end && !all_over();) step();
  // Those that end by themselves may do so.
  for (const base::Nanos end = now_ + kIdle * 2; now_ < end && !pairs_.empty();) step();
  if (!pairs_.empty()) fail("pairs did not end");
  finish();
  return std::move(report_);
}

}  // namespace

WalkReport splice_walk(std::uint64_t seed) { return Walk(seed).run(); }

}  // namespace dpdk_test
