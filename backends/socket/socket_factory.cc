#include "backends/socket/socket_factory.h"

#include <csignal>
#include <utility>

#include "base/assert.h"

namespace backends::socket {

SocketFactory::SocketFactory(std::vector<ProbedEngine> engines) : engines_(std::move(engines)) {
  CHECK(!engines_.empty() && engines_.back().info.usable);
  // splice(2) has no MSG_NOSIGNAL: without this the first reset receiver would end the process.
  CHECK(std::signal(SIGPIPE, SIG_IGN) != SIG_ERR);
  for (const ProbedEngine& each : engines_) {
    if (!each.info.usable) note(each.engine.name, each.info, 0);
  }
}

std::string_view SocketFactory::engine() const {
  for (const ProbedEngine& each : engines_) {
    if (each.info.usable) return each.engine.name;
  }
  base::check_failed(__FILE__, __LINE__, "one engine is usable");
}

bool SocketFactory::adopt(base::InheritedSockets& sockets, std::size_t workers) {
  claims_.adopt(sockets, workers);
  return true;
}

base::Result<base::Address> SocketFactory::claim(const ListenSpec& spec) {
  return claims_.claim(spec);
}

void SocketFactory::disclaim(const base::Address& address) { claims_.disclaim(address); }

base::Result<std::unique_ptr<Transport>> SocketFactory::make(const TransportOptions& options) {
  for (const ProbedEngine& each : engines_) {
    if (!each.info.usable) {
      note(each.engine.name, each.info, 1);
      continue;
    }
    auto made = each.engine.make(options, claims_);
    if (made || &each == &engines_.back()) return made;
    note(each.engine.name, each.engine.explain(made.error()), 1);
  }
  base::check_failed(__FILE__, __LINE__, "the last engine is usable");
}

void SocketFactory::note(std::string_view engine, const EngineInfo& why, std::uint64_t transports) {
  const std::lock_guard lock(mutex_);
  for (Refusal& known : refusals_) {
    if (known.engine != engine || known.cause != why.cause) continue;
    known.transports += transports;
    return;
  }
  refusals_.push_back(
      {.engine = engine, .cause = why.cause, .reason = why.reason, .transports = transports});
}

std::vector<Refusal> SocketFactory::refusals() const {
  const std::lock_guard lock(mutex_);
  return refusals_;
}

}  // namespace backends::socket
