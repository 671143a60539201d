// The schema says what the loader does, for every example and for every way to spoil one.
#include "config/schema.h"

#include <gtest/gtest.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "config/yaml_reader.h"
#include "tests/config/loading.h"
#include "tests/config/schema_check.h"

namespace config {
namespace {

using testing::Json;
using testing::matches;

std::string read_text(const std::filesystem::path& path) {
  std::ostringstream text;  // Not istreambuf_iterator: GCC 12 finds a null pointer in it at -O2.
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::vector<std::filesystem::path> examples() {
  std::vector<std::filesystem::path> all;
  for (const auto& file :
       std::filesystem::directory_iterator(testing::source_root() / "deploy/examples")) {
    if (file.path().extension() == ".yaml") all.push_back(file.path());
  }
  std::sort(all.begin(), all.end());
  return all;
}

// What an editor sees of the YAML: plain scalars are numbers and booleans where they look like
// them.
Json json_of(const TreeNode& node) {
  switch (node.kind) {
    case NodeKind::kNothing:
      return nullptr;
    case NodeKind::kScalar: {
      const Json parsed = Json::parse(node.text, nullptr, false);
      return node.quoted || parsed.is_discarded() ? Json(node.text) : parsed;
    }
    case NodeKind::kSequence: {
      Json list = Json::array();
      for (const Child& child : node.children) list.push_back(json_of(child.value));
      return list;
    }
    case NodeKind::kMapping: {
      Json object = Json::object();
      for (const Child& child : node.children) object[child.key] = json_of(child.value);
      return object;
    }
  }
  return nullptr;
}

Json json_of_text(const std::string& text) {
  Problems problems;
  const auto root = read_yaml(text, problems);
  EXPECT_TRUE(root && problems.empty());
  return root ? json_of(*root) : Json();
}

Json schema() { return Json::parse(json_schema()); }

// Calls visit(pointer) for every value of the document, parents first.
void for_each_place(const Json& value, const Json::json_pointer& at,
                    const std::function<void(const Json::json_pointer&)>& visit) {
  visit(at);
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) for_each_place(member, at / key, visit);
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) for_each_place(value[i], at / i, visit);
  }
}

// Everything that can be put in a value's place and is wrong there whatever the key is (but a
// source, a gateway, a file and a user may be empty).
std::vector<Json> spoiled(const std::string& key, const Json& value) {
  std::vector<Json> all = {nullptr, Json::array({Json::array()}), -1, 1.5, 4294967296U};
  // Any text is bytes to send or to expect.
  const bool payload = key == "send" || key == "expect";
  if (!payload) all.insert(all.end(), {"a b", "5 s"});
  if (!value.is_object()) all.push_back(Json::object());
  if (value.is_object()) {
    Json with_unknown = value;
    with_unknown["unknown_key"] = 1;
    all.push_back(with_unknown);
    for (const char* later :
         {"routes", "dns", "health", "trusted", "first_bytes", "dpdk", "admin"}) {
      Json with_later = value;
      with_later[later] = 1;
      all.push_back(with_later);
    }
  }
  const bool maybe_empty =
      key == "source" || key == "gateway" || key == "file" || key == "token_file" || key == "user";
  if (value.is_string() && !maybe_empty && !payload) all.push_back("");
  if (value.is_boolean()) all.push_back("true");
  return all;
}

TEST(Schema, IsDraft07WithADescriptionForEveryKey) {
  const Json root = schema();
  EXPECT_EQ(root["$schema"], "http://json-schema.org/draft-07/schema#");
  int keys = 0;
  for_each_place(root, Json::json_pointer(), [&](const Json::json_pointer& at) {
    if (at.empty() || at.parent_pointer().empty()) return;
    const bool is_key = at.parent_pointer().back() == "properties" && !root[at].contains("const");
    if (!is_key) return;
    ++keys;
    EXPECT_TRUE(root[at].contains("description")) << at.to_string();
  });
  EXPECT_GE(keys, 40);
}

TEST(Schema, EveryDefaultFitsItsOwnKey) {
  const Json root = schema();
  int defaults = 0;
  for_each_place(root, Json::json_pointer(), [&](const Json::json_pointer& at) {
    if (!root[at].is_object() || !root[at].contains("default")) return;
    ++defaults;
    EXPECT_TRUE(matches(root[at], root[at]["default"])) << at.to_string();
  });
  EXPECT_GE(defaults, 20);
}

TEST(Schema, AcceptsEveryExample) {
  const Json root = schema();
  for (const auto& path : examples()) {
    EXPECT_TRUE(matches(root, json_of_text(read_text(path)))) << path;
  }
}

