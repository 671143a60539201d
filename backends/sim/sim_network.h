// A TCP network that exists only in this process: virtual time, one seed, one queue of events.
// The same seed and the same calls give the same run, to the last byte and nanosecond. Tests only.
// Owned by the test; one thread.
//
// What it models: a handshake that takes time, is refused, unreachable or swallowed; two byte
// streams for each connection with a bounded send buffer, segments of seeded sizes in flight for a
// seeded time, and a bounded receive buffer whose free part is the window; FIN; RST (the receiver
// keeps what it already has, the sender drops what has not left); RST when data or a close meets
// unread bytes; links that go silent; listeners with queues, several on one address.
// What it leaves out, because no code above a socket can see it: loss, reordering, congestion.
//
// Time: now() moves only in step(), run_until() and advance_to(). Two ways to drive it:
//   - one transport with SimClock::kOwn drives it from its poll(): good for the contract suite;
//   - a driver steps everything (SimClock::kDriven; polls never move the clock):
//       loop: while a transport is runnable(), pick one by seed and let its worker step;
//             when none is, move to min(next_event(), every transport's deadline()) and step().
//     A worker then always sees the moment at which something happened to it, or its own deadline,
//     and never one that another worker has not lived through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <span>
#include <string>
#include <vector>

#include "backends/sim/byte_queue.h"
#include "backends/sim/sim_trace.h"
#include "backends/transport.h"
#include "base/address.h"
#include "base/prng.h"
#include "base/result.h"
#include "base/slab.h"
#include "base/time.h"

namespace backends {

// Names of sockets and listeners; SlotIds, so a stale one is recognised.
struct SimSocketId {
  base::SlotId id;
  friend bool operator==(const SimSocketId&, const SimSocketId&) = default;
};
struct SimListenerId {
  base::SlotId id;
  friend bool operator==(const SimListenerId&, const SimListenerId&) = default;
};

// Whoever holds sockets and listeners: a transport or a scripted far end. Called from within
// step(), at the virtual moment of the event; may call the network back. cookie: what the owner
// gave the network with the socket or listener.
class SimOwner {
 public:
  virtual void socket_ready(std::uint64_t cookie) = 0;
  virtual void listener_ready(std::uint64_t cookie) = 0;
  virtual ~SimOwner() = default;
};

// How an address answers a connect.
enum class SimReach : std::uint8_t {
  kNormal,       // As its listener does; refused where there is none.
  kRefused,      // RST to the SYN, listener or not.
  kUnreachable,  // ICMP: EHOSTUNREACH.
  kBlackHole,    // Nothing comes back; ETIMEDOUT after kHandshakeTimeout.
  kResets        // The handshake completes, then RST; the listener never hears of it.
};

struct SimPath {
  SimReach reach = SimReach::kNormal;
  base::Nanos latency_min = std::chrono::microseconds(20);  // One way.
  base::Nanos latency_max = std::chrono::microseconds(200);
};

struct SimNetworkOptions {
  std::uint64_t seed = 1;
  SimPath path;  // Of every address without one of its own.
  std::size_t send_buffer_bytes = 64U << 10U;
  std::size_t receive_buffer_bytes = 64U << 10U;
  std::size_t segment_bytes_max = 1460;
  std::uint64_t small_segments_per_thousand = 100;  // Cut short by the seed, down to one byte.
  std::FILE* trace_text = nullptr;
};

enum class SimState : std::uint8_t {
  kConnecting,
  kOpen,
  kFailed,  // The connect failed; error says why.
  kReset  // RST arrived (or keepalive gave up); error says why. Bytes received before can be read.
};

// The end of one connection. Read by anybody, changed by SimNetwork only.
struct SimSocket {
  enum class Fin : std::uint8_t { kNone, kQueued, kInFlight, kArrived };
  enum class Kind : std::uint8_t { kBytes, kFin, kReset };
  struct Segment {
    Kind kind = Kind::kBytes;
    std::vector<std::byte> bytes;
  };

