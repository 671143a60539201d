// Everybody at the other end of the engine's wire: millions of clients, and the connections of one
// server. Speaks real TCP over real frames, keeps 16 bytes for each of them, and finds them by
// arithmetic (plan.h). Whatever the engine delivers is compared with what was sent: every byte of
// payload, every sequence and acknowledgement number, who speaks to whom, and the checksums of
// every eighth frame. Nothing is sent again: the wire loses nothing, so what is lost is the
// engine's error. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/dpdk/device.h"
#include "base/prng.h"
#include "base/time.h"
#include "tests/bench/c10m/frames.h"
#include "tests/bench/c10m/payload.h"
#include "tests/bench/c10m/plan.h"
#include "tests/bench/latency_histogram.h"

namespace bench::c10m {

enum class Work : std::uint8_t {
  kHold,  // Clients open, then wait to be told.
  kLife   // A client's first request follows its handshake at once.
};

struct GeneratorOptions {
  std::uint32_t clients = 1;
  std::uint32_t locals = 1;  // Addresses of the engine's that its upstream connections come from.
  std::size_t payload = 64;
  Work work = Work::kHold;
  std::uint64_t seed = 1;
};

// What must not happen, by kind.
struct Integrity {
  std::uint64_t bad_frames = 0;     // Not TCP, or between nobody we know.
  std::uint64_t bad_checksums = 0;  // Of IP or TCP.
  std::uint64_t bad_payloads = 0;   // A byte that was not sent.
  std::uint64_t bad_numbers = 0;    // seq or ack that is not the next one.
  std::uint64_t cross_talk = 0;     // From another client or server than before.
  std::uint64_t bad_states = 0;     // A segment that nobody waits for, or a reset.
  std::uint64_t lost = 0;           // Frames that found no room or no buffer.
  std::uint64_t total() const {
    return bad_frames + bad_checksums + bad_payloads + bad_numbers + cross_talk + bad_states + lost;
  }
};

struct GeneratorStats {
  Integrity integrity;
  std::uint64_t opened = 0;         // Clients that have their SYN-ACK.
  std::uint64_t parked = 0;         // SYNs of the engine that the server took.
  std::uint64_t asked = 0;          // Requests that were sent,
  std::uint64_t replied = 0;        // and those whose reply has come.
  std::uint64_t closed = 0;         // Clients that have the server's FIN,
  std::uint64_t server_closed = 0;  // and server connections whose FIN was acknowledged.
  std::uint64_t verified = 0;       // Frames whose checksums were looked at.
  std::uint64_t repeated = 0;       // SYNs and SYN-ACKs that came again.
  std::uint64_t window_updates = 0;
  std::uint64_t flood_sent = 0;
  std::uint64_t flood_answers = 0;
  std::uint64_t neighbour_answers = 0;
};

template <typename Ip>
class Generator {
 public:
  // engine: the station at the other end. All of its memory is touched here.
  Generator(const GeneratorOptions& options, backends::dpdk::Device& device,
            const backends::dpdk::MacAddress& engine);

  // Takes all that has arrived and answers it. Returns the frames.
  std::size_t receive();

  void prefetch(std::uint32_t client) const { __builtin_prefetch(&clients_[client], 1); }
  // A client that is closed sends its SYN, one that is open and quiet a request or its FIN. False:
  // it is not in that state. They leave with flush() or receive().
  bool open(std::uint32_t number);
  bool request(std::uint32_t number, base::Nanos stamp);
  bool close(std::uint32_t number);
  // SYNs from strangers who never go on.
  void flood(std::size_t count);
  void flush();

  // Clients and server connections that do not name each other, among all: after every client had a
  // reply, the pairs are a bijection when this is zero.
  std::uint64_t count_mismatched() const;

  // Counted from the stamps of replies; null: not counted.
  void set_latency(LatencyHistogram* latency) { latency_ = latency; }
  const GeneratorStats& stats();

 private:
  enum class State : std::uint8_t { kClosed, kSynSent, kOpen, kAsking, kClosing };
  struct Client {
    std::uint32_t next_send = 0;
    std::uint32_t next_expected = 0;
    std::uint32_t server = kNobody;
    std::uint16_t number = 0;  // Of the last request.
    State state = State::kClosed;
  };
  struct Server {
    std::uint32_t next_send = 0;
    std::uint32_t next_expected = 0;
    std::uint32_t client = kNobody;
    std::uint16_t number = 0;
    State state = State::kClosed;
  };
  static_assert(sizeof(Client) == 16 && sizeof(Server) == 16);

  using Frame = backends::dpdk::Frame;
  enum class Target : std::uint8_t { kClient, kServer, kStranger, kBad };
  struct Incoming {
    Frame frame;
    Arrived<Ip> arrived;
    std::uint32_t number = 0;
    Target target = Target::kBad;
  };

  void look(Incoming& in);
  void handle(Incoming& in);
  bool answer_neighbour(const Frame& frame);
  void at_client(Incoming& in, Client& client);
  void reply_at_client(Incoming& in, Client& client);
  void at_server(Incoming& in, Server& server);
  void syn_at_server(Incoming& in, Server& server);
  void request_at_server(Incoming& in, Server& server);

  // Answers in the frame that came, from its target to its source.
  void answer(const Incoming& in, std::uint32_t seq, std::uint32_t ack, std::uint8_t flags,
              const Message* message = nullptr);
  bool send_new(const Tcp<Ip>& tcp, const Message* message = nullptr);
  void emit(const Frame& frame);
  void drop(const Frame& frame);
  Tcp<Ip> from_client(std::uint32_t number, std::uint8_t flags) const;

  GeneratorOptions options_;
  backends::dpdk::Device& device_;
  Macs macs_;
  base::Prng prng_;
  std::vector<Client> clients_;
  std::vector<Server> servers_;
  std::array<Frame, backends::dpdk::kBurstMax> out_{};
  std::size_t waiting_ = 0;
  std::array<Frame, backends::dpdk::kBurstMax> dropped_{};
  std::size_t dropping_ = 0;
  std::uint32_t looked_at_ = 0;
  LatencyHistogram* latency_ = nullptr;
  std::uint64_t no_buffers_ = 0;
  GeneratorStats stats_;
};

extern template class Generator<Ip4>;
extern template class Generator<Ip6>;

}  // namespace bench::c10m