TEST(Schema, AndTheLoaderRefuseTheSameSpoiledExamples) {
  const Json root = schema();
  int spoiled_ones = 0;
  for (const auto& path : examples()) {
    const Json good = json_of_text(read_text(path));
    ASSERT_TRUE(load_text(good.dump())) << path;  // JSON is YAML.
    for_each_place(good, Json::json_pointer(), [&](const Json::json_pointer& at) {
      for (const Json& wrong : spoiled(at.empty() ? "" : at.back(), good[at])) {
        Json bad = good;
        bad[at] = wrong;
        ++spoiled_ones;
        EXPECT_FALSE(matches(root, bad)) << path << " " << at.to_string() << " = " << wrong;
        EXPECT_FALSE(load_text(bad.dump())) << path << " " << at.to_string() << " = " << wrong;
      }
    });
  }
  EXPECT_GE(spoiled_ones, 500);
}

TEST(Schema, AndTheLoaderMissTheSameKeys) {
  const Json root = schema();
  int missing_ones = 0;
  for (const auto& path : examples()) {
    const Json good = json_of_text(read_text(path));
    for_each_place(good, Json::json_pointer(), [&](const Json::json_pointer& at) {
      if (at.empty() || !good[at.parent_pointer()].is_object()) return;
      Json bad = good;
      bad[at.parent_pointer()].erase(at.back());
      // Without all its upstreams a listener has nowhere to go: a matter between two parts of the
      // file.
      if (at.to_string() == "/upstreams") return;
      const bool loads = load_text(bad.dump()).has_value();
      missing_ones += loads ? 0 : 1;
      EXPECT_EQ(matches(root, bad), loads) << path << " without " << at.to_string();
    });
  }
  EXPECT_GE(missing_ones, 20);
}

TEST(Schema, AnUpstreamHasEndpointsOrTheOriginalDestination) {
  const Json upstream = schema()["properties"]["upstreams"]["items"];
  const Json endpoints = Json::parse(R"([{"address": "10.0.0.1:1"}])");
  EXPECT_TRUE(matches(upstream, {{"name", "u"}, {"endpoints", endpoints}}));
  EXPECT_TRUE(
      matches(upstream, {{"name", "u"}, {"endpoints", endpoints}, {"original_dst", false}}));
  EXPECT_TRUE(matches(upstream, {{"name", "u"}, {"original_dst", true}}));
  EXPECT_FALSE(matches(upstream, {{"name", "u"}}));
  EXPECT_FALSE(matches(upstream, {{"name", "u"}, {"original_dst", false}}));
  EXPECT_FALSE(
      matches(upstream, {{"name", "u"}, {"endpoints", endpoints}, {"original_dst", true}}));
}

TEST(Schema, TheEngineWithPortsOfItsOwnNeedsPortsAndAddresses) {
  const Json good =
      json_of_text(testing::kMinimal +
                   "transport: dpdk\ndpdk: {ports: [p], addresses: [{address: 10.0.0.2/8}]}\n");
  EXPECT_TRUE(matches(schema(), good));
  for (const char* key : {"ports", "addresses"}) {
    Json bad = good;
    bad["dpdk"][key] = Json::array();
    EXPECT_FALSE(matches(schema(), bad)) << key;
    bad["transport"] = "epoll";
    EXPECT_TRUE(matches(schema(), bad)) << key;
  }
}

TEST(Schema, ADnsNameHasAPortUnlessItsRecordsBringOne) {
  const Json dns = schema()["properties"]["upstreams"]["items"]["properties"]["dns"];
  EXPECT_TRUE(matches(dns, {{"name", "n"}, {"port", 1}}));
  EXPECT_TRUE(matches(dns, {{"name", "n"}, {"type", "a"}, {"port", 1}}));
  EXPECT_TRUE(matches(dns, {{"name", "n"}, {"type", "srv"}}));
  EXPECT_TRUE(matches(dns, {{"name", "n"}, {"type", "srv"}, {"port", 0}}));
  EXPECT_FALSE(matches(dns, Json{{"name", "n"}}));
  EXPECT_FALSE(matches(dns, {{"name", "n"}, {"port", 0}}));
  EXPECT_FALSE(matches(dns, {{"name", "n"}, {"type", "srv"}, {"port", 1}}));
}

TEST(Schema, HasNoKeyThatNoExampleShows) {
  std::string all;
  for (const auto& path : examples()) all += json_of_text(read_text(path)).dump();
  const Json root = schema();
  for_each_place(root, Json::json_pointer(), [&](const Json::json_pointer& at) {
    if (at.empty() || at.parent_pointer().empty()) return;
    if (at.parent_pointer().back() != "properties" || root[at].contains("const")) return;
    EXPECT_NE(all.find("\"" + at.back() + "\":"), std::string::npos) << at.back();
  });
}

TEST(Schema, HasNoKeyThatTheDocumentationLeavesOut) {
  const std::string text = read_text(testing::source_root() / "docs/configuration.md");
  const Json root = schema();
  for_each_place(root, Json::json_pointer(), [&](const Json::json_pointer& at) {
    if (at.empty() || at.parent_pointer().empty()) return;
    if (at.parent_pointer().back() != "properties" || root[at].contains("const")) return;
    EXPECT_NE(text.find("`" + at.back() + "`"), std::string::npos) << "`" << at.back() << "`";
  });
}

}  // namespace
}  // namespace config
