// "Did you mean": the known word nearest to a misspelt one. Pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace config {

// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other;
// anything above limit is reported as limit + 1.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit);

// The first of the nearest words within two edits, and within a third of the word's length: 'ip' is
// no misspelling of 'dns'. Empty when there is none. Looks at no more than the first 1,000 words.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

}  // namespace config
