#include "proxy/admin_orders.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/assert.h"
#include "config/diff.h"
#include "config/keys.h"
#include "config/scalars.h"
#include "proxy/admin_body.h"
#include "proxy/admin_config.h"
#include "proxy/admin_reply.h"

namespace proxy {
namespace {

using metrics::HttpReply;
using metrics::HttpStatus;

constexpr const char* kStopping = "the proxy is stopping";

base::Parsed<KeepOverrides> keep_of(std::string_view body) {
  const auto parsed = parse_body(body, {"overrides"});
  if (!parsed) return base::failure(parsed.error());
  const auto word = string_of(*parsed, "overrides", "drop");
  if (!word) return base::failure(word.error());
  if (*word == "drop") return KeepOverrides::kDrop;
  if (*word == "keep") return KeepOverrides::kKeep;
  return base::failure(std::string("'overrides' is 'drop' or 'keep'"));
}

// Unset: what shutdown.drain says.
base::Parsed<std::optional<base::Nanos>> drain_of(std::string_view body) {
  const auto parsed = parse_body(body, {"for"});
  if (!parsed) return base::failure(parsed.error());
  if (!parsed->contains("for")) return std::nullopt;
  const auto word = string_of(*parsed, "for", "");
  if (!word) return base::failure(word.error());
  if (*word == "forever") return base::kForever;
  const auto duration = config::parse_duration(*word, config::keys::kTimeout);
  if (!duration) return base::failure("'for' " + duration.error() + ", or is 'forever'");
  return *duration;
}

// A copy: what the instance refers to changes with the reload.
SnapshotPtr in_force(const Instance& instance) { return instance.snapshot(); }

std::string_view word_of(config::LogLevel level) {
  for (const auto& choice : config::keys::kLogLevels) {
    if (choice.value == level) return choice.name;
  }
  CHECK(false);
}

}  // namespace

HttpReply order_reload(Instance& instance, AdminOperations& program, std::string_view body) {
  const auto keep = keep_of(body);
  if (!keep) return admin_error(HttpStatus::kBadRequest, keep.error());
  if (program.stopping()) return admin_error(HttpStatus::kUnavailable, kStopping);
  const SnapshotPtr before = in_force(instance);
  const Instance::Problems problems = program.reload(*keep);
  if (!problems.empty()) {
    return admin_error(
        HttpStatus::kConflict,
        "reload refused: configuration " + std::to_string(before->generation) + " stays in force",
        {{"problems", problems_json(problems)}});
  }
  const SnapshotPtr& now = instance.snapshot();
  return admin_reply({{"generation", now->generation},
                      {"summary", config::summary(config::diff(before->config, now->config))}});
}

HttpReply order_drain(AdminOperations& program, std::string_view body) {
  const auto drain_for = drain_of(body);
  if (!drain_for) return admin_error(HttpStatus::kBadRequest, drain_for.error());
  if (!program.begin_drain(*drain_for)) {
    return admin_error(HttpStatus::kConflict,
                       "the proxy is draining already; SIGTERM stops it at once");
  }
  return admin_reply({{"state", "draining"}});
}

HttpReply show_log(const Log& log) { return admin_reply({{"level", word_of(log.level())}}); }

HttpReply set_log(Log& log, std::string_view body) {
  const auto parsed = parse_body(body, {"level"});
  if (!parsed) return admin_error(HttpStatus::kBadRequest, parsed.error());
  const auto word = string_of(*parsed, "level", "");
  if (!word) return admin_error(HttpStatus::kBadRequest, word.error());
  for (const auto& choice : config::keys::kLogLevels) {
    if (choice.name != *word) continue;
    log.set_level(choice.value);
    return show_log(log);
  }
  return admin_error(HttpStatus::kBadRequest, "'level' is 'debug', 'info', 'warning' or 'error'");
}

}  // namespace proxy
