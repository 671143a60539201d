// The sessions that ended, read back from the proxy's own access log: what an operator would see.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "proxy/access_log.h"
#include "proxy/log_output.h"

namespace simulation {

struct EndedSession {
  std::string listener;
  std::string upstream;
  std::string endpoint;  // Empty when none was left or tried.
  std::string client;    // "10.0.0.1:32768"
  std::string actor;
  std::string cause;
  std::uint64_t bytes_to_upstream = 0;
  std::uint64_t bytes_to_client = 0;
  double setup_seconds = -1;  // -1: never relayed.
  double total_seconds = 0;
  std::uint32_t attempts = 0;

  std::string reason() const { return actor + "/" + cause; }
};

// An access log into memory.
class RecordedLog {
 public:
  explicit RecordedLog(std::size_t workers);
  proxy::AccessLog* log() { return log_.get(); }
  // Ends the log (no worker may use it any more) and reads it.
  std::vector<EndedSession> finish();

 private:
  base::UniqueFd memory_;
  proxy::LogOutput output_;
  std::unique_ptr<proxy::AccessLog> log_;
};

}  // namespace simulation