  SimState state = SimState::kConnecting;
  base::Errno error = base::Errno::kNone;
  base::Nanos reset_at{0};
  std::uint64_t number = 0;        // For traces and checkers: counts up over the network's life,
  std::uint64_t other_number = 0;  // and the other end's; 0 before the SYN arrived.
  SimOwner* owner = nullptr;       // Null: nobody; the network finishes it.
  std::uint64_t cookie = 0;
  std::optional<SimSocketId> other;  // Empty before the SYN arrived and after the other end went.
  base::Address local;
  base::Address remote;
  std::optional<base::Address> original_destination;
  TcpOptions tcp;
  SimPath path;
  std::size_t send_max = 0;
  std::size_t receive_max = 0;

  ByteQueue receive;           // Arrived, not yet read.
  bool fin_received = false;   // After the last byte of receive.
  ByteQueue send;              // Written, not yet on the wire.
  std::deque<Segment> flight;  // On the wire, in order of arrival.
  std::size_t flight_bytes = 0;
  base::Nanos last_arrival{0};  // Of the newest segment: segments do not overtake.
  Fin fin = Fin::kNone;         // Our own.
  bool reset_sent = false;
  bool cut = false;     // The link swallows everything.
  bool queued = false;  // Waits in a listener's queue: nobody's yet, but alive.
  unsigned syn_retries = 0;

  // Bytes written here that the other end's machine does not have yet.
  std::size_t undelivered() const { return send.size() + flight_bytes; }
  std::size_t send_space() const { return undelivered() < send_max ? send_max - undelivered() : 0; }
};

struct SimConnect {
  base::Address remote;
  std::optional<base::IpPort> source;                 // Its port is ignored.
  std::optional<base::Address> original_destination;  // Where a REDIRECT took it from.
  TcpOptions tcp;
  std::size_t buffer_bytes = 0;  // Of both buffers of this end; 0: the network's.
};

struct SimListen {
  base::Address address;
  bool v6_only = false;
  bool shared = false;  // SO_REUSEPORT: others of the same kind may have the same address.
  std::size_t backlog = 4096;
  TcpOptions tcp;                // Of accepted sockets.
  std::size_t buffer_bytes = 0;  // Of accepted sockets; 0: the network's.
};

class SimNetwork {
 public:
  // Linux gives up a handshake after tcp_syn_retries = 6: 1 + 2 + 4 + ... + 64 seconds.
  static constexpr base::Nanos kHandshakeTimeout = std::chrono::seconds(127);

  explicit SimNetwork(const SimNetworkOptions& options);
  SimNetwork(const SimNetwork&) = delete;
  SimNetwork& operator=(const SimNetwork&) = delete;
  ~SimNetwork() = default;

  // --- Time.
  base::Nanos now() const { return now_; }
  std::optional<base::Nanos> next_event() const;
  // Moves to the next event and delivers it. False when there is none.
  bool step();
  // Delivers everything up to and including `time`, then moves there.
  void run_until(base::Nanos time);
  // Moves the clock where no event is due before. time >= now().
  void advance_to(base::Nanos time);
  // Calls back once at `time` (or at once in the next step, when that is past).
  void at(base::Nanos time, std::function<void()> action);

  // --- What a machine offers its programs.
  base::Result<SimListenerId> listen(const SimListen& listen, SimOwner& owner,
                                     std::uint64_t cookie);
  const base::Address& local(SimListenerId listener) const;
  // No new client; those of the queue stay.
  void unlisten(SimListenerId listener);
  // Resets those of the queue and forgets the listener.
  void close_listener(SimListenerId listener);
  std::size_t queued(SimListenerId listener) const;
  // The oldest of the queue, which must not be empty.
  SimSocketId accept(SimListenerId listener, SimOwner& owner, std::uint64_t cookie);

  // The owner hears socket_ready when it is open or failed. Errors: EINVAL (source of another
  // family), EADDRNOTAVAIL (set_ports).
  base::Result<SimSocketId> connect(const SimConnect& connect, SimOwner& owner,
                                    std::uint64_t cookie);
  void set_cookie(SimSocketId socket, std::uint64_t cookie) { at_id(socket).cookie = cookie; }
  const SimSocket& socket(SimSocketId socket) const;
  // Takes up to out.size() received bytes; returns how many.
  std::size_t read(SimSocketId id, std::span<std::byte> out);
  // Gives up to bytes.size() bytes to the send buffer; returns how many it took.
  std::size_t write(SimSocketId id, std::span<const std::byte> bytes);
  void shutdown_write(SimSocketId id);
  // close(2): FIN after what was written; RST when unread bytes are waiting. The id is dead then.
  void close(SimSocketId id);
  // RST now (UNIX sockets have none: close). The id is dead then.
  void reset(SimSocketId id);

