#include "proxy/top_status.h"

#include <cstddef>
#include <nlohmann/json.hpp>

namespace proxy {
namespace {

using nlohmann::json;

// Reads the fields of one object. The first problem of the whole document is kept, and the value of
// a field that has one is empty: a caller looks once, at the end.
class Fields {
 public:
  Fields(const json& object, std::string path, std::string& problem)
      : object_(object), path_(std::move(path)), problem_(problem) {
    if (!object.is_object()) complain(path_.empty() ? "it" : "'" + path_ + "'", "is not an object");
  }

  double number(const char* key) const {
    const json* value = find(key);
    if (value == nullptr) return 0;
    if (value->is_number()) return value->get<double>();
    complain(quoted(key), "is not a number");
    return 0;
  }

  std::optional<double> number_or_null(const char* key) const {
    const json* value = find(key);
    if (value == nullptr || value->is_null()) return std::nullopt;
    return number(key);
  }

  bool flag(const char* key) const {
    const json* value = find(key);
    if (value == nullptr) return false;
    if (value->is_boolean()) return value->get<bool>();
    complain(quoted(key), "is neither true nor false");
    return false;
  }

  bool flag_or_absent(const char* key) const {
    return object_.is_object() && object_.contains(key) && flag(key);
  }

  std::string text(const char* key) const {
    const json* value = find(key);
    if (value == nullptr) return {};
    if (value->is_string()) return value->get<std::string>();
    complain(quoted(key), "is not a string");
    return {};
  }

  std::string text_or_null(const char* key) const {
    const json* value = find(key);
    return value == nullptr || value->is_null() ? std::string() : text(key);
  }

  bool is_null(const char* key) const {
    const json* value = find(key);
    return value == nullptr || value->is_null();
  }

  Fields object(const char* key) const {
    static const json kEmpty = json::object();
    const json* value = find(key);
    return {value == nullptr ? kEmpty : *value, under(key), problem_};
  }

  // read(Fields) for each object of a list.
  template <typename Read>
  void each(const char* key, Read read) const {
    each_value(key, [&](const json& value, const std::string& path) {
      read(Fields(value, path, problem_));
    });
  }

  // read(value, path) for each value of a list.
  template <typename Read>
  void each_value(const char* key, Read read) const {
    const json* list = find(key);
    if (list == nullptr) return;
    if (!list->is_array()) return complain(quoted(key), "is not a list");
    std::size_t index = 0;
    for (const json& value : *list) {
      read(value, under(key) + "[" + std::to_string(index) + "]");
      ++index;
    }
  }

  void complain(const std::string& what, const char* is) const {
    if (problem_.empty()) problem_ = what + " " + is;
  }

 private:
  std::string under(const char* key) const { return path_.empty() ? key : path_ + "." + key; }
  std::string quoted(const char* key) const { return "'" + under(key) + "'"; }

  const json* find(const char* key) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(key);
    if (found != object_.end()) return &*found;
    complain(quoted(key), "is missing");
    return nullptr;
  }

