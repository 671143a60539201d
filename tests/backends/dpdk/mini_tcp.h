// A small but real TCP endpoint for tests of the splice core: it answers for every address that a
// packet is sent to, has many connections, and knows nothing of what lies between it and the far
// end. Packets go in and come out as bytes of IP; time is what the caller says it is. Every packet
// is checked as a stranger would: checksums, window, acknowledgements, SACK blocks.
// RFC 9293, 5681 (simplified), 7323 (window scale only), 2018, 5961.
//
// User calls take effect at once; bytes move in receive() and tick() only. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "base/prng.h"
#include "base/slab.h"
#include "base/time.h"
#include "tests/backends/dpdk/mini_connection.h"
#include "tests/backends/dpdk/mini_packet.h"

namespace dpdk_test {

struct MiniTcpOptions {
  std::size_t connections_max = 1U << 16U;
  std::uint16_t mtu = 1500;
  bool mss_option = true;  // Without it the far end has to assume 536 or 1220.
  bool window_scale = true;
  bool sack = true;
  std::optional<std::uint8_t> window_shift;  // Else the smallest that the buffer needs.
  std::size_t buffer_bytes = 256U << 10U;    // Each way, of each connection.
  std::size_t backlog = 1024;                // Connections that wait for accept(), per listener.
  std::uint32_t first_segments = 10;         // The congestion window at the start,
  std::uint32_t segments_max = 256;          // and at most.
  base::Nanos rto = std::chrono::milliseconds(200);
  base::Nanos rto_max = std::chrono::seconds(5);
  std::uint32_t retries_max = 12;
  base::Nanos time_wait = std::chrono::milliseconds(500);
  base::Nanos fin_wait = std::chrono::seconds(60);  // In FIN_WAIT_2 after close().
  std::uint64_t seed = 1;                           // Of initial sequence numbers.
};

// Of one connection, or of all of a listener.
struct SocketOptions {
  std::optional<std::uint32_t> isn;
  std::size_t buffer_bytes = 0;  // 0: the endpoint's.
};

struct MiniTcpStats {
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::uint64_t read = 0;  // Bytes of payload that users took.
  std::uint64_t malformed = 0;
  std::uint64_t bad_ip_checksums = 0;
  std::uint64_t bad_tcp_checksums = 0;
  std::uint64_t retransmits = 0;  // Segments, SYNs included.
  std::uint64_t fast_retransmits = 0;
  std::uint64_t timeouts = 0;
  std::uint64_t probes = 0;  // Of a zero window.
  std::uint64_t resets_sent = 0;
  std::uint64_t resets_received = 0;  // Those that ended a connection.
  std::uint64_t challenge_acks = 0;
  std::uint64_t out_of_window = 0;  // Segments with nothing new or too much; keepalives too.
  std::uint64_t bad_acks = 0;       // Of what was never sent.
  std::uint64_t bad_sacks = 0;      // Blocks of what was never sent, or that nobody asked for.
  std::uint64_t sack_blocks = 0;    // Good ones received.
  std::uint64_t syns_dropped = 0;   // Full backlog or table.
  std::uint64_t outgoing_dropped = 0;
};

// What a test may want to know to forge a segment.
struct ConnectionView {
  TcpState state = TcpState::kClosed;
  std::uint32_t snd_una = 0;
  std::uint32_t snd_max = 0;
  std::uint32_t snd_wnd = 0;
  std::uint32_t rcv_nxt = 0;
  std::uint32_t rcv_edge = 0;
  std::uint16_t mss = 0;
};

class MiniTcp {
 public:
  // Packets that wait for next_packet(); more are dropped and counted.
  static constexpr std::size_t kOutgoingMax = 1U << 17U;

  explicit MiniTcp(const MiniTcpOptions& options);

  void receive(std::span<const std::byte> ip_packet, base::Nanos now);
  void tick(base::Nanos now);
  // False when there is none.
  bool next_packet(std::vector<std::byte>& out);

  void listen(const base::IpPort& local, const SocketOptions& socket = {});
  // Resets those that wait for accept().
  void unlisten(const base::IpPort& local);
  // The oldest that is established. Nothing while nobody waits.
  std::optional<base::SlotId> accept(const base::IpPort& local);
  // Sends the SYN. Nothing when the table is full or the four numbers are in use.
  std::optional<base::SlotId> connect(const base::IpPort& local, const base::IpPort& remote,
                                      const SocketOptions& socket = {});
  // The user's last word: close() when that was not said, then the id is void.
  void release(base::SlotId id);

