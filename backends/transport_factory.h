// The process-wide side of an engine: what must happen once before the workers' transports exist,
// and what they share. Owned by main; claim() and disclaim() on the main thread, make() on each
// worker's.
#pragma once

#include <cstddef>
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
};

struct EngineInfo {
  std::string_view name;
  bool usable = false;
  std::string reason;  // Why it is not usable on this machine.
};

class TransportFactory {
 public:
  TransportFactory() = default;
  TransportFactory(const TransportFactory&) = delete;
  TransportFactory& operator=(const TransportFactory&) = delete;
  virtual ~TransportFactory() = default;

  virtual std::string_view engine() const = 0;

  // Takes an address for this process before any worker listens on it, and keeps it until
  // disclaim(). EADDRINUSE when anybody else has it, another Millrace included: with SO_REUSEPORT
  // alone two processes of one user would share a port without a word. The result is the address to
  // listen on: a port 0 has become a number. A UNIX path left behind by a dead process is taken
  // over.
  virtual base::Result<base::Address> claim(const ListenSpec& spec) = 0;
  virtual void disclaim(const base::Address& address) = 0;

  // One worker's transport. The addresses it listens on must be claimed.
  virtual base::Result<std::unique_ptr<Transport>> make(const TransportOptions& options) = 0;
};

// The engines of this binary, best first, each tried on this machine.
std::vector<EngineInfo> engines();

// The factory of an engine by its name, or of the best usable one for "auto".
base::Parsed<std::unique_ptr<TransportFactory>> make_transport_factory(std::string_view engine);

}  // namespace backends