  const json& object_;
  std::string path_;
  std::string& problem_;
};

TopBytes bytes_of(const Fields& fields) {
  return {fields.number("bytes_to_upstream"), fields.number("bytes_to_client")};
}

TopListener listener_of(const Fields& fields) {
  TopListener listener;
  listener.name = fields.text("name");
  listener.upstream = fields.text_or_null("upstream");
  listener.sessions = fields.number("sessions_active");
  listener.max_sessions = fields.number("max_sessions");
  listener.paused = fields.flag("paused");
  listener.removed = fields.flag_or_absent("removed");
  listener.counters.accepted = fields.number("accepted_total");
  listener.counters.rejected = fields.number("rejected_total");
  listener.counters.bytes = bytes_of(fields);
  fields.each_value("binds", [&](const json& bind, const std::string& path) {
    if (!bind.is_string()) return fields.complain("'" + path + "'", "is not a string");
    listener.binds.push_back(bind.get<std::string>());
  });
  return listener;
}

TopEndpoint endpoint_of(const Fields& fields) {
  TopEndpoint endpoint;
  endpoint.address = fields.text("address");
  endpoint.state = fields.text("state");
  endpoint.sessions = fields.number("sessions_active");
  endpoint.max_sessions = fields.number("max_sessions");
  endpoint.weight = fields.number("weight");
  endpoint.priority = fields.number("priority");
  endpoint.connect_failures = fields.number("connect_failures_total");
  endpoint.checked = fields.flag("checked");
  endpoint.overridden = !fields.is_null("override");
  endpoint.removed = fields.flag_or_absent("removed");
  return endpoint;
}

TopUpstream upstream_of(const Fields& fields) {
  TopUpstream upstream;
  upstream.name = fields.text("name");
  upstream.balance = fields.text_or_null("balance");
  upstream.sessions = fields.number("sessions_active");
  upstream.queue = fields.number("queue");
  upstream.removed = fields.flag_or_absent("removed");
  upstream.counters.connect_failures = fields.number("connect_failures_total");
  upstream.counters.bytes = bytes_of(fields);
  if (!fields.is_null("pool")) {
    const Fields pool = fields.object("pool");
    upstream.pool = TopPool{.wanted = pool.number("wanted"),
                            .idle = pool.number("idle"),
                            .connecting = pool.number("connecting")};
    upstream.counters.pool_hits = pool.number("hits_total");
    upstream.counters.pool_misses = pool.number("misses_total");
    upstream.counters.pool_stale = pool.number("stale_total");
  }
  fields.each("endpoints",
              [&](const Fields& endpoint) { upstream.endpoints.push_back(endpoint_of(endpoint)); });
  return upstream;
}

TopLatency latency_of(const Fields& fields) {
  TopLatency latency;
  latency.count = fields.number("count");
  fields.each_value("buckets", [&](const json& pair, const std::string& path) {
    const bool right =
        pair.is_array() && pair.size() == 2 && pair[0].is_number() && pair[1].is_number();
    if (!right) return fields.complain("'" + path + "'", "is not a pair of numbers");
    latency.buckets.emplace_back(pair[0].get<double>(), pair[1].get<double>());
  });
  return latency;
}

void read_program(const Fields& root, TopStatus& status) {
  status.version = root.text("version");
  status.transport = root.text("transport");
  status.state = root.text("state");
  status.now = root.number("now");
  status.started = root.number("started");
  const Fields config = root.object("config");
  status.generation = config.number("generation");
  status.overrides = config.number("overrides");
  status.last_reload_accepted = config.flag("last_reload_accepted");
  status.log_dropped = root.object("access_log").number("dropped");
  const Fields process = root.object("process");
  status.resident_bytes = process.number_or_null("resident_bytes");
  status.open_fds = process.number_or_null("open_fds");
  status.max_fds = process.number_or_null("max_fds");
  status.cpu_seconds = process.number_or_null("cpu_seconds_total");
}

void read_totals(const Fields& root, TopStatus& status) {
  const Fields totals = root.object("totals");
  status.sessions = totals.number("sessions_active");
  status.totals.accepted = totals.number("accepted_total");
  status.totals.rejected = totals.number("rejected_total");
  status.totals.bytes = bytes_of(totals);
  status.setup = latency_of(totals.object("setup_seconds"));
}

}  // namespace

base::Parsed<TopStatus> parse_top_status(std::string_view text) {
  const json document = json::parse(text, nullptr, false);
  if (document.is_discarded()) return base::failure(std::string("the answer is not JSON"));
  std::string problem;
  TopStatus status;
  const Fields root(document, "", problem);
  read_totals(root, status);
  read_program(root, status);
  root.each("listeners", [&](const Fields& it) { status.listeners.push_back(listener_of(it)); });
  root.each("upstreams", [&](const Fields& it) { status.upstreams.push_back(upstream_of(it)); });
  root.each("workers", [&](const Fields& it) {
    status.workers.push_back({.index = it.number("index"),
                              .engine = it.text("engine"),
                              .sessions = it.number("sessions_active"),
                              .busy_seconds = it.number("busy_seconds_total")});
  });
  root.each("ends", [&](const Fields& it) {
    status.ends.push_back(
        {.actor = it.text("actor"), .cause = it.text("cause"), .count = it.number("count")});
  });
  if (!problem.empty()) return base::failure("the answer is no status document: " + problem);
  return status;
}

}  // namespace proxy
