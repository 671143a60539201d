// Reading of values and of the keys of one mapping; see section_reader.h.
#include "config/section_reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/assert.h"
#include "config/payload.h"

namespace config {
namespace {

constexpr std::string_view kAuto = "auto";

// What a node is, for "not ...".
std::string found(const TreeNode& node) {
  switch (node.kind) {
    case NodeKind::kNothing:
      return "nothing";
    case NodeKind::kScalar:
      return quote(node.text);
    case NodeKind::kSequence:
      return "a list";
    case NodeKind::kMapping:
      return "a mapping";
  }
  base::check_failed(__FILE__, __LINE__, "a kind of the enum");
}

// An error unless the node is one word, number or text.
base::Parsed<void> expect_scalar(const TreeNode& node) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (node.kind == NodeKind::kScalar) {
    if (std::none_of(node.text.begin(), node.text.end(), is_control)) return {};
    return base::failure("takes text without control characters, not " + quote(node.text));
  }
  if (node.kind == NodeKind::kNothing) return base::failure(std::string("has no value"));
  return base::failure("takes one value, not " + found(node));
}

// YAML tells 5 from "5"; so does every other program that reads this file.
base::Parsed<void> expect_plain(const TreeNode& node) {
  auto scalar = expect_scalar(node);
  if (!scalar) return scalar;
  if (!node.quoted) return {};
  return base::failure("takes a value without quotes, not \"" + node.text + "\"");
}

// Text that looks like a number or a boolean has quotes.
base::Parsed<void> expect_text(const TreeNode& node) {
  auto scalar = expect_scalar(node);
  if (!scalar || node.quoted || !is_not_text(node.text)) return scalar;
  return base::failure("takes text; put quotes around it: \"" + node.text + "\"");
}

// One place or a list of them, each once.
template <typename Parse>
base::Parsed<std::vector<base::IpPort>> read_places(const TreeNode& node, std::size_t max,
                                                    Parse parse) {
  std::vector<base::IpPort> places;
  const auto add = [&](const TreeNode& one) -> base::Parsed<void> {
    if (auto scalar = expect_scalar(one); !scalar) return scalar;
    const auto place = parse(one.text);
    if (!place) return base::failure(place.error());
    if (std::find(places.begin(), places.end(), *place) != places.end()) {
      return base::failure("names " + one.text + " twice");
    }
    places.push_back(*place);
    return {};
  };
  if (node.kind != NodeKind::kSequence) {
    if (auto added = add(node); !added) return base::failure(added.error());
    return places;
  }
  if (node.children.size() > max) {
    return base::failure("takes at most " + std::to_string(max) + " addresses, not " +
                         std::to_string(node.children.size()));
  }
  for (const Child& element : node.children) {
    if (auto added = add(element.value); !added) return base::failure(added.error());
  }
  return places;
}

bool is_auto(const TreeNode& node) { return node.kind == NodeKind::kScalar && node.text == kAuto; }

}  // namespace

base::Parsed<std::uint32_t> read_value(const TreeNode& node, const IntegerRule& rule) {
  return expect_plain(node).and_then([&] { return parse_integer(node.text, rule); });
}

base::Parsed<base::Nanos> read_value(const TreeNode& node, const DurationRule& rule) {
  return expect_scalar(node).and_then([&] { return parse_duration(node.text, rule); });
}

base::Parsed<std::uint32_t> read_value(const TreeNode& node, const SizeRule& rule) {
  return expect_scalar(node).and_then([&] { return parse_size(node.text, rule); });
}

base::Parsed<bool> read_value(const TreeNode& node, const BooleanRule& /*rule*/) {
  return expect_plain(node).and_then([&] { return parse_boolean(node.text); });
}

base::Parsed<std::string> read_value(const TreeNode& node, const NameRule& /*rule*/) {
  return expect_text(node).and_then([&] { return parse_name(node.text); });
}

base::Parsed<base::Address> read_value(const TreeNode& node, AddressUse use) {
  return expect_scalar(node).and_then([&] { return parse_place(node.text, use); });
}

base::Parsed<std::uint16_t> read_value(const TreeNode& node, const PortRule& /*rule*/) {
  return read_value(node, IntegerRule{.min = 0, .max = 65'535}).map([](std::uint32_t port) {
    return static_cast<std::uint16_t>(port);
  });
}

base::Parsed<std::string> read_value(const TreeNode& node, const DnsNameRule& /*rule*/) {
  return expect_scalar(node).and_then([&] { return parse_dns_name(node.text); });
}

