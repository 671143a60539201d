// The search for the nearest word; see suggest.h.
#include "config/suggest.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace config {
namespace {

constexpr std::size_t kWordMax = 64;     // The longest name there can be.
constexpr std::size_t kWordsMax = 1000;  // A guess is not worth more time than this.
constexpr std::size_t kDistanceMax = 2;

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
  const std::size_t longer = std::max(a.size(), b.size());
  if (longer > kWordMax || longer - std::min(a.size(), b.size()) > limit) return limit + 1;
  // Three rows of the usual table (optimal string alignment): swaps look two rows back.
  using Row = std::array<std::size_t, kWordMax + 1>;
  Row before{};
  Row last{};
  Row row{};
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return std::min(last[b.size()], limit + 1);
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> known) {
  std::size_t limit = std::min(kDistanceMax, word.size() / 3);
  std::string_view best;
  for (const std::string_view candidate : known.first(std::min(known.size(), kWordsMax))) {
    const std::size_t distance = edit_distance(word, candidate, limit);
    if (distance > limit) continue;
    best = candidate;
    if (distance == 0) break;
    limit = distance - 1;  // Only a nearer one may replace it.
  }
  return best;
}

}  // namespace config
