// The process-wide side of an engine: what must happen once before the workers' transports exist,
// and what they share. Owned by main; claim() and disclaim() on the main thread, make() on each
// worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backends/transport.h"
#include "base/inherited_sockets.h"
#include "base/result.h"

namespace backends {

// Fixed sizes of one transport. Every one is a bound with a metric.
struct TransportOptions {
  std::size_t connections_max = 8192;  // Clients and upstreams together.
  std::size_t clients_max =
      4096;                    // Accepted ones among them: the rest is kept for their upstreams.
  std::size_t pipes_max = 64;  // Bulk directions that may splice at the same time.
  std::size_t pipe_bytes = 0;  // 0: the engine's measured choice.
  // Receive buffers of an engine that lends them to the kernel. 0: the engine's measured choice.
  std::size_t receive_buffers_bytes = 0;
};

// Why an engine cannot be used: few words, because a metric has them as a label.
enum class RefusalCause : std::uint8_t {
  kNotInKernel,  // No such system call.
  kDisabled,     // A sysctl forbids it.
  kDenied,       // A filter or a missing right forbids it.
  kMemory,       // RLIMIT_MEMLOCK, or no memory at all.
  kDescriptors,  // RLIMIT_NOFILE, or the machine's.
  kTooOld,       // The kernel has it, but not all that the engine needs.
  kOther,
  kCount
};

struct EngineInfo {
  std::string_view name;
  bool usable = false;
  RefusalCause cause = RefusalCause::kOther;  // With reason:
  std::string reason;                         // why it is not usable on this machine.
  // It has network ports of its own and does nothing without PortSettings.
  bool needs_ports = false;
};

// An engine that was asked for and is not used, for the whole process or for single transports.
struct Refusal {
  std::string_view engine;
  RefusalCause cause = RefusalCause::kOther;
  std::string reason;            // A sentence for the operator, of the first time.
  std::uint64_t transports = 0;  // That had to be made with another engine.
};

// What an engine needs that drives network ports itself, without the kernel between. Of no meaning
// for the others.
struct PortSettings {
  struct Address {
    base::IpPort ip;
    std::uint8_t prefix_bits = 0;
    std::uint8_t port = 0;  // Place in `ports`.
    base::IpPort gateway;   // Family::kNone: there is none.
  };
  std::vector<std::string> environment;  // The operator's arguments for the engine's library.
  std::vector<std::string> ports;
  std::vector<Address> addresses;
  std::size_t workers = 1;
  std::size_t sessions_max = 0;  // All workers together.
  std::uint16_t mss = 1460;      // Announced over IPv4; over IPv6 20 less.
  bool huge_pages = true;        // Where there are any.
  bool sleep_when_idle = false;
  std::string capture_file;  // Empty: no packets are captured. Each worker adds its number.
  std::uint32_t capture_one_in = 1;
  std::uint64_t capture_bytes_max = 0;
};

class TransportFactory {
 public:
  TransportFactory() = default;
  TransportFactory(const TransportFactory&) = delete;
  TransportFactory& operator=(const TransportFactory&) = delete;
  virtual ~TransportFactory() = default;

  // The engine of its transports, when nothing comes in the way.
  virtual std::string_view engine() const = 0;

  // Listening sockets that the service manager opened: claim() takes those of its address in the
  // place of a socket of its own, and the `workers` that will listen there share them. sockets
  // outlives the factory. Before any claim. False: the engine's addresses are not the kernel's, so
  // it cannot use any.
  virtual bool adopt(base::InheritedSockets& /*sockets*/, std::size_t /*workers*/) { return false; }

  // Takes an address for this process before any worker listens on it, and keeps it until
  // disclaim(). EADDRINUSE when anybody else has it, another Millrace included: with SO_REUSEPORT
  // alone two processes of one user would share a port without a word. The result is the address to
  // listen on: a port 0 has become a number. A UNIX path left behind by a dead process is taken
  // over.
  virtual base::Result<base::Address> claim(const ListenSpec& spec) = 0;
  virtual void disclaim(const base::Address& address) = 0;

  // One worker's transport. The addresses it listens on must be claimed. Where the engine refuses
  // this one, the next best engine makes it, and refusals() says so: Transport::name() tells which.
  virtual base::Result<std::unique_ptr<Transport>> make(const TransportOptions& options) = 0;

  // One over the kernel's sockets, whatever the engine: for health checks, which ask.
  virtual base::Result<std::unique_ptr<Transport>> make_kernel(const TransportOptions& options) {
    return make(options);
  }

  // Connections of one transport, where descriptors do not bound them. 0: they do.
  virtual std::size_t connections_max() const { return 0; }

  // One for each engine and cause so far, oldest first. Any thread.
  virtual std::vector<Refusal> refusals() const = 0;
  // What the operator should know about how it started, in sentences. After the transports were
  // made.
  virtual std::vector<std::string> notes() const { return {}; }
};

// The engines of this binary, best first, each tried on this machine.
std::vector<EngineInfo> engines();

// The factory of an engine by its name, or of the measured choice for "auto" (docs/adr/0013). An
// engine that this machine refuses is replaced by the next best one, and the factory's refusals()
// say so; one that drives ports of its own is not, because the addresses are not the kernel's. The
// error, a sentence: there is no engine of that name, or it cannot start.
base::Parsed<std::unique_ptr<TransportFactory>> make_transport_factory(
    std::string_view engine, const PortSettings& ports = {});

}  // namespace backends
