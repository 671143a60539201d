// The whole outside world of one worker: it listens, connects, closes, tells the time, and relays.
// No buffer ever crosses this interface, so how bytes move (copy, splice, provided buffers,
// rewritten headers, virtual time) stays the private business of an engine. docs/transport.md has
// the contract line by line; tests/backends/transport_contract_test.cc runs every line over every
// engine.
//
// Threads: every call happens on the owning worker's thread, except wake().
// Re-entrancy: no call delivers an event. Events come only from poll(), in batches, and stay valid
//   until the next poll(). So nothing here calls back, and the proxy runs unchanged in a simulator.
// Staleness: a later event of a batch may name a tag whose owner died earlier in the same batch;
// the
//   owner's generation check discards it (see Tag). After close() or kRelayDone no event of a LATER
//   batch names that connection or relay.
// Time: a transport has no timeouts of its own except TCP's. Policy (timeouts, retries, limits) is
//   the proxy's.
// Capacity is fixed at construction. Past it there is an EMFILE, never an abort.
// Destruction closes everything and delivers nothing.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/address.h"
#include "base/result.h"
#include "base/slab.h"
#include "base/time.h"

namespace backends {

// The caller's cookie, returned untouched in every event of the operation it was given to.
struct Tag {
  std::uint8_t kind = 0;
  base::SlotId id;

  friend bool operator==(const Tag&, const Tag&) = default;
};

enum class ConnId : std::uint64_t { kNone = 0 };
enum class ListenerId : std::uint64_t { kNone = 0 };
enum class RelayId : std::uint64_t { kNone = 0 };

enum class EventKind : std::uint8_t {
  kAccepted,      // conn is the client's; the receiver owns it and wraps it at once. tag: the
                  // listener's.
  kAcceptFailed,  // the listener stopped accepting: error says why (EMFILE, ENFILE, ENOBUFS,
                  // ENOMEM). Once for each stop; the transport resumes by itself when there is room
                  // again.
  kAcceptResumed,  // and it did.
  kConnected,      // error is kNone, or why there is no connection. Exactly one for each connect().
  kPeerClosed,     // of a connection that is not in a relay: FIN (error kNone) or RST (its errno)
                   // arrived. At most one of each. Unread bytes before a FIN are kept for a later
                   // relay().
  kExchanged,      // exactly one for each exchange(): error is kNone and reply() has what came, or
                   // why there will be nothing more (ENODATA: the peer said FIN).
  kRelayDone,      // exactly one for each relay(); relay_end says how, error details kFailed.
  kWoken           // wake() was called since the last poll(); many wakes may become one.
};

enum class RelayEnd : std::uint8_t {
  kBothClosed,     // FIN from both sides, every byte delivered.
  kClientReset,    // RST from the client; passed on to the upstream after the bytes before it.
  kUpstreamReset,  // and the other way round.
  kAborted,        // abort() was called: RST to both at once.
  kFailed,         // the engine could not go on (ENOMEM, ...): RST to both.
  kUnused  // the client left without a byte in either direction, and RelaySpec asked for the
           // upstream connection back: conn is it, open, and the receiver owns it. No event of
           // the same batch names it, so it can be retagged in time.
};

struct Event {
  EventKind kind;
  RelayEnd relay_end = RelayEnd::kBothClosed;  // kRelayDone only.
  std::uint16_t retransmits = 0;               // With rtt_us; stops at its largest value.
  base::Errno error = base::Errno::kNone;
  Tag tag;
  std::uint32_t rtt_us = 0;     // kRelayDone with RelaySpec::sample_path; see PathFacts.
  ConnId conn = ConnId::kNone;  // kAccepted, and kRelayDone with kUnused.
};
static_assert(sizeof(Event) == 32);

// The two directions of a relay: indices of every per-direction array in the project.
enum class Direction : std::uint8_t { kToUpstream, kToClient };
inline constexpr std::size_t kDirections = 2;
constexpr std::size_t index_of(Direction direction) { return static_cast<std::size_t>(direction); }

// Owned by the session, written by the transport, read by anyone on this thread. last_active moves
// when payload moves, and only then.
struct RelayProgress {
  std::array<std::uint64_t, kDirections> bytes{};  // Payload handed to the receiving side's TCP.
  base::Nanos last_active{0};
  base::Nanos half_closed{
      0};  // When the first FIN was passed on; 0 while both directions are open.
  Direction first_closed =
      Direction::kToUpstream;  // And in which direction: who said goodbye first.
};

// Socket options with their usual TCP meaning (man 7 tcp). Zero durations mean "the system's
// default" for user_timeout and "no keepalive" for keepalive_idle.
struct TcpOptions {
  bool nodelay = true;
  base::Nanos keepalive_idle{0};
  base::Nanos keepalive_interval{0};
  int keepalive_probes = 0;
  base::Nanos user_timeout{0};