// What a program expects of a service may well be control characters.
base::Parsed<std::string> read_value(const TreeNode& node, const PayloadRule& rule) {
  if (node.kind == NodeKind::kNothing) return base::failure(std::string("has no value"));
  if (node.kind != NodeKind::kScalar) return base::failure("takes one value, not " + found(node));
  if (!node.quoted && is_not_text(node.text)) {
    return base::failure("takes text; put quotes around it: \"" + node.text + "\"");
  }
  return parse_payload(node.text, rule.max);
}

base::Parsed<std::vector<base::IpPort>> read_value(const TreeNode& node, const SourcesRule& rule) {
  if (node.kind == NodeKind::kScalar && node.text.empty()) return std::vector<base::IpPort>();
  return read_places(node, rule.max, parse_ip);
}

base::Parsed<std::vector<base::IpPort>> read_value(const TreeNode& node, const ServersRule& rule) {
  return read_places(node, rule.max, parse_dns_server);
}

base::Parsed<std::vector<std::string>> read_value(const TreeNode& node, const WordsRule& rule) {
  if (node.kind != NodeKind::kSequence) return base::failure("takes a list, not " + found(node));
  if (node.children.size() > rule.max) {
    return base::failure("takes at most " + std::to_string(rule.max) + " elements, not " +
                         std::to_string(node.children.size()));
  }
  std::vector<std::string> words;
  for (const Child& element : node.children) {
    const TreeNode& one = element.value;
    if (const auto scalar = expect_text(one); !scalar) return base::failure(scalar.error());
    auto word = parse_word(one.text);
    if (!word) return base::failure(word.error());
    if (rule.unique && std::find(words.begin(), words.end(), *word) != words.end()) {
      return base::failure("names " + *word + " twice");
    }
    words.push_back(std::move(*word));
  }
  return words;
}

base::Parsed<Network> read_value(const TreeNode& node, const NetworkRule& /*rule*/) {
  return expect_scalar(node).and_then([&] { return parse_network(node.text); });
}

base::Parsed<base::IpPort> read_value(const TreeNode& node, const GatewayRule& /*rule*/) {
  if (const auto scalar = expect_scalar(node); !scalar) return base::failure(scalar.error());
  if (node.text.empty()) return base::IpPort{};
  return parse_ip(node.text);
}

base::Parsed<std::string> read_value(const TreeNode& node, const FileRule& /*rule*/) {
  if (const auto scalar = expect_scalar(node); !scalar) return base::failure(scalar.error());
  if (node.text.empty()) return std::string();
  return parse_file(node.text);
}

base::Parsed<AccessOutput> read_value(const TreeNode& node, const AccessOutputRule& /*rule*/) {
  return expect_scalar(node).and_then([&] { return parse_access_output(node.text); });
}

base::Parsed<std::uint32_t> read_value(const TreeNode& node, const RateRule& rule) {
  return expect_scalar(node).and_then([&] { return parse_rate(node.text, rule.max); });
}

base::Parsed<std::string> read_value(const TreeNode& node, const UserRule& /*rule*/) {
  if (const auto scalar = expect_scalar(node); !scalar) return base::failure(scalar.error());
  if (node.text.empty()) return std::string();
  return parse_user(node.text);
}

base::Parsed<std::optional<std::uint32_t>> read_value(const TreeNode& node,
                                                      const AutoIntegerRule& rule) {
  if (is_auto(node)) return std::optional<std::uint32_t>();
  return read_value(node, rule.integer).map([](std::uint32_t count) {
    return std::optional(count);
  });
}

base::Parsed<std::optional<std::vector<int>>> read_value(const TreeNode& node,
                                                         const CpusRule& /*rule*/) {
  if (is_auto(node)) return std::optional<std::vector<int>>();
  std::string text = node.text;
  if (node.kind == NodeKind::kSequence) {
    const IntegerRule one = {.min = 0, .max = static_cast<std::uint32_t>(kCpuMax)};
    for (const Child& element : node.children) {
      if (const auto cpu = read_value(element.value, one); !cpu) return base::failure(cpu.error());
      text += (text.empty() ? "" : ",") + element.value.text;
    }
  } else if (const auto scalar = expect_scalar(node); !scalar) {
    return base::failure(scalar.error());
  }
  return parse_cpus(text).map([](std::vector<int> cpus) { return std::optional(std::move(cpus)); });
}

