#include "proxy/ctl_view.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "proxy/ctl_table.h"
#include "proxy/number_text.h"

namespace proxy {
namespace {

using nlohmann::json;

// A part of a document, or an empty one where it is missing.
const json& part_of(const json& document, const char* key) {
  static const json kEmpty = json::object();
  const auto found = document.is_object() ? document.find(key) : document.end();
  return found == document.end() || found->is_null() ? kEmpty : *found;
}

std::string count_of(const json& object, const char* key) {
  return cell_of(object, key, CtlCell::kCount);
}

std::string bytes_of(const json& object, const char* key) {
  return cell_of(object, key, CtlCell::kBytes);
}

double number_of(const json& object, const char* key) {
  const json& value = part_of(object, key);
  return value.is_number() ? value.get<double>() : 0;
}

// "drain, weight 50": what is not as the file says. Empty: nothing.
std::string override_text(const json& endpoint) {
  const json& ordered = part_of(endpoint, "override");
  std::string text = ordered.value("state", "ready");
  if (text == "ready") text.clear();
  if (const json& weight = part_of(ordered, "weight"); weight.is_number()) {
    text += (text.empty() ? "weight " : ", weight ") + weight.dump();
  }
  return text;
}

std::string endpoints_text(json endpoints) {
  for (json& endpoint : endpoints) {
    endpoint["ordered"] = override_text(endpoint);
    if (endpoint.value("removed", false)) endpoint["ordered"] = "removed";
  }
  return table_of(endpoints, {{"UPSTREAM", "upstream"},
                              {"ENDPOINT", "address"},
                              {"STATE", "state"},
                              {"WEIGHT", "weight", CtlCell::kCount},
                              {"PRIORITY", "priority", CtlCell::kCount},
                              {"SESSIONS", "sessions_active", CtlCell::kCount},
                              {"LIMIT", "max_sessions", CtlCell::kLimit},
                              {"FAILED CONNECTS", "connect_failures_total", CtlCell::kCount},
                              {"ORDERED", "ordered"}});
}

// GET /v1/upstreams/NAME has the endpoints without their upstream's name.
std::string endpoints_of_one(const json& upstream) {
  json endpoints = part_of(upstream, "endpoints");
  for (json& endpoint : endpoints) endpoint["upstream"] = part_of(upstream, "name");
  return endpoints_text(std::move(endpoints));
}

std::string listeners_text(json listeners) {
  for (json& listener : listeners) {
    if (listener.value("paused", false)) listener["note"] = "paused";
    if (listener.value("removed", false)) listener["note"] = "removed";
  }
  return table_of(listeners, {{"LISTENER", "name"},
                              {"BINDS", "binds", CtlCell::kList},
                              {"UPSTREAM", "upstream"},
                              {"SESSIONS", "sessions_active", CtlCell::kCount},
                              {"LIMIT", "max_sessions", CtlCell::kLimit},
                              {"ACCEPTED", "accepted_total", CtlCell::kCount},
                              {"REJECTED", "rejected_total", CtlCell::kCount},
                              {"TO UPSTREAM", "bytes_to_upstream", CtlCell::kBytes},
                              {"TO CLIENT", "bytes_to_client", CtlCell::kBytes},
                              {"NOTE", "note"}});
}

// "2 of 3"
std::string up_text(const json& endpoints) {
  std::size_t up = 0;
  for (const json& endpoint : endpoints) up += endpoint.value("state", "") == "up" ? 1 : 0;
  return fmt::format("{} of {}", up, endpoints.size());
}

std::string upstreams_text(json upstreams) {
  for (json& upstream : upstreams) {
    upstream["up"] = up_text(part_of(upstream, "endpoints"));
    if (upstream.value("removed", false)) upstream["note"] = "removed";
  }
  return table_of(upstreams, {{"UPSTREAM", "name"},
                              {"BALANCE", "balance"},
                              {"UP", "up"},
                              {"SESSIONS", "sessions_active", CtlCell::kCount},
                              {"QUEUE", "queue", CtlCell::kCount},
                              {"FAILED CONNECTS", "connect_failures_total", CtlCell::kCount},
                              {"TO UPSTREAM", "bytes_to_upstream", CtlCell::kBytes},
                              {"TO CLIENT", "bytes_to_client", CtlCell::kBytes},
                              {"NOTE", "note"}});
}

std::string pools_text(json pools) {
  for (json& pool : pools) {
    const double hits = number_of(pool, "hits_total");
    const double all = hits + number_of(pool, "misses_total");
    if (all > 0) pool["hit_rate"] = percent_text(hits / all);
  }
  return table_of(pools, {{"UPSTREAM", "upstream"},
                          {"WANTED", "wanted", CtlCell::kCount},
                          {"IDLE", "idle", CtlCell::kCount},
                          {"CONNECTING", "connecting", CtlCell::kCount},
                          {"HITS", "hits_total", CtlCell::kCount},
                          {"MISSES", "misses_total", CtlCell::kCount},
                          {"STALE", "stale_total", CtlCell::kCount},
                          {"HIT RATE", "hit_rate"}});
}

std::string workers_text(const json& workers) {
  return table_of(workers, {{"WORKER", "index", CtlCell::kCount},
                            {"ENGINE", "engine"},
                            {"SESSIONS", "sessions_active", CtlCell::kCount},
                            {"CPU TIME", "busy_seconds_total", CtlCell::kAge}});
}

std::string sessions_text(const json& sessions) {
  return table_of(sessions, {{"SESSION", "id"},
                             {"STATE", "state"},
                             {"LISTENER", "listener"},
                             {"UPSTREAM", "upstream"},
                             {"ENDPOINT", "endpoint"},
                             {"CLIENT", "client"},
                             {"AGE", "age", CtlCell::kAge},
                             {"IDLE", "idle", CtlCell::kAge},
                             {"TO UPSTREAM", "bytes_to_upstream", CtlCell::kBytes},
                             {"TO CLIENT", "bytes_to_client", CtlCell::kBytes}});
}

std::string session_text(const json& session) {
  return lines_of(session, {{"session", "id"},
                            {"state", "state"},
                            {"listener", "listener"},
                            {"upstream", "upstream"},
                            {"endpoint", "endpoint"},
                            {"client", "client"},
                            {"connected to", "local"},
                            {"age", "age", CtlCell::kAge},
                            {"idle", "idle", CtlCell::kAge},
                            {"set-up", "setup", CtlCell::kLatency},
                            {"connect", "connect", CtlCell::kLatency},
                            {"to upstream", "bytes_to_upstream", CtlCell::kBytes},
                            {"to client", "bytes_to_client", CtlCell::kBytes},
                            {"attempts", "attempts", CtlCell::kCount},
                            {"pool", "pool"},
                            {"worker", "worker", CtlCell::kCount}});
}

std::string status_text(const json& status) {
  const json& config = part_of(status, "config");
  const json& totals = part_of(status, "totals");
  const json& setup = part_of(totals, "setup_seconds");
  const json& process = part_of(status, "process");
  json endpoints = json::array();
  for (const json& upstream : part_of(status, "upstreams")) {
    for (const json& endpoint : part_of(upstream, "endpoints")) endpoints.push_back(endpoint);
  }
  json lines = {
      {"program",
       fmt::format("millrace {}, process {}, {}", cell_of(status, "version", CtlCell::kText),
                   part_of(status, "pid").dump(), cell_of(status, "transport", CtlCell::kText))},
      {"state", fmt::format("{}, for {}", cell_of(status, "state", CtlCell::kText),
                            age_text(number_of(status, "now") - number_of(status, "started")))},
      {"config", fmt::format("generation {}; reloads: {} accepted, {} refused; overrides: {}",
                             count_of(config, "generation"), count_of(config, "reloads_accepted"),
                             count_of(config, "reloads_refused"), count_of(config, "overrides"))},
      {"sessions",
       fmt::format("{} open; {} accepted, {} ended, {} rejected",
                   count_of(totals, "sessions_active"), count_of(totals, "accepted_total"),
                   count_of(totals, "sessions_total"), count_of(totals, "rejected_total"))},
      {"bytes", fmt::format("{} to upstreams, {} to clients", bytes_of(totals, "bytes_to_upstream"),
                            bytes_of(totals, "bytes_to_client"))},
      {"endpoints", up_text(endpoints) + " up"},
      {"process",
       fmt::format("{} resident; {} of {} descriptors", bytes_of(process, "resident_bytes"),
                   count_of(process, "open_fds"), count_of(process, "max_fds"))}};
  if (const double count = number_of(setup, "count"); count > 0) {
    lines["setup"] = latency_text(number_of(setup, "sum") / count, "u") + " on average";
  }
  return lines_of(lines, {{"program", "program"},
                          {"state", "state"},
                          {"configuration", "config"},
                          {"sessions", "sessions"},
                          {"bytes", "bytes"},
                          {"set-up", "setup"},
                          {"endpoints", "endpoints"},
                          {"process", "process"}});
}

std::string config_text(const json& shown) {
  std::string text = fmt::format("# Configuration {} of {}\n", count_of(shown, "generation"),
                                 cell_of(shown, "file", CtlCell::kText));
  for (const json& ordered : part_of(shown, "overrides")) {
    text += fmt::format("# Not in the file: upstream {}, endpoint {}: {}\n",
                        cell_of(ordered, "upstream", CtlCell::kText),
                        cell_of(ordered, "endpoint", CtlCell::kText),
                        override_text({{"override", ordered}}));
  }
  return text + shown.value("effective", std::string());
}

std::string diff_text(const std::string& file, const json& diff) {
  std::string text = problems_text(file, part_of(diff, "problems"));
  if (!diff.value("valid", false)) return text;
  for (const json& problem : part_of(diff, "needs_restart")) {
    text += fmt::format("{}:{}:{}: needs a restart: {}\n", file, count_of(problem, "line"),
                        count_of(problem, "column"), cell_of(problem, "text", CtlCell::kText));
  }
  const json& changes = part_of(diff, "changes");
  if (changes.empty()) return text + "a reload would change nothing\n";
  return text + table_of(changes, {{"WHAT", "what"},
                                   {"NAME", "name"},
                                   {"ENDPOINT", "endpoint"},
                                   {"CHANGE", "change"},
                                   {"SESSIONS", "sessions", CtlCell::kCount},
                                   {"EFFECT ON THEM", "effect"},
                                   {"FIELDS", "fields", CtlCell::kList}});
}

}  // namespace

std::string problems_text(const std::string& file, const json& problems) {
  std::string text;
  for (const json& problem : problems) {
    text += fmt::format("{}:{}:{}: error: {}\n", file, count_of(problem, "line"),
                        count_of(problem, "column"), cell_of(problem, "text", CtlCell::kText));
  }
  return text;
}

std::string ctl_text(const CtlOptions& options, const json& document) {
  switch (options.action) {
    case CtlAction::kStatus:
      return status_text(document);
    case CtlAction::kShowConfig:
      return config_text(document);
    case CtlAction::kDiffConfig:
      return diff_text(options.file, document);
    case CtlAction::kListeners:
      return listeners_text(part_of(document, "listeners"));
    case CtlAction::kUpstreams:
      return upstreams_text(part_of(document, "upstreams"));
    case CtlAction::kEndpoints:
      return options.upstream.empty() ? endpoints_text(part_of(document, "endpoints"))
                                      : endpoints_of_one(document);
    case CtlAction::kOrderEndpoint:
      return endpoints_text(json::array({document}));
    case CtlAction::kPools:
      return pools_text(part_of(document, "pools"));
    case CtlAction::kWorkers:
      return workers_text(part_of(document, "workers"));
    case CtlAction::kSessions:
      return sessions_text(part_of(document, "sessions"));
    case CtlAction::kShowSession:
      return session_text(document);
    case CtlAction::kEndSession:
    case CtlAction::kEndSessions:
      return things_text(number_of(document, "ended"), "session", "sessions") + " ended\n";
    case CtlAction::kReload:
      return fmt::format("configuration {} is in force: {}\n", count_of(document, "generation"),
                         cell_of(document, "summary", CtlCell::kText));
    case CtlAction::kDrain:
      return cell_of(document, "state", CtlCell::kText) + '\n';
    case CtlAction::kShowLogLevel:
    case CtlAction::kSetLogLevel:
      return cell_of(document, "level", CtlCell::kText) + '\n';
  }
  CHECK(false);
}

}  // namespace proxy
