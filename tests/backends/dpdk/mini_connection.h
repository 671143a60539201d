// One connection of the tests' own TCP (mini_tcp.h): plain data that its endpoint works on.
// Names follow RFC 9293, 3.3.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "backends/sim/byte_queue.h"
#include "base/address.h"
#include "base/slab.h"
#include "base/time.h"
#include "tests/backends/dpdk/mini_reassembly.h"

namespace dpdk_test {

enum class TcpState : std::uint8_t {
  kSynSent,
  kSynReceived,
  kEstablished,
  kFinWait1,
  kFinWait2,
  kCloseWait,
  kClosing,
  kLastAck,
  kTimeWait,
  kClosed
};

// Who keeps a closed connection alive.
enum class Holder : std::uint8_t { kNobody, kAcceptQueue, kUser };

struct Connection {
  base::SlotId id;
  base::IpPort local;
  base::IpPort remote;
  TcpState state = TcpState::kClosed;
  Holder holder = Holder::kNobody;

  // Options: what our SYN says, then what both agreed on.
  std::uint16_t mss = 0;  // Payload bytes of a segment without options.
  bool scale_on = false;
  bool sack_on = false;
  std::uint8_t own_shift = 0;
  std::uint8_t snd_shift = 0;  // Of the windows that the far end announces.
  std::uint8_t rcv_shift = 0;  // Of ours.

  // Sending. `queue` begins at snd_una; `pending` is what the user gave and the queue has no room
  // for yet.
  std::uint32_t iss = 0;
  std::uint32_t snd_una = 0;
  std::uint32_t snd_nxt = 0;  // Goes back to snd_una after a timeout.
  std::uint32_t snd_max = 0;  // The first number never sent.
  std::uint32_t snd_wnd = 0;
  std::uint32_t snd_wl1 = 0;
  std::uint32_t snd_wl2 = 0;
  std::size_t send_limit = 0;
  backends::ByteQueue pending;
  backends::ByteQueue queue;
  bool fin_wanted = false;

  // Congestion and loss.
  std::uint32_t cwnd = 0;
  std::uint32_t duplicate_acks = 0;
  std::optional<std::uint32_t> recover;  // Fast recovery lasts until this is acknowledged.
  base::Nanos rto{};
  base::Nanos timer = base::kForever;   // Retransmission or zero-window probe.
  base::Nanos linger = base::kForever;  // End of TIME_WAIT, or of FIN_WAIT_2 without a user.
  std::uint32_t retries = 0;

  // Receiving.
  std::uint32_t irs = 0;
  std::uint32_t rcv_nxt = 0;
  std::uint32_t rcv_edge = 0;  // The first number after the window that was announced.
  std::size_t receive_limit = 0;
  Reassembly early;
  backends::ByteQueue unread;
  std::optional<std::uint32_t> fin_seq;  // Where the far end's FIN is, once it was seen.
  bool fin_received = false;             // And every byte before it.

  // What the user sees and wants.
  bool reading = true;
  std::size_t read_max = std::size_t{1} << 20U;
  std::vector<std::byte> received;
  bool eof = false;
  bool was_reset = false;
  bool timed_out = false;
  bool user_closed = false;
};

}  // namespace dpdk_test
