// The core of one family, IPv4 or IPv6: its connections, pairs and listeners, and what becomes of
// each segment. SpliceCore owns one of each and is what others use; the shared parts are here as
// references. One thread.
//   splice.cc           the burst: find, prefetch, dispatch; segments of no connection
//   splice_clients.cc   handshakes of clients, and clients that wait
//   splice_upstreams.cc connecting, parking
//   splice_legs.cc      what both have: closing, our own segments
//   splice_pairs.cc     joined connections: the hot path, FIN and RST
//   splice_attach.cc    joining, and the segments we send on a pair
//   splice_icmp.cc      errors from the way
//   splice_timers.cc    what is sent again, and the sweep
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/dpdk/splice_core/cookie.h"
#include "backends/dpdk/splice_core/core_event.h"
#include "backends/dpdk/splice_core/core_options.h"
#include "backends/dpdk/splice_core/core_stats.h"
#include "backends/dpdk/splice_core/delay_queues.h"
#include "backends/dpdk/splice_core/early_store.h"
#include "backends/dpdk/splice_core/flow_index.h"
#include "backends/dpdk/splice_core/half_open.h"
#include "backends/dpdk/splice_core/leg.h"
#include "backends/dpdk/splice_core/local_ports.h"
#include "backends/dpdk/splice_core/outbox.h"
#include "backends/dpdk/splice_core/packet.h"
#include "backends/dpdk/splice_core/pair_slab.h"
#include "backends/dpdk/splice_core/parse.h"
#include "backends/dpdk/splice_core/rate_limit.h"
#include "backends/dpdk/splice_core/segment_writer.h"
#include "base/slab.h"

namespace backends::dpdk::splice_core {

// What both families stand on.
struct Shared {
  Shared(const CoreOptions& with, Outbox& to)
      : options(with),
        outbox(to),
        cookies(with.seed),
        answers(with.answers_per_second),
        icmp(with.icmp_per_second),
        early(with.early_bytes_max) {}

  const CoreOptions options;
  Outbox& outbox;
  CoreStats stats;
  base::Nanos now{0};
  std::uint32_t seconds = 0;  // now, whole seconds.
  CookieJar cookies;
  RateLimit answers;
  RateLimit icmp;
  EarlyStore early;
  std::vector<CoreEvent> events;
};

// A segment of a burst on its way through the stages.
template <typename Ip>
struct Work {
  Packet* packet = nullptr;
  Envelope envelope;
  FlowKey<Ip> flow;
  std::uint32_t hash = 0;
  std::uint32_t ref = FlowIndex::kNothing;  // What the index had first for this hash.
};

template <typename Ip>
struct Listening {
  Ip address;
  bool any_address = false;
  std::uint16_t port = 0;  // Wire order.
  bool accepting = true;
  std::uint64_t token = 0;
};

// The most bytes of a PROXY header: backends::kPreambleMax.
inline constexpr std::size_t kHeaderMax = 536;

template <typename Ip>
class Splice {
 public:
  Splice(Shared& shared, typename LocalPorts<Ip>::Mine mine);

  static constexpr CoreFamily kFamily =
      sizeof(Ip) == sizeof(Ip4) ? CoreFamily::kV4 : CoreFamily::kV6;

  // --- Packets. A burst goes through begin() for each, then run() once.
  void begin(Work<Ip>& work) const;
  void run(std::span<Work<Ip>> burst);
  // An ICMP error; the packet is rewritten or dropped.
  void icmp(Packet& packet, const Envelope& envelope);

  // --- The owner's calls; SpliceCore has their descriptions.
  void set_own_addresses(std::span<const Ip> addresses) {
    own_.assign(addresses.begin(), addresses.end());
  }
  void listen(const Listening<Ip>& listening) { listeners_.push_back(listening); }
  void set_accepting(std::uint64_t token, bool accepting);
  void unlisten(std::uint64_t token);

  struct ConnectWish {
    Ip remote;
    std::uint16_t remote_port = 0;  // Wire order.
    std::span<const Ip> sources;
    std::size_t first_source = 0;
    std::uint16_t mss = 0;
    Hop hop = kNoHop;
    std::uint64_t token = 0;
  };
  base::Result<base::SlotId> connect(const ConnectWish& wish);
  void reach(base::SlotId leg, Hop hop);
  const Leg<Ip>* leg(base::SlotId id) const { return legs_.find(id); }
  void set_token(base::SlotId id, std::uint64_t token) { legs_[id].token = token; }
  void close(base::SlotId id, bool reset);
  base::Result<PairId> attach(base::SlotId client, base::SlotId upstream,
                              std::span<const std::byte> header, std::uint32_t skip);
  void abort(const PairId& id);
  const Pair<Ip>* pair(const PairId& id) const;
  Pair<Ip>* pair(const PairId& id);
  PairFacts facts_of(const Pair<Ip>& pair) const;

