#include "backends/dpdk/neighbours.h"

#include <algorithm>
#include <utility>

#include "backends/dpdk/own_address.h"
#include "base/assert.h"
#include "base/prng.h"

namespace backends::dpdk {

using splice_core::kNoHop;

template <typename Ip>
Neighbours<Ip>::Neighbours(Stations& stations, Ask ask)
    : stations_(stations), ask_(std::move(ask)) {
  CHECK(ask_ != nullptr);
}

template <typename Ip>
NextStation Neighbours<Ip>::find(const Ip& ip, base::Nanos now) {
  auto found = entries_.find(ip);
  if (found == entries_.end()) {
    if (entries_.size() >= kNeighboursMax) {
      ++stats_.no_room;
      return {};
    }
    found = entries_.try_emplace(ip).first;
    found->second.due = now;
  }
  Entry& entry = found->second;
  entry.wanted = now;
  switch (entry.state) {
    case State::kKnown:
    case State::kConfirming:
      return {Reach::kKnown, entry.hop};
    case State::kAsking:
      return {Reach::kPending, kNoHop};
    case State::kSilent:
      break;
  }
  if (now < entry.due) return {};
  ask_first(ip, entry, State::kAsking, now);
  return {Reach::kPending, kNoHop};
}

template <typename Ip>
void Neighbours<Ip>::keep(const Ip& ip, base::Nanos now) {
  const auto [found, is_new] = entries_.try_emplace(ip);
  found->second.kept = true;
  if (is_new) found->second.due = now;
}

template <typename Ip>
std::optional<MacAddress> Neighbours<Ip>::heard(const Ip& ip, const MacAddress& mac, bool overrides,
                                                base::Nanos now) {
  const auto found = entries_.find(ip);
  if (found == entries_.end()) return std::nullopt;
  Entry& entry = found->second;
  const bool in_use = entry.state == State::kKnown || entry.state == State::kConfirming;
  if (in_use && entry.mac != mac && !overrides) {
    // RFC 4861, 7.2.5: kept, but no longer sure.
    entry.due = std::min(entry.due, now);
    return std::nullopt;
  }
  const MacAddress before = entry.mac;
  const bool moved = in_use && before != mac;
  if (!settle(entry, mac, now) || !moved || !entry.kept) return std::nullopt;
  return before;
}

template <typename Ip>
void Neighbours<Ip>::confirmed(const Ip& ip, base::Nanos now) {
  const auto found = entries_.find(ip);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  if (entry.state == State::kConfirming || entry.state == State::kKnown) {
    settle(entry, entry.mac, now);
  }
}

template <typename Ip>
void Neighbours<Ip>::doubt_all(base::Nanos now) {
  for (auto& [ip, entry] : entries_) entry.due = std::min(entry.due, now);
}

template <typename Ip>
void Neighbours<Ip>::tick(base::Nanos now) {
  asked_this_tick_ = 0;
  // At most kNeighboursMax.
  for (auto at = entries_.begin(); at != entries_.end();) {
    Entry& entry = at->second;
    if (!entry.kept && now - entry.wanted > kForgetAfter) {
      at = entries_.erase(at);
      continue;
    }
    if (now >= entry.due) look_after(at->first, entry, now);
    ++at;
  }
}

template <typename Ip>
bool Neighbours<Ip>::any_at(const MacAddress& mac) const {
  return std::any_of(entries_.begin(), entries_.end(), [&mac](const auto& each) {
    const Entry& entry = each.second;
    return (entry.state == State::kKnown || entry.state == State::kConfirming) && entry.mac == mac;
  });
}

template <typename Ip>
std::size_t Neighbours<Ip>::known() const {
  return static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.end(), [](const auto& each) {
        return each.second.state == State::kKnown || each.second.state == State::kConfirming;
      }));
}

// What is due of one neighbour. Past the questions of a tick it stays due.
template <typename Ip>
void Neighbours<Ip>::look_after(const Ip& ip, Entry& entry, base::Nanos now) {
  if (asked_this_tick_ >= kQuestionsPerTick) return;
  switch (entry.state) {
    case State::kKnown:
      ask_first(ip, entry, State::kConfirming, now);
      return;
    case State::kConfirming:
      // A station that has gone silent may have given the address to another one.
      if (entry.asked >= kAskTimes) {
        ask_first(ip, entry, State::kAsking, now);
      } else {
        ask_again(ip, entry, now);
      }
      return;
    case State::kAsking:
      if (entry.asked >= kAskTimes) {
        entry.state = State::kSilent;
        entry.due = now + kAskPause;
        ++stats_.unanswered;
      } else {
        ask_again(ip, entry, now);
      }
      return;
    case State::kSilent:
      if (entry.kept) ask_first(ip, entry, State::kAsking, now);
      return;
  }
}

template <typename Ip>
void Neighbours<Ip>::ask_first(const Ip& ip, Entry& entry, State state, base::Nanos now) {
  entry.state = state;
  entry.asked = 0;
  ask_again(ip, entry, now);
}

template <typename Ip>
void Neighbours<Ip>::ask_again(const Ip& ip, Entry& entry, base::Nanos now) {
  ++entry.asked;
  ++asked_this_tick_;
  entry.due = now + kAskAgain;
  ask_(ip, entry.state == State::kConfirming ? std::optional(entry.mac) : std::nullopt);
}

template <typename Ip>
bool Neighbours<Ip>::settle(Entry& entry, const MacAddress& mac, base::Nanos now) {
  const splice_core::Hop hop = stations_.learn(mac);
  if (hop == kNoHop) {
    ++stats_.no_room;
    return false;
  }
  entry.mac = mac;
  entry.hop = hop;
  entry.state = State::kKnown;
  entry.due = now + kSureFor;
  return true;
}

template <typename Ip>
std::size_t Neighbours<Ip>::Hash::operator()(const Ip& ip) const {
  if constexpr (kIsIp4<Ip>) {
    return base::splitmix64(ip.word);
  } else {
    return base::splitmix64(ip.words[0] ^ base::splitmix64(ip.words[1]));
  }
}

template class Neighbours<splice_core::Ip4>;
template class Neighbours<splice_core::Ip6>;

}  // namespace backends::dpdk
