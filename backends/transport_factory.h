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
};

// An engine that was asked for and is not used, for the whole process or for single transports.
struct Refusal {
  std::string_view engine;
  RefusalCause cause = RefusalCause::kOther;
  std::string reason;            // A sentence for the operator, of the first time.
  std::uint64_t transports = 0;  // That had to be made with another engine.
};

class TransportFactory {
 public:
  TransportFactory() = default;
  TransportFactory(const TransportFactory&) = delete;
  TransportFactory& operator=(const TransportFactory&) = delete;
  virtual ~TransportFactory() = default;

  // The engine of its transports, when nothing comes in the way.
  virtual std::string_view engine() const = 0;

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

  // One for each engine and cause so far, oldest first. Any thread.
  virtual std::vector<Refusal> refusals() const = 0;
};

// The engines of this binary, best first, each tried on this machine.
std::vector<EngineInfo> engines();

// The factory of an engine by its name, or of the measured choice for "auto" (docs/adr/0013). An
// engine that this machine refuses is replaced by the next best one, and the factory's refusals()
// say so. The error: there is no engine of that name.
base::Parsed<std::unique_ptr<TransportFactory>> make_transport_factory(std::string_view engine);

}  // namespace backends