  // --- Time.
  void run_timers(std::size_t most);
  // Looks at up to `count` slots and frees up to `frees_max` pairs. True when it came to the end.
  bool sweep(std::size_t count, std::size_t frees_max);
  void reset_everything();

  std::size_t slots() const { return pairs_.used_slots(); }
  void add_gauges(CoreStats& stats) const;
  PageKind page_kind() const { return pairs_.page_kind(); }

 private:
  enum class RefKind : std::uint8_t { kLeg, kClientSide, kUpstreamSide };
  static constexpr std::uint32_t make_ref(RefKind kind, std::uint32_t slot) {
    return (slot << 2U) | static_cast<std::uint32_t>(kind);
  }
  static constexpr RefKind kind_of(std::uint32_t ref) { return static_cast<RefKind>(ref & 3U); }
  static constexpr std::uint32_t slot_of(std::uint32_t ref) { return ref >> 2U; }
  static constexpr RefKind ref_kind(Side side) {
    return side == Side::kClient ? RefKind::kClientSide : RefKind::kUpstreamSide;
  }

  enum class TimerKind : std::uint8_t { kConnect, kClose, kWindow, kHeader };
  struct Timer {
    std::uint32_t slot = 0;
    std::uint32_t life = 0;  // The leg's generation, the pair's stamp.
    std::uint32_t opening = 0;
    TimerKind kind = TimerKind::kConnect;
    std::uint8_t tries = 0;
  };
  // A PROXY header that was not acknowledged yet.
  struct Opening {
    std::array<std::byte, kHeaderMax> bytes;
    std::uint32_t size = 0;
    std::uint32_t next_free = kNoSegment;
  };

  // splice.cc
  void dispatch(Work<Ip>& work);
  void unknown(Work<Ip>& work, const Segment& segment);
  void stranger_reset(Work<Ip>& work, const Segment& segment);
  bool matches(std::uint32_t ref, const FlowKey<Ip>& flow) const;
  std::uint32_t find(const FlowKey<Ip>& flow, std::uint32_t hash) const;
  std::uint32_t hash(const FlowKey<Ip>& flow) const { return hash_of(flow, secret_); }
  bool own_address(const Ip& address) const;
  Listening<Ip>* listening_on(const FlowKey<Ip>& flow);
  void answer_stranger(Work<Ip>& work, const Segment& segment, DropReason reason);

  // splice_clients.cc
  void client_syn(Work<Ip>& work, const Segment& segment, const Listening<Ip>& listening);
  void client_ack(Work<Ip>& work, const Segment& segment, const Listening<Ip>& listening);
  void waiting_client(Work<Ip>& work, const Segment& segment, std::uint32_t slot);
  void keep_early(Work<Ip>& work, const Segment& segment, base::SlotId id, Leg<Ip>& leg);
  void send_syn_ack(const HalfOpen<Ip>& half);

  // splice_upstreams.cc
  void send_syn(Leg<Ip>& leg);
  void connecting(Work<Ip>& work, const Segment& segment, base::SlotId id, Leg<Ip>& leg);
  void parked(Work<Ip>& work, const Segment& segment, base::SlotId id, Leg<Ip>& leg);
  void fail_connect(base::SlotId id, Leg<Ip>& leg, base::Errno error);

  // splice_legs.cc
  base::SlotId leg_id(std::uint32_t slot) const { return {slot, generations_[slot]}; }
  base::SlotId add_leg(const Leg<Ip>& leg);
  void leg_segment(Work<Ip>& work, const Segment& segment, std::uint32_t slot);
  void closing(Work<Ip>& work, const Segment& segment, base::SlotId id, Leg<Ip>& leg);
  // Drops it and answers with where the leg stands, under a limit.
  void challenge(Work<Ip>& work, const Leg<Ip>& leg, DropReason reason);
  void leg_reset(Work<Ip>& work, const Segment& segment, base::SlotId id, Leg<Ip>& leg);
  void forget_leg(base::SlotId id);  // And its port, its early segments and its place in the index.
  void send(const FlowKey<Ip>& flow, Hop hop, OwnSegment segment);
  void send_leg(const Leg<Ip>& leg, std::uint8_t flags);
  void drop(Work<Ip>& work, DropReason reason);
  void drop(Packet& packet, DropReason reason);
  bool trusted(Work<Ip>& work);  // Its checksum is right; else it is dropped.
  void tell(CoreEventKind kind, base::SlotId id, const Leg<Ip>& leg, base::Errno error);
  std::uint16_t own_mss() const;
  void give_back_port(const FlowKey<Ip>& upstream_flow);

