// What the contract suite needs around a transport: far ends that it can script. Real sockets for
// the kernel engines (socket_harness.cc), a simulated network for the simulator (sim_harness.cc).
// Everything runs on the test's own thread: far ends move only inside Harness::step().
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/transport.h"
#include "backends/transport_factory.h"
#include "base/address.h"
#include "base/result.h"

namespace contract {

// One far end of one connection: a client of the transport, or the service behind it.
// Dropping it closes it like close().
class Peer {
 public:
  Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  virtual ~Peer() = default;

  // Queues bytes; step() sends what the connection takes.
  virtual void send(std::span<const std::byte> bytes) = 0;
  // Bytes queued that have not yet reached the transport's machine (user queue, send queue, wire).
  virtual std::size_t in_flight() const = 0;

  // Everything read so far. step() reads while reading is on, at most read_max bytes each time.
  virtual const std::vector<std::byte>& received() const = 0;
  // Reading is on from the start. While it is off bytes wait in this end's TCP.
  virtual void read(bool on, std::size_t read_max = 1U << 20U) = 0;

  // FIN after everything queued.
  virtual void shutdown_write() = 0;
  // Like close(2) of a program: queued bytes that the kernel has not taken are dropped, FIN, or RST
  // when unread bytes wait here.
  virtual void close() = 0;
  // RST at once. Bytes in flight may be lost: wait for in_flight() == 0 where they matter.
  // On UNIX sockets, which know no RST, the same as close().
  virtual void reset() = 0;

  virtual bool connected() const = 0;  // The handshake is complete, as this end sees it.
  virtual bool eof() const = 0;        // FIN was read, after every byte before it.
  virtual bool was_reset() const = 0;  // RST was read (or the connect refused).
};

// A service: listens, and gives the connections the transport opened, oldest first.
class Service {
 public:
  Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  virtual ~Service() = default;

  virtual base::Address address() const = 0;
  // Null while nobody waits.
  virtual std::unique_ptr<Peer> accept() = 0;
};

// buffer_bytes: the far end's own receive and send buffer (SO_RCVBUF, SO_SNDBUF; the kernel
// rounds). 0: the system's default.
struct PeerOptions {
  std::size_t buffer_bytes = 0;
};

// What an engine may be unable to do, because of how it moves bytes: see Harness::cannot().
enum class Feature : std::uint8_t {
  kExchange,      // exchange().
  kReturnUnused,  // RelaySpec::return_unused: it takes kNever for every value.
  kHoldBytes      // Bytes wait between the two sides, so the writer is done before the reader is.
};

class Harness {
 public:
  Harness() = default;
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;
  virtual ~Harness() = default;

  // False where the network knows no RST (UNIX sockets): a reset looks like a FIN there.
  virtual bool has_reset() const = 0;
  // True where a connection is a descriptor of this process, so RLIMIT_NOFILE bites.
  virtual bool has_descriptors() const = 0;

  // The reason why the engine cannot do it, for the test that is skipped. Empty: it can.
  virtual std::string_view cannot([[maybe_unused]] Feature feature) const { return {}; }

  // May be called more than once: several workers of one process.
  virtual std::unique_ptr<backends::Transport> make_transport(
      const backends::TransportOptions& options) = 0;

  // A claimed address of the harness's family for Transport::listen; the port is already a number.
  virtual base::Address listen_address() = 0;
  // Two addresses to connect from, with port 0. None where the machine has only one.
  virtual std::vector<base::IpPort> sources() const = 0;
  // An address of the family where nobody listens.
  virtual base::Address refusing_address() = 0;

  virtual std::unique_ptr<Service> make_service(const PeerOptions& options = {}) = 0;
  // Starts a connection to a listener of the transport; its handshake completes in step().
  virtual std::unique_ptr<Peer> make_client(const base::Address& listener,
                                            const PeerOptions& options = {}) = 0;

  // Lets every living far end send and read once, without waiting. True when anything moved.
  virtual bool step() = 0;
};

// One parameter of the suite: an engine over one family.
struct HarnessFactory {
  std::string name;  // "epoll_v4": letters, digits and underscores.
  base::Family family;
  std::function<std::unique_ptr<Harness>()> make;
};

void add_socket_harnesses(std::vector<HarnessFactory>& out);
void add_sim_harnesses(std::vector<HarnessFactory>& out);
void add_dpdk_harnesses(std::vector<HarnessFactory>& out);

// Loopback has many addresses in v4 and one in v6: Harness::sources() of the others.
std::vector<base::IpPort> loopback_sources(base::Family family);

// All of them: contract_harness.cc has a line for each kind.
std::vector<HarnessFactory> harnesses();

}  // namespace contract