  friend bool operator==(const TcpOptions&, const TcpOptions&) = default;
};

struct ListenSpec {
  base::Address address;
  bool v6_only = false;  // [::] also takes IPv4 clients unless this is set.
  int backlog = 4096;    // Clamped by the kernel to net.core.somaxconn (man 2 listen).
  TcpOptions tcp;        // Accepted connections have these.
};

struct ConnectSpec {
  base::Address remote;
  // Local addresses to connect from, their ports ignored; none: the kernel's choice. They are tried
  // from first_source on, round and round, until one has a port left towards the remote
  // (IP_BIND_ADDRESS_NO_PORT, man 7 ip); those of another family than the remote's, or not of this
  // machine, are passed over. None is left: EADDRNOTAVAIL. They must outlive the call only.
  std::span<const base::IpPort> sources{};
  std::size_t first_source = 0;
  TcpOptions tcp;
  // Only a question whether somebody answers: an engine may leave out what only a session needs,
  // the last step of the handshake included.
  bool probe = false;
  // It will wait in a pool; bytes the server sends meanwhile are kept for the relay.
  bool park = false;
  // Whose bytes it will carry, when that is known: if some are waiting already, an engine may let
  // the last step of the handshake travel with them.
  ConnId client = ConnId::kNone;
};

// A preamble of this size holds a PROXY protocol v2 header with its TLVs (536 bytes is what the
// specification asks receivers to take in one piece).
inline constexpr std::size_t kPreambleMax = 536;

// An exchange sends and keeps so many bytes at most.
inline constexpr std::size_t kExchangeMax = 4096;

// May the upstream connection of a client that left without a byte in either direction be used
// again? After a FIN the client may still be waiting for a service that speaks first, so the caller
// says whether that can be.
enum class ReturnUnused : std::uint8_t { kNever, kAfterReset, kAfterResetOrFin };

struct RelaySpec {
  std::span<const std::byte>
      preamble{};          // To the upstream, before the client's first byte. Copied.
  std::uint64_t skip = 0;  // Bytes of the client's stream that the upstream never gets.
  ReturnUnused return_unused = ReturnUnused::kNever;  // Never with a preamble.
  bool sample_path = false;  // kRelayDone carries the upstream's path facts: one system call.
};

// What the kernel knows of the way to the upstream (TCP_INFO, man 7 tcp). All zero where it knows
// nothing, as on UNIX sockets.
struct PathFacts {
  std::uint32_t rtt_us = 0;       // Smoothed.
  std::uint32_t retransmits = 0;  // Segments sent again since the connection began.

