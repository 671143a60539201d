// The visitor of config/keys.h that describes; see schema.h.
#include "config/schema.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"
#include "config/keys.h"
#include "config/value_text.h"

namespace config {
namespace {

using Json = nlohmann::ordered_json;  // Keys in the table's order.

constexpr const char* kIpPattern =
    R"(([0-9]{1,3}\.){3}[0-9]{1,3}:[0-9]{1,5}|\[[^\]]+\]:[0-9]{1,5})";

Json text_like(const std::string& pattern) {
  return {{"type", "string"}, {"pattern", "^(" + pattern + ")$"}};
}

Json describe(const IntegerRule& rule) {
  return {{"type", "integer"}, {"minimum", rule.min}, {"maximum", rule.max}};
}

Json describe(const DurationRule& rule) {
  Json text = text_like("0|[1-9][0-9]*(ms|s|m|h)");
  if (!rule.zero && rule.min.count() > 0) return text_like("[1-9][0-9]*(ms|s|m|h)");
  return {{"anyOf", Json::array({std::move(text), {{"const", 0}}})}};
}

Json describe(const SizeRule& /*rule*/) { return text_like("[1-9][0-9]*(KiB|MiB|GiB)"); }

Json describe(const BooleanRule& /*rule*/) { return {{"type", "boolean"}}; }

Json describe(const NameRule& /*rule*/) { return text_like("[A-Za-z0-9_.-]{1,64}"); }

Json describe(AddressUse use) {
  if (use == AddressUse::kAdmin) {
    return text_like("127[0-9.]+:[0-9]{1,5}|\\[::1\\]:[0-9]{1,5}|unix:.{1,107}");
  }
  const std::string unix_path = use == AddressUse::kMetrics ? "" : "|unix:.{1,107}";
  return text_like(kIpPattern + unix_path);
}

constexpr const char* kAddressPattern = R"([0-9.]+|[0-9A-Fa-f:.]+(%.+)?)";

// One, or a list of at most `max`.
Json one_or_list(const std::string& one, const std::string& element, std::size_t max) {
  const Json list = {
      {"type", "array"}, {"items", text_like(element)}, {"maxItems", max}, {"uniqueItems", true}};
  return {{"anyOf", Json::array({text_like(one), list})}};
}

Json describe(const SourcesRule& rule) {
  return one_or_list(std::string("|") + kAddressPattern, kAddressPattern, rule.max);
}

Json describe(const ServersRule& rule) {
  const std::string place = std::string(kIpPattern) + "|" + kAddressPattern;
  return one_or_list(place, place, rule.max);
}

Json describe(const WordsRule& rule) {
  return {{"type", "array"},
          {"items", text_like("[!-~]{1,256}")},
          {"maxItems", rule.max},
          {"uniqueItems", rule.unique}};
}

Json describe(const NetworkRule& /*rule*/) {
  return text_like("([0-9.]+|[0-9A-Fa-f:.]+)/[0-9]{1,3}");
}

Json describe(const GatewayRule& /*rule*/) { return text_like(std::string("|") + kAddressPattern); }

Json describe(const FileRule& /*rule*/) { return text_like("|/.{1,4094}"); }

Json describe(const AccessOutputRule& /*rule*/) {
  return text_like("stderr|syslog|journald|file:/.{1,4094}");
}

Json describe(const RateRule& /*rule*/) { return text_like("(0|[1-9][0-9]*)/s"); }

Json describe(const UserRule& /*rule*/) { return text_like("|[a-z_][a-z0-9_-]{0,31}"); }

Json describe(const PortRule& /*rule*/) {
  return {{"type", "integer"}, {"minimum", 0}, {"maximum", 65'535}};
}

Json describe(const DnsNameRule& /*rule*/) { return text_like("[A-Za-z0-9_.-]{1,254}"); }

Json describe(const PayloadRule& /*rule*/) { return {{"type", "string"}}; }

Json describe(const AutoIntegerRule& rule) {
  return {{"anyOf", Json::array({{{"const", "auto"}}, describe(rule.integer)})}};
}

Json describe(const CpusRule& /*rule*/) {
  const Json one = {{"type", "integer"}, {"minimum", 0}, {"maximum", kCpuMax}};
  const Json list = {{"type", "array"}, {"items", one}, {"minItems", 1}, {"uniqueItems", true}};
  return {
      {"anyOf",
       Json::array(
           {{{"const", "auto"}}, list, one, text_like("[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*")})}};
}

template <typename E>
Json describe(const ChoiceRule<E>& rule) {
  Json names = Json::array();
  for (const Choice<E>& choice : rule.choices) names.push_back(choice.name);
  return {{"enum", std::move(names)}};
}

Json describe_list(Json items, const ListRule& rule) {
  return {{"type", "array"},
          {"minItems", rule.min},
          {"maxItems", rule.max},
          {"items", std::move(items)}};
}

// The default as JSON: what the file's text is in both languages, or else a string.
Json default_of(const std::string& text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_discarded() ? Json(text) : json;
}

class Describer {
 public:
  // The schema of a mapping; S's initialisers are the defaults.
  template <typename S>
  static Json object() {
    Describer describer;
    const S defaults;
    keys::visit_keys(describer, defaults);
    Json& json = describer.object_;
    json["type"] = "object";
    json["additionalProperties"] = false;
    if (!describer.required_.empty()) json["required"] = std::move(describer.required_);
    json["properties"] = std::move(describer.properties_);
    return std::move(json);
  }

  template <typename T, typename Rule>
  void value(const Key& key, const T& field, const Rule& rule) {
    Json json = describe(rule);
    if (!key.required) json["default"] = default_of(value_text(field, rule));
    add(key, std::move(json));
  }

  template <typename S>
  void section(const Key& key, const S& /*field*/) {
    add(key, object<S>());
  }

  template <typename S>
  void section(const Key& key, const std::optional<S>& /*field*/) {
    add(key, object<S>());
  }

  template <typename S>
  void list(const Key& key, const std::vector<S>& /*field*/, const ListRule& rule) {
    add(key, describe_list(object<S>(), rule));
  }

  void binds(const Key& key, const std::vector<Bind>& /*field*/, const ListRule& rule) {
    const Json one = describe(AddressUse::kListen);
    add(key, {{"anyOf", Json::array({one, describe_list(one, rule)})}});
  }

  void mark(std::string_view /*name*/, const Mark& /*mark*/) {}
  // additionalProperties refuses it.
  void unsupported(std::string_view /*name*/) {}

  // What one mapping's rules say of single values is in their descriptions only.
  template <typename S>
  void check(const S& /*section*/) {}

  // The port comes from the records or from here; 0 is no port.
  void check(const Dns& /*dns*/) {
    const auto is = [](const char* key, const Json& value) -> Json {
      return {{"properties", {{key, {{"const", value}}}}}};
    };
    Json a = is("type", "a");
    a.update({{"required", {"port"}}, {"not", is("port", 0)}});
    Json srv = is("type", "srv");
    srv["required"] = Json::array({"type"});
    srv["properties"]["port"] = {{"const", 0}};
    object_["oneOf"] = Json::array({std::move(a), std::move(srv)});
  }

  // The engine that has its own ports and addresses needs some.
  void check(const Config& /*config*/) {
    const Json some = {{"description", "at least one"}, {"minItems", 1}};
    const Json section = {{"description", "with ports and addresses"},
                          {"required", {"ports", "addresses"}},
                          {"properties", {{"ports", some}, {"addresses", some}}}};
    const Json used = {{"required", {"transport"}},
                       {"properties", {{"transport", {{"const", "dpdk"}}}}}};
    object_["anyOf"] = Json::array(
        {{{"not", used}}, {{"required", {"dpdk"}}, {"properties", {{"dpdk", section}}}}});
  }

  // One of three places to get endpoints from.
  void check(const Upstream& /*upstream*/) {
    const auto is = [](bool value) -> Json { return {{"original_dst", {{"const", value}}}}; };
    const auto has = [](const char* key) -> Json { return {{"required", {key}}}; };
    const Json endpoints = {
        {"required", {"endpoints"}}, {"properties", is(false)}, {"not", has("dns")}};
    const Json dns = {{"required", {"dns"}}, {"properties", is(false)}, {"not", has("endpoints")}};
    const Json original_dst = {{"required", {"original_dst"}},
                               {"properties", is(true)},
                               {"not", {{"anyOf", Json::array({has("endpoints"), has("dns")})}}}};
    object_["oneOf"] = Json::array({endpoints, dns, original_dst});
  }

 private:
  void add(const Key& key, Json json) {
    json["description"] = key.help;
    properties_[std::string(key.name)] = std::move(json);
    if (key.required) required_.push_back(key.name);
  }

  Json object_ = Json::object();
  Json properties_ = Json::object();
  Json required_ = Json::array();
};

}  // namespace

std::string json_schema() {
  Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                 {"title", "Millrace configuration"}};
  schema.update(Describer::object<Config>());
  return schema.dump(2) + "\n";
}

}  // namespace config