  // --- The weather. Rules hold for connects that begin later.
  void set_path(const base::Address& address, const SimPath& path);
  // From one source address there are so many local ports for connections to `remote` at a time:
  // the next connect() says EADDRNOTAVAIL. SIZE_MAX lifts it. (TIME_WAIT is not modelled.)
  void set_ports(const base::Address& remote, std::size_t ports);
  // listen() on this address fails with this error, after so many that still succeed; kNone lifts
  // it.
  void set_listen_error(const base::Address& address, base::Errno error, std::size_t successes = 0);
  // Transports can have no new descriptor (EMFILE, ENFILE) or memory (ENOMEM, ENOBUFS) until it is
  // kNone again. Scripted far ends live on another machine.
  void set_exhausted(base::Errno error);
  base::Errno exhausted() const { return exhausted_; }
  // From now on nothing gets through between this socket and the other end. Keepalive and
  // user_timeout of each end notice (ETIMEDOUT), if they are on.
  void cut(SimSocketId id);

  base::Prng& prng() { return prng_; }
  SimTrace& trace() { return trace_; }
  // Sockets that somebody holds: the leak check at the end of a test.
  std::size_t held_sockets() const;

 private:
  enum class What : std::uint8_t { kSyn, kEstablished, kRefused, kSegment, kSilence, kAction };
  struct Pending {
    base::Nanos at;
    std::uint64_t sequence;
    What what;
    base::SlotId id;
    base::Errno error;
    bool operator>(const Pending& rhs) const {
      return at != rhs.at ? at > rhs.at : sequence > rhs.sequence;
    }
  };
  struct ListenError {
    base::Errno error;
    std::size_t successes;  // Still to come before it.
  };
  struct Listener {
    SimListen listen;
    SimOwner* owner = nullptr;
    std::uint64_t cookie = 0;
    bool open = true;  // False after unlisten().
    std::deque<SimSocketId> queue;
  };

  static constexpr std::size_t kSocketsMax = 1U << 20U;
  static constexpr std::size_t kListenersMax = 1U << 12U;

  SimSocket& at_id(SimSocketId socket) { return sockets_[socket.id]; }
  SimSocket* other_of(const SimSocket& socket);
  void schedule(base::Nanos at, What what, base::SlotId id, base::Errno error);
  base::Nanos one_way(const SimPath& path);
  void notify(SimSocket& socket);

  void deliver(const Pending& pending);
  void syn_arrives(SimSocketId id);
  void syn_dropped(SimSocketId id);
  void enqueue(SimSocketId id, SimSocket& from, Listener& listener);
  void segment_arrives(SimSocketId id);
  void reset_arrives(SimSocketId id, base::Errno error);

  void pump(SimSocketId id);
  std::size_t window_of(const SimSocket& from);
  void launch(SimSocketId id, SimSocket::Segment segment);
  void send_reset(SimSocketId id);
  void forget_if_finished(SimSocketId id);

  base::SlotId find_listener(const base::Address& remote);
  SimPath path_to(const base::Address& address) const;
  bool port_taken(const SimListen& listen) const;
  base::Result<base::Address> source_for(const SimConnect& connect);
  std::uint16_t next_port();
  bool ports_used_up(const base::Address& source, const base::Address& remote);

  SimNetworkOptions options_;
  base::Prng prng_;
  SimTrace trace_;
  base::Nanos now_ = std::chrono::seconds(1);  // Not zero: a forgotten time shows up.
  std::uint64_t sequence_ = 0;
  std::uint64_t socket_number_ = 0;
  std::uint16_t port_ = 32767;
  base::Errno exhausted_ = base::Errno::kNone;
  std::priority_queue<Pending, std::vector<Pending>, std::greater<>> pending_;
  std::map<std::uint64_t, std::function<void()>> actions_;  // By sequence number.
  std::map<std::string, SimPath> paths_;
  std::map<std::string, std::size_t> ports_;
  std::map<std::string, ListenError> listen_errors_;
  base::Slab<SimSocket> sockets_{kSocketsMax};
  base::Slab<Listener> listeners_{kListenersMax};
};

}  // namespace backends