  void write_to(Event& event) const {
    constexpr std::uint32_t kMost = std::numeric_limits<std::uint16_t>::max();
    event.rtt_us = rtt_us;
    event.retransmits = static_cast<std::uint16_t>(std::min(retransmits, kMost));
  }
};

// System calls by kind: what the engine asked of the kernel.
enum class Syscall : std::uint8_t {
  kPoll,
  kEnter,  // Of an engine that hands requests over in batches: submit, wait and collect in one.
  kAccept,
  kConnect,
  kReceive,
  kSend,
  kSplice,
  kShutdown,
  kClose,
  kOption,
  kCount
};
// How payload moved. An engine uses the methods it has.
enum class Method : std::uint8_t { kCopy, kSplice, kUring, kSeqSplice, kCount };
// Why accept() was refused by the kernel or by our own capacity.
enum class AcceptFailure : std::uint8_t {
  kDescriptors,
  kMemory,
  kAborted,
  kCapacity,
  kOther,
  kCount
};

template <typename Enum>
using CountsOf = std::array<std::uint64_t, static_cast<std::size_t>(Enum::kCount)>;

// Plain numbers with a single writer; proxy/worker_metrics publishes them after each poll.
struct TransportStats {
  // Counters.
  std::uint64_t polls = 0;
  std::uint64_t events = 0;        // Delivered to the worker.
  std::uint64_t stale_events = 0;  // Of the kernel, for something that had gone.
  std::uint64_t wakes = 0;
  base::Nanos waited{0};  // Inside poll() with nothing to do: the rest of the time is work.
  CountsOf<Syscall> syscalls{};
  CountsOf<Method> method_bytes{};
  CountsOf<AcceptFailure> accept_failures{};
  std::uint64_t connects_refused =
      0;  // By our own capacity or the kernel's resources, before the network.
  // connect(2) found no port left from a source address (the kernel's choice included). The next
  // source is tried then.
  std::uint64_t sources_exhausted = 0;
  std::uint64_t short_writes = 0;     // The receiving side took less than was offered.
  std::uint64_t fairness_yields = 0;  // A relay had used up its share of one poll.
  std::uint64_t promotions = 0;       // A direction went from copy to the bulk method,
  std::uint64_t demotions = 0;        // and back.
  std::uint64_t pipes_exhausted = 0;  // No pipe was left: the direction stayed with copy.
  std::uint64_t pipes_failed = 0;     // pipe2(2) refused.
  std::uint64_t pipes_shrunk = 0;     // The kernel gave a smaller pipe than asked for.
  std::uint64_t splice_refused = 0;   // EINVAL: the direction stays with copy for ever.
  // Of engines that hand requests over and collect completions; 0 elsewhere.
  std::uint64_t submissions = 0;
  std::uint64_t completions = 0;
  std::uint64_t completions_overflowed = 0;  // The queue was full: the kernel kept them aside.
  std::uint64_t cancellations = 0;           // Requests taken back before they were done.
  std::uint64_t resets_missed = 0;      // Resets that the kernel did not tell and a look found.
  std::uint64_t buffers_exhausted = 0;  // A receive found no buffer and was asked for again.
  // Gauges.
  std::uint64_t connections = 0;
  std::uint64_t connections_max = 0;
  std::uint64_t relays = 0;
  std::uint64_t pipes_open = 0;
  std::uint64_t pipes_borrowed = 0;
  std::uint64_t pipes_max = 0;
  std::uint64_t buffers_in_use = 0;  // Receive buffers with bytes that are not sent yet.
  std::uint64_t buffers_max = 0;
  std::uint64_t held_bytes = 0;      // Read from one side and not yet taken by the other.
  std::uint64_t resets_pending = 0;  // A reset waits for the bytes before it to be delivered.
};

// What an engine counts that handles packets itself. Each kind is a metric of its own.
enum class PacketNumberKind : std::uint8_t {
  kDropped,      // Counter: packets that went no further, by reason.
  kCounted,      // Counter: what was done, by what.
  kHeld,         // Gauge: what there is now, by what.
  kPortPackets,  // Counters of a port, by what: received, sent, ...
  kPortBytes,
  kCount
};
struct PacketNumber {
  PacketNumberKind kind = PacketNumberKind::kCounted;
  std::string_view port;  // Of the two last kinds only.
  std::string_view name;
  std::uint64_t value = 0;
};

enum class CloseMode : std::uint8_t {
  kGraceful,  // FIN, after the bytes already handed to the kernel. RST if unread bytes are waiting
              // (RFC 1122).
  kReset      // RST at once. A UNIX socket has no RST: it is just closed.
};

class Transport;

// Sole owner of one connection. Dropping it resets the connection.
class Connection {
 public:
  Connection() = default;
  Connection(Transport& transport, ConnId id) : transport_(&transport), id_(id) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Connection(Connection&& other) noexcept
      : transport_(other.transport_), id_(std::exchange(other.id_, ConnId::kNone)) {}
  Connection& operator=(Connection&& other) noexcept;
  ~Connection() { close(CloseMode::kReset); }

  explicit operator bool() const { return id_ != ConnId::kNone; }
  ConnId id() const { return id_; }
  ConnId release() { return std::exchange(id_, ConnId::kNone); }
  void close(CloseMode mode);

 private:
  Transport* transport_ = nullptr;
  ConnId id_ = ConnId::kNone;
};

class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  // A constant word for metrics and logs.
  virtual std::string_view name() const = 0;
  virtual const TransportStats& stats() const = 0;
  // The same names in the same order for as long as it lives, at most kPacketNumbersMax of them;
  // none where the kernel has the packets. Asks devices, so for now and then. Valid until the next
  // call; the words of a name live as long as the transport.
  static constexpr std::size_t kPacketNumbersMax = 256;
  virtual std::span<const PacketNumber> packet_numbers() { return {}; }

