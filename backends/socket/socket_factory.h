// The process-wide side of the kernel engines: the addresses that are claimed, and transports made
// by the best engine that this machine allows. It knows engines only as a list of functions, so
// that none of them knows another. Owned by main; see transport_factory.h for the threads.
#pragma once

#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "backends/socket/claims.h"
#include "backends/transport_factory.h"
#include "base/errno.h"
#include "base/result.h"

namespace backends::socket {

// One kernel engine, as functions of its folder.
struct Engine {
  std::string_view name;
  // Tries the machine, really.
  EngineInfo (*probe)() = nullptr;
  // claims outlives the transport. The error: why this one cannot be made now.
  base::Result<std::unique_ptr<Transport>> (*make)(const TransportOptions& options,
                                                   const Claims& claims) = nullptr;
  // What an error of make() means.
  EngineInfo (*explain)(base::Errno error) = nullptr;
};

// An engine on this machine.
struct ProbedEngine {
  Engine engine;
  EngineInfo info;
};

// The transports it makes refer to its claims, so it outlives them.
class SocketFactory final : public TransportFactory {
 public:
  // Best first. At least the last one is usable: what it cannot make is make()'s error.
  explicit SocketFactory(std::vector<ProbedEngine> engines);

  std::string_view engine() const override;
  bool adopt(base::InheritedSockets& sockets, std::size_t workers) override;
  base::Result<base::Address> claim(const ListenSpec& spec) override;
  void disclaim(const base::Address& address) override;
  base::Result<std::unique_ptr<Transport>> make(const TransportOptions& options) override;
  std::vector<Refusal> refusals() const override;

 private:
  void note(std::string_view engine, const EngineInfo& why, std::uint64_t transports);

  const std::vector<ProbedEngine> engines_;
  Claims claims_;
  mutable std::mutex mutex_;  // Workers make their transports at the same time.
  std::vector<Refusal> refusals_;
};

}  // namespace backends::socket
