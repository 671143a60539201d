#include "backends/dpdk/packet_numbers.h"

#include "backends/dpdk/link.h"

namespace backends::dpdk {
namespace {

using splice_core::CoreStats;
using splice_core::DropReason;

struct CoreNumber {
  std::string_view name;
  std::uint64_t CoreStats::*value;
};

constexpr CoreNumber kCounters[] = {
    {"packets", &CoreStats::packets},
    {"translated", &CoreStats::translated},
    {"cookies_sent", &CoreStats::cookies_sent},
    {"cookies_accepted", &CoreStats::cookies_accepted},
    {"cookies_refused", &CoreStats::cookies_refused},
    {"half_open_full", &CoreStats::half_open_full},
    {"syn_acks_repeated", &CoreStats::syn_acks_repeated},
    {"connects", &CoreStats::connects},
    {"syns_repeated", &CoreStats::syns_repeated},
    {"stale_answers", &CoreStats::stale_answers},
    {"connected", &CoreStats::connected},
    {"probes_answered", &CoreStats::probes_answered},
    {"ports_exhausted", &CoreStats::ports_exhausted},
    {"legs_full", &CoreStats::legs_full},
    {"attached", &CoreStats::attached},
    {"attach_repeated", &CoreStats::attach_repeated},
    {"headers_sent", &CoreStats::headers_sent},
    {"headers_repeated", &CoreStats::headers_repeated},
    {"headers_failed", &CoreStats::headers_failed},
    {"mss_too_large", &CoreStats::mss_too_large},
    {"early_held", &CoreStats::early_held},
    {"sack_shifted", &CoreStats::sack_shifted},
    {"sack_blanked", &CoreStats::sack_blanked},
    {"timers_dropped", &CoreStats::timers_dropped},
    {"resets_sent", &CoreStats::resets_sent},
    {"challenges_sent", &CoreStats::challenges_sent},
    {"answers_limited", &CoreStats::answers_limited},
    {"icmp_passed", &CoreStats::icmp_passed},
    {"closed", &CoreStats::closed},
    {"client_resets", &CoreStats::client_resets},
    {"upstream_resets", &CoreStats::upstream_resets},
    {"aborted", &CoreStats::aborted},
    {"replaced", &CoreStats::replaced},
    {"sweeps", &CoreStats::sweeps},
    {"swept", &CoreStats::swept},
    {"sweep_nanoseconds", &CoreStats::sweep_nanoseconds},
};

constexpr CoreNumber kGauges[] = {
    {"pairs", &CoreStats::pairs},
    {"lingering", &CoreStats::lingering},
    {"legs", &CoreStats::legs},
    {"parked", &CoreStats::parked},
    {"half_open", &CoreStats::half_open},
    {"openings", &CoreStats::openings},
    {"early_bytes", &CoreStats::early_bytes},
    {"ports_in_use", &CoreStats::ports_in_use},
    {"table_entries", &CoreStats::table_entries},
    {"table_places", &CoreStats::table_places},
    {"memory_bytes", &CoreStats::memory_bytes},
};

// What the link layers of all ports have counted.
LinkStats link_sums(const Datapath& datapath) {
  LinkStats sums;
  for (std::size_t port = 0; port < datapath.ports(); ++port) {
    const LinkStats one = datapath.link_stats(port);
    for (std::size_t i = 0; i < kLinkDrops; ++i) sums.dropped[i] += one.dropped[i];
    sums.questions_sent += one.questions_sent;
    sums.questions_lacking += one.questions_lacking;
    sums.questions_answered += one.questions_answered;
    sums.echoes_answered += one.echoes_answered;
    sums.announced += one.announced;
    sums.conflicts += one.conflicts;
    sums.gateway_moves += one.gateway_moves;
    sums.link_downs += one.link_downs;
    sums.unanswered += one.unanswered;
    sums.neighbours_lacking += one.neighbours_lacking;
    sums.neighbours += one.neighbours;
    sums.stations += one.stations;
  }
  return sums;
}

class Lister {
 public:
  explicit Lister(std::vector<PacketNumber>& numbers) : numbers_(numbers) {}
  void dropped(std::string_view name, std::uint64_t value) {
    numbers_.push_back({PacketNumberKind::kDropped, {}, name, value});
  }
  void counted(std::string_view name, std::uint64_t value) {
    numbers_.push_back({PacketNumberKind::kCounted, {}, name, value});
  }
  void held(std::string_view name, std::uint64_t value) {
    numbers_.push_back({PacketNumberKind::kHeld, {}, name, value});
  }
  void packets(std::string_view port, std::string_view name, std::uint64_t value) {
    numbers_.push_back({PacketNumberKind::kPortPackets, port, name, value});
  }
  void bytes(std::string_view port, std::string_view name, std::uint64_t value) {
    numbers_.push_back({PacketNumberKind::kPortBytes, port, name, value});
  }

