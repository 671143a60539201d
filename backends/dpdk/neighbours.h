// Which stations have the addresses that we send to ourselves: gateways and endpoints on the link.
// Only those whom we ask for are kept (clients are answered by the hop their frames came with, and
// cannot fill this). Asks, asks again, gives up for a while, and makes sure of what it knows now
// and then, as RFC 1122 2.3.2.1 wants. Sends nothing itself: link.h does, when told to ask. One
// family of one port of one worker; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>

#include "backends/dpdk/device.h"
#include "backends/dpdk/neighbour_message.h"
#include "backends/dpdk/splice_core/flow_key.h"
#include "backends/dpdk/splice_core/packet.h"
#include "backends/dpdk/stations.h"
#include "base/time.h"

namespace backends::dpdk {

// More than the endpoints that one worker reaches without a gateway.
inline constexpr std::size_t kNeighboursMax = 4096;
inline constexpr base::Nanos kAskAgain = std::chrono::seconds(1);  // RFC 4861, 10: RETRANS_TIMER.
inline constexpr int kAskTimes = 3;                                // MAX_*CAST_SOLICIT.
inline constexpr base::Nanos kAskPause = std::chrono::seconds(5);  // After asking in vain.
inline constexpr base::Nanos kSureFor = std::chrono::seconds(30);  // REACHABLE_TIME.
inline constexpr base::Nanos kForgetAfter = std::chrono::minutes(10);  // Without being looked for.
// Questions of one tick, so that many neighbours are no burst.
inline constexpr int kQuestionsPerTick = 64;

enum class Reach : std::uint8_t {
  kKnown,
  kPending,     // Asked for: try again in a moment.
  kUnreachable  // Nobody answers, or (counted) there is no room.
};

struct NextStation {
  Reach reach = Reach::kUnreachable;
  splice_core::Hop hop = splice_core::kNoHop;  // kKnown only.
};

struct NeighbourStats {
  std::uint64_t unanswered = 0;  // Asked for kAskTimes in vain.
  std::uint64_t no_room = 0;     // kNeighboursMax, or the stations, were reached.
};

template <typename Ip>
class Neighbours {
 public:
  // Sends a question: to everybody, or only to the station that had the address last.
  using Ask = std::function<void(const Ip& wanted, const std::optional<MacAddress>& known)>;

  Neighbours(Stations& stations, Ask ask);

  // Asks when it is not known, so `ask` may be called.
  NextStation find(const Ip& ip, base::Nanos now);
  // From now on always known if it can be, and never forgotten: a gateway. Asked for at the next
  // tick.
  void keep(const Ip& ip, base::Nanos now);

  // A station says that `ip` is at `mac`; news of neighbours that nobody looks for is ignored.
  // `overrides`: also if we know it elsewhere; otherwise that is only doubted. Returns where a kept
  // neighbour was until now if it has moved.
  std::optional<MacAddress> heard(const Ip& ip, const MacAddress& mac, bool overrides,
                                  base::Nanos now);
  // It answered from where we know it to be.
  void confirmed(const Ip& ip, base::Nanos now);

  // The link was down: everything is asked anew, and what is known stays in use meanwhile.
  void doubt_all(base::Nanos now);
  // Any time; asks what is due.
  void tick(base::Nanos now);

  // True when a neighbour is known to be at this station.
  bool any_at(const MacAddress& mac) const;
  std::size_t size() const { return entries_.size(); }
  std::size_t known() const;
  const NeighbourStats& stats() const { return stats_; }

 private:
  enum class State : std::uint8_t {
    kAsking,      // Everybody, without an answer yet.
    kKnown,       // Until `due`.
    kConfirming,  // In use, and its station is asked.
    kSilent       // Asked in vain: not again before `due`.
  };
  struct Entry {
    State state = State::kSilent;
    bool kept = false;
    int asked = 0;
    MacAddress mac{};                            // kKnown and kConfirming.
    splice_core::Hop hop = splice_core::kNoHop;  // As mac.
    base::Nanos due{0};
    base::Nanos wanted{0};  // Looked for at this time.
  };
  struct Hash {
    std::size_t operator()(const Ip& ip) const;
  };

  void ask_first(const Ip& ip, Entry& entry, State state, base::Nanos now);
  void ask_again(const Ip& ip, Entry& entry, base::Nanos now);
  void look_after(const Ip& ip, Entry& entry, base::Nanos now);
  // False: the stations are full.
  bool settle(Entry& entry, const MacAddress& mac, base::Nanos now);

  Stations& stations_;
  Ask ask_;
  std::unordered_map<Ip, Entry, Hash> entries_;
  NeighbourStats stats_;
  int asked_this_tick_ = 0;
};

extern template class Neighbours<splice_core::Ip4>;
extern template class Neighbours<splice_core::Ip6>;

}  // namespace backends::dpdk