  // Accepts clients from now on, each as a kAccepted with this tag. Several transports may listen
  // on the same address (one for each worker). Errors: those of bind(2) and listen(2).
  virtual base::Result<ListenerId> listen(const ListenSpec& spec, Tag tag) = 0;
  // Where the listener really is: a port 0 has become a number.
  virtual base::Address local(ListenerId listener) const = 0;
  // While paused, clients wait in the kernel's queue. Idempotent.
  virtual void pause(ListenerId listener, bool paused) = 0;
  // Stops listening. Clients whose handshake was already complete are still delivered, as kAccepted
  // of the next poll() batches: closing a socket with a queue would reset them (measured: 103 of
  // 200).
  virtual void unlisten(ListenerId listener) = 0;

  // Starts a connection; exactly one kConnected{error} with this tag follows in a later batch,
  // unless the handle is closed before. Past the capacity the handle is empty, and
  // kConnected{EMFILE} still follows. The handle of a failed connect is to be dropped by its owner.
  virtual Connection connect(const ConnectSpec& spec, Tag tag) = 0;

  // Who hears kPeerClosed (and a kConnected still to come) from now on.
  virtual void retag(ConnId conn, Tag tag) = 0;
  virtual base::Address peer(ConnId conn) const = 0;
  virtual base::Address local(ConnId conn) const = 0;
  // Where the client was going before a netfilter REDIRECT or DNAT (SO_ORIGINAL_DST, v4 and v6).
  // ENOENT when the connection was not redirected.
  virtual base::Result<base::Address> original_destination(ConnId conn) const = 0;
  // False once the peer's FIN or RST has arrived, asked of the kernel now: the check at pool
  // check-out. Unread bytes do not make a connection dead.
  virtual bool alive(ConnId conn) = 0;
  // False: this client needs an upstream connection that is made for it (ConnectSpec::client), and
  // none from a pool, because what those agreed on when they were opened does not fit it.
  virtual bool may_pool([[maybe_unused]] ConnId client) { return true; }
  virtual void close(ConnId conn, CloseMode mode) = 0;

  // A small question on an open connection (health checks): sends the request, which may be empty,
  // and answers with one kExchanged of this tag as soon as the request has left and, when
  // reply_bytes_max is not 0, more bytes of a reply have come than there were when the exchange
  // began (for the first one: any at all). Call it again, with an empty request, to wait for more.
  // Errors: ENODATA (FIN), that of a reset, ENOBUFS (as many bytes are kept as were allowed); bytes
  // that came first are an answer first. kPeerClosed goes on as ever; who exchanges leaves it
  // aside, because kExchanged says the same in order with the bytes. close() drops an exchange.
  // One at a time on a connection, which must not be given to relay() afterwards. Request and
  // reply_bytes_max are at most kExchangeMax. An engine that cannot says ENOTSUP in the event.
  virtual void exchange(ConnId conn, std::span<const std::byte> request,
                        std::size_t reply_bytes_max, Tag tag) = 0;
  // Everything that exchanges have read on the connection so far, at most reply_bytes_max of the
  // last one. Valid until the connection is closed or exchanges again.
  virtual std::span<const std::byte> reply(ConnId conn) const = 0;

  // Joins an accepted and a connected connection and consumes both: from here on the transport
  // moves the bytes and, in the end, closes them. Exactly one kRelayDone with this tag follows.
  // progress must stay in its place until then. preamble.size() <= kPreambleMax.
  RelayId relay(Connection client, Connection upstream, const RelaySpec& spec,
                RelayProgress& progress, Tag tag);
  // Ends a relay with RST to both sides; kRelayDone{kAborted} follows, or the end that came first.
  virtual void abort(RelayId relay) = 0;
  // Of a relay's upstream connection, asked of the kernel now. Zeros when the relay's end is on its
  // way.
  virtual PathFacts path(RelayId relay) = 0;

  // The only source of events. Waits for at most wait_max (0: not at all; base::kForever: no limit)
  // and returns early, perhaps with nothing.
  virtual std::span<const Event> poll(base::Nanos wait_max) = 0;
  // Monotonic; constant from the end of one poll() to the end of the next.
  virtual base::Nanos now() const = 0;
  // Any thread: ends a blocked poll() or the next one, with kWoken.
  virtual void wake() = 0;

 private:
  virtual RelayId start_relay(ConnId client, ConnId upstream, const RelaySpec& spec,
                              RelayProgress& progress, Tag tag) = 0;
};

}  // namespace backends
