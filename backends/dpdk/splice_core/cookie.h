// SYN cookies: the ISN of our SYN-ACK holds all that must be known of a client until its ACK comes,
// so a flood of SYNs costs no memory. 24 bits of SipHash-2-4 over the addresses, the client's ISN
// and the minute, and 8 bits of what the client offered, masked by the hash (facts/dpdk.md, 2.2).
// Keys are this process's own, one for each minute; the current and the one before are taken.
// One thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "backends/dpdk/splice_core/flow_key.h"
#include "backends/dpdk/splice_core/siphash.h"
#include "backends/dpdk/splice_core/tcp_options.h"
#include "base/time.h"

namespace backends::dpdk::splice_core {

// MSS values a cookie can carry; the client's is rounded down to one of them, the smallest taken
// for anything below it. For IPv4 and IPv6 alike.
inline constexpr std::array<std::uint16_t, 8> kCookieMss = {536,  1220, 1300, 1360,
                                                            1400, 1440, 1460, 8960};

class CookieJar {
 public:
  // `seed`: 128 unpredictable bits; the keys of all minutes come from it.
  explicit CookieJar(const SipKey& seed);

  // A cookie is valid from its minute to the end of the next one.
  static constexpr base::Nanos kPeriod = std::chrono::minutes(1);

  // The sequence number of our SYN-ACK. client_isn: of its SYN.
  std::uint32_t make(const FlowKey<Ip4>& flow, std::uint32_t client_isn, const SynOptions& offered,
                     base::Nanos now);
  std::uint32_t make(const FlowKey<Ip6>& flow, std::uint32_t client_isn, const SynOptions& offered,
                     base::Nanos now);

  // What the client offered, when `cookie` is one of ours for it: cookie is the ACK's ack - 1,
  // client_isn its seq - 1. The MSS is the rounded one.
  std::optional<SynOptions> check(const FlowKey<Ip4>& flow, std::uint32_t client_isn,
                                  std::uint32_t cookie, base::Nanos now);
  std::optional<SynOptions> check(const FlowKey<Ip6>& flow, std::uint32_t client_isn,
                                  std::uint32_t cookie, base::Nanos now);

 private:
  struct Minute {
    std::uint64_t number = 0;
    SipKey key{};
  };
  Minute derive(std::uint64_t minute) const;
  const SipKey& key_of(std::uint64_t minute);
  template <typename Ip>
  std::uint32_t make_any(const FlowKey<Ip>& flow, std::uint32_t client_isn,
                         const SynOptions& offered, base::Nanos now);
  template <typename Ip>
  std::optional<SynOptions> check_any(const FlowKey<Ip>& flow, std::uint32_t client_isn,
                                      std::uint32_t cookie, base::Nanos now);

  SipKey seed_;
  std::array<Minute, 2> minutes_{};  // By the lowest bit of the minute's number.
};

}  // namespace backends::dpdk::splice_core
