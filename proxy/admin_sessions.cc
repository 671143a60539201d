#include "proxy/admin_sessions.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/address.h"
#include "base/time.h"
#include "config/problem.h"
#include "proxy/admin_reply.h"
#include "proxy/admin_views.h"

namespace proxy {
namespace {

using metrics::HttpReply;
using metrics::HttpStatus;
using nlohmann::json;

constexpr const char* kNoSuchSession = "no session has that id; it may have ended";
constexpr const char* kIdForm = "a session's id is WORKER.SLOT.GENERATION, as /v1/sessions has it";

json text_or_null(const std::string* text) { return text != nullptr ? json(*text) : json(); }

json seconds_or_null(base::Nanos time) {
  return time == kNever ? json() : json(base::to_seconds(time));
}

// "10.0.0.1", "10.0.0.1:5", "::1", "[::1]" or "[::1]:5".
std::optional<base::IpPort> client_of(const std::string& text) {
  for (const std::string& form : {text, text + ":0", "[" + text + "]:0"}) {
    const auto address = base::parse_address(form);
    if (address && address->family() != base::Family::kUnix) return base::unmapped(address->ip);
  }
  return std::nullopt;
}

std::optional<std::size_t> limit_of(const std::string& text) {
  std::size_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (limit == 0 || limit > kSessionRowsMax) return std::nullopt;
  return limit;
}

// One key of the query.
base::Parsed<void> read(const std::string& key, const std::string& value, SessionQuery& to) {
  if (key == "listener") {
    to.filter.listener = value;
  } else if (key == "upstream") {
    to.filter.upstream = value;
  } else if (key == "endpoint") {
    to.filter.endpoint = value;
  } else if (key == "client") {
    const auto client = client_of(value);
    if (!client) {
      return base::failure("'client' is an IP address, with or without a port, not " +
                           config::quote(value));
    }
    to.filter.client = *client;
  } else if (key == "limit") {
    const auto limit = limit_of(value);
    if (!limit) {
      return base::failure("'limit' is an integer from 1 to " + std::to_string(kSessionRowsMax));
    }
    to.rows_max = *limit;
  } else if (key == "cursor") {
    const auto cursor = session_cursor_of(value);
    if (!cursor) return base::failure(std::string("'cursor' is the 'next' of the page before"));
    to.from = *cursor;
  }
  return {};
}

}  // namespace

base::Parsed<SessionQuery> session_query_of(const AdminQuery& query) {
  SessionQuery parsed;
  for (const auto& [key, value] : query) {
    if (value.empty()) {
      return base::failure("'" + key + "' has no value; leave it out to have all");
    }
    if (auto done = read(key, value, parsed); !done) return base::failure(done.error());
  }
  return parsed;
}

json session_json(const SessionRow& row) {
  const AccessRecord& record = row.record;
  return {{"id", to_string(row.name)},
          {"state", name(row.state)},
          {"listener", *record.listener},
          {"upstream", text_or_null(record.upstream)},
          {"endpoint", row.endpoint.empty() ? json() : json(row.endpoint)},
          {"client", base::to_string(base::unmapped(record.client))},
          {"local", base::to_string(base::unmapped(record.local))},
          {"age", base::to_seconds(record.total)},
          {"idle", base::to_seconds(row.idle)},
          {"setup", seconds_or_null(record.setup)},
          {"connect", seconds_or_null(record.connect)},
          {"bytes_to_upstream", record.bytes[index_of(backends::Direction::kToUpstream)]},
          {"bytes_to_client", record.bytes[index_of(backends::Direction::kToClient)]},
          {"attempts", record.attempts},
          {"pool", name(record.pool)},
          {"worker", row.name.worker}};
}

HttpReply list_sessions(Instance& instance, const AdminQuery& query) {
  const auto wanted = session_query_of(query);
  if (!wanted) return admin_error(HttpStatus::kBadRequest, wanted.error());
  const SessionPage page = instance.sessions(wanted->filter, wanted->from, wanted->rows_max);
  json rows = json::array();
  for (const SessionRow& row : page.rows) rows.push_back(session_json(row));
  return admin_reply(
      {{"sessions", std::move(rows)}, {"next", page.next ? json(to_string(*page.next)) : json()}});
}

HttpReply show_session(Instance& instance, const std::string& id) {
  const auto name = session_name_of(id);
  if (!name) return admin_error(HttpStatus::kBadRequest, kIdForm);
  const auto row = instance.session(*name);
  if (!row) return admin_error(HttpStatus::kNotFound, kNoSuchSession);
  return admin_reply(session_json(*row));
}

HttpReply end_session(Instance& instance, const std::string& id) {
  const auto name = session_name_of(id);
  if (!name) return admin_error(HttpStatus::kBadRequest, kIdForm);
  if (!instance.end_session(*name)) return admin_error(HttpStatus::kNotFound, kNoSuchSession);
  return admin_reply({{"ended", 1}});
}

HttpReply end_sessions(Instance& instance, const AdminQuery& query) {
  const auto wanted = session_query_of(query);
  if (!wanted) return admin_error(HttpStatus::kBadRequest, wanted.error());
  const SessionFilter& filter = wanted->filter;
  // A word that was forgotten must not end what nobody meant.
  if (filter.upstream.empty() || filter.endpoint.empty()) {
    return admin_error(HttpStatus::kBadRequest, "both 'upstream' and 'endpoint' have to be there");
  }
  if (!endpoint_of(instance.status(), filter.upstream, filter.endpoint)) {
    return admin_error(HttpStatus::kNotFound,
                       "that upstream has no such endpoint; /v1/endpoints lists all");
  }
  return admin_reply({{"ended", instance.end_sessions(filter)}});
}

}  // namespace proxy
