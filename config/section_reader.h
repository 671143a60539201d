// The visitor of config/keys.h that turns our YAML tree into structs. Every fault becomes a problem
// with its place; a field whose value is wrong keeps its default, so that reading can go on to the
// next fault. Lives on the loading thread, one for each mapping of the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/keys.h"
#include "config/node.h"
#include "config/problem.h"
#include "config/suggest.h"

namespace config {

// The value of a node by its rule. An error goes on where the key's name stops, as in scalars.h.
base::Parsed<std::uint32_t> read_value(const TreeNode& node, const IntegerRule& rule);
base::Parsed<base::Nanos> read_value(const TreeNode& node, const DurationRule& rule);
base::Parsed<std::uint32_t> read_value(const TreeNode& node, const SizeRule& rule);
base::Parsed<bool> read_value(const TreeNode& node, const BooleanRule& rule);
base::Parsed<std::string> read_value(const TreeNode& node, const NameRule& rule);
base::Parsed<base::Address> read_value(const TreeNode& node, AddressUse use);
base::Parsed<std::vector<base::IpPort>> read_value(const TreeNode& node, const SourcesRule& rule);
base::Parsed<std::vector<base::IpPort>> read_value(const TreeNode& node, const ServersRule& rule);
base::Parsed<std::uint16_t> read_value(const TreeNode& node, const PortRule& rule);
base::Parsed<std::string> read_value(const TreeNode& node, const DnsNameRule& rule);
base::Parsed<std::string> read_value(const TreeNode& node, const PayloadRule& rule);
base::Parsed<std::vector<std::string>> read_value(const TreeNode& node, const WordsRule& rule);
base::Parsed<Network> read_value(const TreeNode& node, const NetworkRule& rule);
base::Parsed<base::IpPort> read_value(const TreeNode& node, const GatewayRule& rule);
base::Parsed<std::string> read_value(const TreeNode& node, const FileRule& rule);
base::Parsed<AccessOutput> read_value(const TreeNode& node, const AccessOutputRule& rule);
base::Parsed<std::uint32_t> read_value(const TreeNode& node, const RateRule& rule);
base::Parsed<std::string> read_value(const TreeNode& node, const UserRule& rule);
base::Parsed<std::optional<std::uint32_t>> read_value(const TreeNode& node,
                                                      const AutoIntegerRule& rule);
base::Parsed<std::optional<std::vector<int>>> read_value(const TreeNode& node,
                                                         const CpusRule& rule);

// The position of the node's word among the names.
base::Parsed<std::size_t> read_choice(const TreeNode& node,
                                      std::span<const std::string_view> names);

template <typename E>
base::Parsed<E> read_value(const TreeNode& node, const ChoiceRule<E>& rule) {
  std::vector<std::string_view> names;
  for (const Choice<E>& choice : rule.choices) names.push_back(choice.name);
  return read_choice(node, names).map([&](std::size_t i) { return rule.choices[i].value; });
}

class SectionReader {
 public:
  // Reads the mapping into target. `name` is the key it stands under; empty for the whole file.
  template <typename S>
  static void read(const TreeNode& node, std::string_view name, S& target, Problems& problems) {
    SectionReader reader(node, name, problems);
    if (!reader.is_mapping()) return;
    keys::visit_keys(reader, target);
    reader.finish();
  }

  template <typename T, typename Rule>
  void value(const Key& key, T& field, const Rule& rule) {
    const Child* child = take(key);
    if (child == nullptr) return;
    auto read = read_value(child->value, rule);
    if (read) {
      field = std::move(*read);
    } else {
      refuse(*child, child->value, read.error());
    }
  }

  template <typename S>
  void section(const Key& key, S& field) {
    if (const Child* child = take(key)) read(child->value, key.name, field, problems_);
  }

  // {} stands for a section of defaults, and no key for no section.
  template <typename S>
  void section(const Key& key, std::optional<S>& field) {
    if (const Child* child = take(key)) read(child->value, key.name, field.emplace(), problems_);
  }

  template <typename S>
  void list(const Key& key, std::vector<S>& field, const ListRule& rule) {
    const Child* child = take(key);
    if (child == nullptr || !is_list(*child, rule)) return;
    for (const Child& element : child->value.children) {
      read(element.value, key.name, field.emplace_back(), problems_);
    }
  }

  void binds(const Key& key, std::vector<Bind>& field, const ListRule& rule);
  void mark(std::string_view name, Mark& field);
  void unsupported(std::string_view name);

  // Rules between the keys of one mapping; section_checks.cc.
  void check(const Upstream& upstream);
  void check(const Pool& pool);
  void check(const Health& health);
  void check(const Outlier& outlier);
  void check(const Dns& dns);
  void check(const Admin& admin);
  void check(const Config& /*config*/) {}  // validate.cc looks at the whole file.

 private:
  SectionReader(const TreeNode& node, std::string_view name, Problems& problems);

  // The checks of a node's kind; each reports what it misses.
  bool is_mapping();
  bool is_list(const Child& child, const ListRule& rule);

  // Null when the key is not in the file.
  const Child* find(std::string_view name) const;
  // find(), and the key counts as known from here on.
  const Child* take(const Key& key);
  void refuse(const Child& child, const TreeNode& at, const std::string& why);
  // Where the value of a key is, or where the mapping begins when the key is not in the file.
  Mark place_of(std::string_view name) const;
  void refuse_beside(std::string_view name, std::string_view other);
  void keep_order(std::string_view shorter, base::Nanos shorter_value, std::string_view longer,
                  base::Nanos longer_value);
  void check_endpoint_source(const Upstream& upstream);
  void check_queue(const Upstream& upstream);

  // What only the whole mapping can tell: unknown and missing keys.
  void finish();
  void refuse_unknown_keys();
  void refuse_missing_keys();
  bool was_suggested(std::string_view name) const;

  const TreeNode& node_;
  std::string_view name_;
  Problems& problems_;
  std::size_t problems_before_;
  std::vector<std::string_view> known_;
  std::vector<std::string_view> required_;
  std::vector<std::string_view> suggested_;  // For unknown keys: not missed a second time.
  bool needs_endpoints_ = false;
};

}  // namespace config
