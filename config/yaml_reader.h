// The guard around yaml-cpp, and the only file that knows it. yaml-cpp 0.7 accepts duplicate keys,
// aliases that multiply or point at themselves, and several documents; here they are errors with a
// place. No exception leaves.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "config/node.h"
#include "config/problem.h"

namespace config {

// The whole of a configuration of 100,000 upstreams is 6 MiB.
inline constexpr std::size_t kTextBytesMax = std::size_t{8} << 20U;
// Our deepest key is at 5; yaml-cpp's own limit of 500 costs stack and comes with a misleading
// text.
inline constexpr std::size_t kDepthMax = 64;
// Keys, values and collections together. Bounds the tree to about 150 MiB.
inline constexpr std::size_t kNodesMax = std::size_t{1} << 20U;

// The one document of the text, kNothing for an empty one. Faults that leave the tree usable (a
// duplicate key, a tag) are added to problems beside it; after any other there is no tree.
std::optional<TreeNode> read_yaml(std::string_view text, Problems& problems);

}  // namespace config