  // splice_pairs.cc
  template <Side From>
  bool pass_plain(Work<Ip>& work, std::uint32_t slot);
  void pair_segment(Work<Ip>& work, Segment segment, std::uint32_t slot, Side from);
  void pair_reset(Work<Ip>& work, Segment segment, std::uint32_t slot, Side from);
  void pair_syn(Work<Ip>& work, const Segment& segment, std::uint32_t slot, Side from);
  bool decides(const Pair<Ip>& pair, const Segment& segment, Side from) const;
  bool believable(const Pair<Ip>& pair, const Segment& segment, Side from) const;
  void note_progress(Pair<Ip>& pair, std::uint32_t slot, const Segment& segment, Side from);
  void note(Pair<Ip>& pair, std::uint32_t slot);
  void pass_on(Work<Ip>& work, const Segment& segment, Pair<Ip>& pair, Side from);
  void end_pair(std::uint32_t slot, PairEnd end);
  void free_pair(std::uint32_t slot);

  // splice_attach.cc
  void fill_pair(Pair<Ip>& pair, const Leg<Ip>& client, const Leg<Ip>& upstream,
                 std::uint32_t header_bytes, std::uint32_t skip);
  // Bytes of the client that the upstream never gets are still to come.
  static bool skipping(const Pair<Ip>& pair) {
    const std::uint32_t first = pair.acked[index_of(Side::kUpstream)];
    const std::uint32_t next =
        pair.sent[index_of(Side::kClient)] + pair.seq_shift[index_of(Side::kClient)];
    return static_cast<std::int32_t>(next - first) < 0;
  }
  bool take_skipped(Work<Ip>& work, Segment& segment, Pair<Ip>& pair);
  void cut_front(Work<Ip>& work, Segment& segment, std::uint32_t bytes, std::uint32_t seq);
  void send_on_pair(const Pair<Ip>& pair, Side to, std::uint8_t flags, std::uint32_t seq,
                    std::span<const std::byte> payload = {});
  void reset_side(const Pair<Ip>& pair, Side to);
  void send_header(const Pair<Ip>& pair, const Opening& opening);
  void replay_early(std::uint32_t slot, Side from, std::uint32_t first);
  void send_last_words(const Leg<Ip>& client, Leg<Ip>& upstream, std::span<const std::byte> header,
                       std::uint32_t skip);
  std::uint32_t add_opening(std::span<const std::byte> header);
  void free_opening(std::uint32_t opening);
  PairId id_of(std::uint32_t slot) const {
    return {.slot = slot, .stamp = pairs_[slot].stamp, .family = kFamily};
  }

  // splice_icmp.cc
  void pass_icmp(Packet& packet, const Envelope& envelope, std::uint32_t slot, Side sent_to);

  // splice_timers.cc
  void start_timer(std::size_t delay, const Timer& timer);
  void syn_timer(const Timer& timer);
  void fin_timer(const Timer& timer);
  void window_timer(const Timer& timer);
  void header_timer(const Timer& timer);

  Shared& shared_;
  HashSecret secret_;
  SipKey isn_key_;
  FlowIndex index_;
  PairSlab<Ip> pairs_;
  base::Slab<Leg<Ip>> legs_;
  std::vector<std::uint32_t> generations_;  // Of the leg in each slot: the index has only the slot.
  HalfOpenTable<Ip> half_open_;
  LocalPorts<Ip> ports_;
  std::vector<Listening<Ip>> listeners_;
  std::vector<Ip> own_;
  std::vector<Opening> openings_;
  std::uint32_t free_opening_ = kNoSegment;
  std::size_t openings_used_ = 0;
  // 200, 400, ... 3200 ms, then 1, 2, ... 16 s: see splice_timers.cc.
  static constexpr std::size_t kDelays = 10;
  DelayQueues<Timer, kDelays> timers_;
  std::uint32_t sweep_at_ = 0;
  std::size_t lingering_ = 0;
  std::size_t parked_ = 0;
};

}  // namespace backends::dpdk::splice_core