  void send(base::SlotId id, std::span<const std::byte> bytes);
  // Bytes that the far end has not acknowledged.
  std::size_t in_flight(base::SlotId id) const;
  // Those of them that were never sent.
  std::size_t unsent(base::SlotId id) const;
  // tick() reads while reading is on, at most read_max bytes each time.
  void read(base::SlotId id, bool on, std::size_t read_max = std::size_t{1} << 20U);
  const std::vector<std::byte>& received(base::SlotId id) const;
  void forget_received(base::SlotId id);  // Empties received().
  // FIN after everything that was given to send().
  void shutdown_write(base::SlotId id);
  // As a program's close(2): what the send buffer has no room for is dropped, then FIN, or RST when
  // unread bytes wait or arrive.
  void close(base::SlotId id);
  void reset(base::SlotId id);
  void keepalive(base::SlotId id);  // Sends one probe.

  bool connected(base::SlotId id) const;  // The handshake is complete and no RST came.
  bool eof(base::SlotId id) const;        // FIN was read, after every byte before it.
  bool was_reset(base::SlotId id) const;  // By the far end, or refused by it.
  bool timed_out(base::SlotId id) const;  // Gave up after retries_max.
  ConnectionView view(base::SlotId id) const;

  std::size_t connections() const { return connections_.size(); }
  const MiniTcpStats& stats() const { return stats_; }

 private:
  struct Flow {
    base::IpPort local;
    base::IpPort remote;
    friend bool operator==(const Flow&, const Flow&) = default;
  };
  struct AddressHash {
    std::size_t operator()(const base::IpPort& address) const;
    std::size_t operator()(const Flow& flow) const;
  };
  struct Listener {
    SocketOptions socket;
    std::deque<base::SlotId> waiting;  // At most backlog, and those that were half open.
  };

  // mini_tcp.cc: the user's side and time.
  const Connection& at(base::SlotId id) const;
  Connection* open(const Flow& flow, const SocketOptions& socket);
  void finish(Connection& connection);
  void pull(Connection& connection, std::size_t most);
  void on_timer(Connection& connection);

  // mini_tcp_receive.cc
  void receive_new(const TcpSegment& segment);
  void negotiate(Connection& connection, const TcpSegment& syn);
  void on_syn_sent(Connection& connection, const TcpSegment& segment);
  void on_synchronized(Connection& connection, const TcpSegment& segment);
  bool on_ack_of_syn(Connection& connection, const TcpSegment& segment);
  void on_reset(Connection& connection, const TcpSegment& segment);
  bool on_ack(Connection& connection, const TcpSegment& segment);
  void on_new_ack(Connection& connection, std::uint32_t ack);
  void on_duplicate_ack(Connection& connection);
  void on_window(Connection& connection, const TcpSegment& segment);
  void on_data(Connection& connection, const TcpSegment& segment);
  void on_fin(Connection& connection);
  void check_sacks(const Connection& connection, const TcpSegment& segment);
  void challenge(Connection& connection);

  // mini_tcp_send.cc
  void emit(const TcpSegment& segment);
  TcpSegment blank(const Connection& connection, std::uint32_t seq, std::uint8_t flags) const;
  std::uint32_t offered_edge(const Connection& connection) const;
  std::uint16_t announce_window(Connection& connection) const;
  bool window_update_due(const Connection& connection) const;
  void send_syn(Connection& connection);
  void send_ack(Connection& connection);
  void send_probe(Connection& connection, std::uint32_t seq);
  void send_data(Connection& connection, std::uint32_t seq, std::size_t size, bool fin);
  void send_reset(const TcpSegment& answered);
  void abort(Connection& connection);
  void output(Connection& connection);
  void retransmit_first(Connection& connection);
  void arm(Connection& connection);

  MiniTcpOptions options_;
  MiniTcpStats stats_;
  base::Prng prng_;
  base::Nanos now_{};
  std::uint16_t packet_id_ = 0;
  base::Slab<Connection> connections_;
  std::unordered_map<Flow, base::SlotId, AddressHash> flows_;
  std::unordered_map<base::IpPort, Listener, AddressHash> listeners_;
  std::deque<std::vector<std::byte>> outgoing_;
};

}  // namespace dpdk_test