 private:
  std::vector<PacketNumber>& numbers_;
};

void list_core(const CoreStats& core, Lister& list) {
  for (std::size_t i = 0; i < splice_core::kDropReasons; ++i) {
    list.dropped(name_of(static_cast<DropReason>(i)), core.drops[i]);
  }
  for (const CoreNumber& each : kCounters) list.counted(each.name, core.*each.value);
  for (const CoreNumber& each : kGauges) list.held(each.name, core.*each.value);
}

// With "link_" in front of the reasons, some of which the core has too.
constexpr std::array<std::string_view, kLinkDrops> kLinkDropNames = {
    "link_short",          "link_other_station", "link_bad_source",  "link_unknown_type",
    "link_not_for_us",     "link_stations_full", "link_bad_message", "link_not_handled",
    "link_answer_limited", "link_echo_limited"};

void list_link(const LinkStats& link, Lister& list) {
  for (std::size_t i = 0; i < kLinkDrops; ++i) list.dropped(kLinkDropNames[i], link.dropped[i]);
  list.counted("neighbour_questions", link.questions_sent);
  list.counted("neighbour_questions_lacking", link.questions_lacking);
  list.counted("neighbour_answers", link.questions_answered);
  list.counted("neighbours_unanswered", link.unanswered);
  list.counted("neighbours_lacking", link.neighbours_lacking);
  list.counted("echoes_answered", link.echoes_answered);
  list.counted("addresses_announced", link.announced);
  list.counted("address_conflicts", link.conflicts);
  list.counted("gateway_moves", link.gateway_moves);
  list.counted("link_downs", link.link_downs);
  list.held("neighbours", link.neighbours);
  list.held("stations", link.stations);
}

void list_device(Device& device, Lister& list) {
  const DeviceStats& stats = device.stats();
  const std::string_view port = device.name();
  list.packets(port, "received", stats.received);
  list.packets(port, "receive_missed", stats.receive_missed);
  list.packets(port, "receive_errors", stats.receive_errors);
  list.packets(port, "receive_bursts", stats.receive_bursts);
  list.packets(port, "empty_polls", stats.empty_polls);
  list.packets(port, "sent", stats.sent);
  list.packets(port, "send_bursts", stats.send_bursts);
  list.packets(port, "send_dropped", stats.send_dropped);
  list.packets(port, "no_buffers", stats.no_buffers);
  list.bytes(port, "received", stats.received_bytes);
  list.bytes(port, "sent", stats.sent_bytes);
}

}  // namespace

void list_numbers(Datapath& datapath, std::vector<PacketNumber>& numbers) {
  Lister list(numbers);
  list_core(datapath.core().stats(), list);
  list_link(link_sums(datapath), list);
  const DatapathStats& path = datapath.stats();
  list.counted("rounds", path.rounds);
  list.counted("bursts", path.bursts);
  list.counted("gossip_lost", path.gossip_lost);
  list.counted("sampled_packets", path.sampled_packets);
  list.counted("sampled_nanoseconds", static_cast<std::uint64_t>(path.sampled.count()));
  if (const Capture* const capture = datapath.capture(); capture != nullptr) {
    list.counted("captured", capture->packets());
  }
  for (std::size_t port = 0; port < datapath.ports(); ++port) {
    list_device(datapath.device(port), list);
  }
}

}  // namespace backends::dpdk
