// A YAML document as our own small tree: every value and every key knows its place. Plain data,
// made by yaml_reader, read by the section reader, gone once the file is loaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"

namespace config {

enum class NodeKind : std::uint8_t { kNothing, kScalar, kSequence, kMapping };

struct Child;

struct TreeNode {
  NodeKind kind = NodeKind::kNothing;
  bool quoted = false;  // A scalar in quotes or a block scalar: text, whatever it looks like.
  Mark mark;
  std::string text;             // kScalar only.
  std::vector<Child> children;  // kSequence: the elements, with empty keys. kMapping: the entries.
};

struct Child {
  std::string key;  // Unique in its mapping.
  Mark key_mark;
  TreeNode value;
};

}  // namespace config
