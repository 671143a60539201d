#include "proxy/admin_config.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/assert.h"
#include "config/effective.h"
#include "config/loader.h"
#include "proxy/admin_reply.h"
#include "proxy/reload_impact.h"

namespace proxy {
namespace {

using nlohmann::json;

std::string_view word_of(config::ChangeKind kind) {
  switch (kind) {
    case config::ChangeKind::kAdded:
      return "added";
    case config::ChangeKind::kRemoved:
      return "removed";
    case config::ChangeKind::kChanged:
      return "changed";
    case config::ChangeKind::kUnchanged:
      break;
  }
  CHECK(false);  // What does not change is not listed.
}

json row_json(const ImpactRow& row) {
  return {{"what", name(row.what)},
          {"name", row.name},
          {"endpoint", row.endpoint.empty() ? json(nullptr) : json(row.endpoint)},
          {"change", word_of(row.change)},
          {"fields", row.fields},
          {"sessions", row.sessions},
          {"effect", name(row.effect)}};
}

}  // namespace

json problems_json(const std::vector<config::Problem>& problems) {
  json all = json::array();
  for (const config::Problem& problem : problems) {
    all.push_back(
        {{"line", problem.mark.line}, {"column", problem.mark.column}, {"text", problem.text}});
  }
  return all;
}

metrics::HttpReply show_config(const Snapshot& snapshot, const Overrides& overrides,
                               const std::string& file) {
  json all = json::array();
  for (const auto& [key, value] : overrides.all()) {
    all.push_back({{"upstream", key.first},
                   {"endpoint", key.second},
                   {"state", name(value.state)},
                   {"weight", value.weight ? json(*value.weight) : json(nullptr)}});
  }
  return admin_reply({{"generation", snapshot.generation},
                      {"file", file},
                      {"effective", config::effective(snapshot.config)},
                      {"overrides", std::move(all)}});
}

metrics::HttpReply diff_config(const Snapshot& snapshot, std::string_view candidate) {
  const auto loaded = config::load_text(candidate);
  if (!loaded) {
    return admin_reply({{"valid", false},
                        {"problems", problems_json(loaded.error())},
                        {"needs_restart", json::array()},
                        {"changes", json::array()}});
  }
  const ReloadImpact impact = reload_impact(snapshot, *loaded);
  json changes = json::array();
  for (const ImpactRow& row : impact.changes) changes.push_back(row_json(row));
  return admin_reply({{"valid", true},
                      {"problems", json::array()},
                      {"needs_restart", problems_json(impact.needs_restart)},
                      {"changes", std::move(changes)}});
}

}  // namespace proxy