base::Parsed<std::size_t> read_choice(const TreeNode& node,
                                      std::span<const std::string_view> names) {
  if (const auto scalar = expect_scalar(node); !scalar) return base::failure(scalar.error());
  const auto name = std::find(names.begin(), names.end(), node.text);
  if (name != names.end()) return static_cast<std::size_t>(name - names.begin());
  std::string text = "takes ";
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += names[i];
  }
  text += ", not " + quote(node.text);
  const std::string_view guess = nearest(node.text, names);
  if (!guess.empty()) text += "; did you mean " + quote(guess) + "?";
  return base::failure(std::move(text));
}

SectionReader::SectionReader(const TreeNode& node, std::string_view name, Problems& problems)
    : node_(node), name_(name), problems_(problems), problems_before_(problems.size()) {}

void SectionReader::binds(const Key& key, std::vector<Bind>& field, const ListRule& rule) {
  const Child* child = take(key);
  if (child == nullptr) return;
  const auto add = [&](const TreeNode& node) {
    auto address = read_value(node, AddressUse::kListen);
    if (address) {
      field.push_back({.address = std::move(*address), .v6_only = false, .mark = node.mark});
    } else {
      refuse(*child, node, address.error());
    }
  };
  if (child->value.kind != NodeKind::kSequence) {
    add(child->value);
  } else if (is_list(*child, rule)) {
    for (const Child& element : child->value.children) add(element.value);
  }
}

void SectionReader::mark(std::string_view name, Mark& field) {
  if (const Child* child = find(name)) field = child->value.mark;
}

void SectionReader::unsupported(std::string_view name) {
  if (const Child* child = take({.name = name, .help = {}})) {
    problems_.add(child->key_mark, quote(name) + " is not supported yet");
  }
}

bool SectionReader::is_mapping() {
  if (node_.kind == NodeKind::kMapping) return true;
  if (!name_.empty()) {
    problems_.add(node_.mark, quote(name_) + " takes 'key: value' pairs, not " + found(node_));
  } else if (node_.kind == NodeKind::kNothing) {
    problems_.add({}, "the file is empty; it needs at least 'listeners'");
  } else {
    problems_.add(node_.mark, "a configuration is made of 'key: value' pairs, not " + found(node_));
  }
  return false;
}

bool SectionReader::is_list(const Child& child, const ListRule& rule) {
  const TreeNode& node = child.value;
  if (node.kind != NodeKind::kSequence) {
    refuse(child, node, "takes a list, not " + found(node));
    return false;
  }
  if (node.children.size() < rule.min || node.children.size() > rule.max) {
    refuse(child, node,
           "takes " + std::to_string(rule.min) + " to " + std::to_string(rule.max) +
               " elements, not " + std::to_string(node.children.size()));
    return false;
  }
  return true;
}

const Child* SectionReader::find(std::string_view name) const {
  for (const Child& child : node_.children) {
    if (child.key == name) return &child;
  }
  return nullptr;
}

const Child* SectionReader::take(const Key& key) {
  known_.push_back(key.name);
  if (key.required) required_.push_back(key.name);
  return find(key.name);
}

void SectionReader::refuse(const Child& child, const TreeNode& at, const std::string& why) {
  problems_.add(at.mark, quote(child.key) + " " + why);
}

void SectionReader::finish() {
  refuse_unknown_keys();
  refuse_missing_keys();
}

void SectionReader::refuse_unknown_keys() {
  for (const Child& child : node_.children) {
    if (std::find(known_.begin(), known_.end(), child.key) != known_.end()) continue;
    const std::string_view guess = problems_.full() ? "" : nearest(child.key, known_);
    std::string text = "unknown key " + quote(child.key);
    if (!guess.empty()) {
      suggested_.push_back(guess);
      text += "; did you mean " + quote(guess) + "?";
    }
    problems_.add(child.key_mark, std::move(text));
  }
}

void SectionReader::refuse_missing_keys() {
  const std::string where = name_.empty() ? "" : " in this element of " + quote(name_);
  // An upstream with other faults may have had its endpoints in one of them.
  const bool faultless = problems_.size() == problems_before_;
  if (needs_endpoints_ && faultless) {
    problems_.add(node_.mark,
                  "missing key 'endpoints' (or 'dns', or 'original_dst: true')" + where);
  }
  for (const std::string_view name : required_) {
    if (find(name) != nullptr || was_suggested(name)) continue;
    problems_.add(node_.mark, "missing key " + quote(name) + where);
  }
}

bool SectionReader::was_suggested(std::string_view name) const {
  return std::find(suggested_.begin(), suggested_.end(), name) != suggested_.end();
}

}  // namespace config
