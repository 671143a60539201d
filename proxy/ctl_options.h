// What `millrace ctl` is asked to do, as plain data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "proxy/api_client.h"

namespace proxy {

enum class CtlAction : std::uint8_t {
  kStatus,
  kShowConfig,
  kDiffConfig,
  kListeners,
  kUpstreams,
  kEndpoints,
  kOrderEndpoint,
  kSessions,
  kShowSession,
  kEndSession,
  kEndSessions,
  kPools,
  kWorkers,
  kReload,
  kDrain,
  kShowLogLevel,
  kSetLogLevel
};

struct CtlOptions {
  ApiTarget target;
  bool json = false;
  CtlAction action = CtlAction::kStatus;

  // Each action uses those it names.
  std::string file;       // kDiffConfig; "-" is the standard input.
  std::string upstream;   // kEndpoints (empty: of all), kOrderEndpoint, kSessions, kEndSessions.
  std::string endpoint;   // kOrderEndpoint, kSessions, kEndSessions.
  std::string order;      // kOrderEndpoint: "ready", "drain", "maintenance" or "weight".
  std::string weight;     // kOrderEndpoint: a number, or "default".
  std::string listener;   // kSessions.
  std::string client;     // kSessions.
  std::size_t limit = 0;  // kSessions: the most of them; 0: all.
  std::string id;         // kShowSession, kEndSession.
  bool keep_overrides = false;
  std::string drain_for;  // Empty: what the configuration says.
  std::string level;
};

}  // namespace proxy
