#include "backends/dpdk/splice_core/cookie.h"

#include "base/assert.h"

namespace backends::dpdk::splice_core {
namespace {

// A cookie: what the client offered in the upper 8 bits, the proof in the lower 24. In this order a
// late ACK of a connection that has gone (the cookie plus the few bytes its server had sent) never
// has the proof of the cookie itself, as it would if its lower bits were free to be anything.
constexpr unsigned kProofBits = 24;
constexpr std::uint32_t kProofMask = (1U << kProofBits) - 1U;

// 4 bits of window scale, one of SACK, 3 of MSS: every one of the 256 values means something.
std::uint8_t encode(const SynOptions& offered) {
  CHECK(offered.window_scale <= kNoWindowScale);
  std::size_t mss = 0;
  while (mss + 1 < kCookieMss.size() && kCookieMss[mss + 1] <= offered.mss) ++mss;
  return static_cast<std::uint8_t>((unsigned{offered.window_scale} << 4U) |
                                   (offered.sack ? 8U : 0U) | mss);
}

SynOptions decode(std::uint8_t encoded) {
  return {.mss = kCookieMss[encoded & 7U],
          .window_scale = static_cast<std::uint8_t>(encoded >> 4U),
          .sack = (encoded & 8U) != 0};
}

std::uint64_t numbers(std::uint16_t remote_port, std::uint16_t local_port,
                      std::uint32_t client_isn) {
  return (std::uint64_t{remote_port} << 48U) | (std::uint64_t{local_port} << 32U) | client_isn;
}

// The two kinds of flow differ in the length of the message, so none is the other.
std::uint64_t hash(const SipKey& key, const FlowKey<Ip4>& flow, std::uint32_t client_isn) {
  const std::array<std::uint64_t, 2> words = {
      (std::uint64_t{flow.remote.word} << 32U) | flow.local.word,
      numbers(flow.remote_port, flow.local_port, client_isn)};
  return siphash24(key, words);
}

std::uint64_t hash(const SipKey& key, const FlowKey<Ip6>& flow, std::uint32_t client_isn) {
  const std::array<std::uint64_t, 5> words = {
      flow.remote.words[0], flow.remote.words[1], flow.local.words[0], flow.local.words[1],
      numbers(flow.remote_port, flow.local_port, client_isn)};
  return siphash24(key, words);
}

// Other bits than the proof's, which everybody sees.
std::uint8_t mask_of(std::uint64_t hash) { return static_cast<std::uint8_t>(hash >> 56U); }

std::uint32_t proof_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash) & kProofMask; }

std::uint64_t minute_of(base::Nanos now) {
  return static_cast<std::uint64_t>(now / CookieJar::kPeriod);
}

}  // namespace

CookieJar::CookieJar(const SipKey& seed) : seed_(seed) {
  for (std::uint64_t minute = 0; minute < minutes_.size(); ++minute) {
    minutes_[minute] = derive(minute);
  }
}

CookieJar::Minute CookieJar::derive(std::uint64_t minute) const {
  Minute made{.number = minute};
  for (std::uint64_t half = 0; half < made.key.size(); ++half) {
    made.key[half] = siphash24(seed_, std::array<std::uint64_t, 2>{minute, half});
  }
  return made;
}

const SipKey& CookieJar::key_of(std::uint64_t minute) {
  Minute& kept = minutes_[minute % minutes_.size()];
  if (kept.number != minute) kept = derive(minute);
  return kept.key;
}

template <typename Ip>
std::uint32_t CookieJar::make_any(const FlowKey<Ip>& flow, std::uint32_t client_isn,
                                  const SynOptions& offered, base::Nanos now) {
  const std::uint64_t hashed = hash(key_of(minute_of(now)), flow, client_isn);
  const auto masked = static_cast<std::uint8_t>(encode(offered) ^ mask_of(hashed));
  return (std::uint32_t{masked} << kProofBits) | proof_of(hashed);
}

template <typename Ip>
std::optional<SynOptions> CookieJar::check_any(const FlowKey<Ip>& flow, std::uint32_t client_isn,
                                               std::uint32_t cookie, base::Nanos now) {
  const std::uint64_t current = minute_of(now);
  const std::uint64_t oldest = current == 0 ? 0 : current - 1;
  for (std::uint64_t minute = oldest; minute <= current; ++minute) {
    const std::uint64_t hashed = hash(key_of(minute), flow, client_isn);
    if (proof_of(hashed) != (cookie & kProofMask)) continue;
    return decode(static_cast<std::uint8_t>((cookie >> kProofBits) ^ mask_of(hashed)));
  }
  return std::nullopt;
}

std::uint32_t CookieJar::make(const FlowKey<Ip4>& flow, std::uint32_t client_isn,
                              const SynOptions& offered, base::Nanos now) {
  return make_any(flow, client_isn, offered, now);
}
std::uint32_t CookieJar::make(const FlowKey<Ip6>& flow, std::uint32_t client_isn,
                              const SynOptions& offered, base::Nanos now) {
  return make_any(flow, client_isn, offered, now);
}
std::optional<SynOptions> CookieJar::check(const FlowKey<Ip4>& flow, std::uint32_t client_isn,
                                           std::uint32_t cookie, base::Nanos now) {
  return check_any(flow, client_isn, cookie, now);
}
std::optional<SynOptions> CookieJar::check(const FlowKey<Ip6>& flow, std::uint32_t client_isn,
                                           std::uint32_t cookie, base::Nanos now) {
  return check_any(flow, client_isn, cookie, now);
}

}  // namespace backends::dpdk::splice_core
