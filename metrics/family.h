// What describes a metric: the words of names.h. Constants.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace metrics {

enum class Type : std::uint8_t { kCounter, kGauge, kHistogram };

// Base units only, as Prometheus asks. kNone: a plain number of things, or a truth (0 or 1).
enum class Unit : std::uint8_t { kNone, kSeconds, kBytes };

// The label names of a family, in the order in which values are given. Constants convert from a
// list of literals; four is the most a family has, and more would multiply the series of a scrape.
struct LabelNames {
  static constexpr std::size_t kMax = 4;

  constexpr LabelNames() = default;
  template <typename... Names>
  constexpr explicit LabelNames(Names... list)
      : names{std::string_view(list)...}, count(sizeof...(list)) {
    static_assert(sizeof...(list) <= kMax);
  }
  constexpr std::size_t size() const { return count; }
  constexpr std::string_view operator[](std::size_t i) const { return names[i]; }
  constexpr const std::string_view* begin() const { return names.data(); }
  constexpr const std::string_view* end() const { return names.data() + count; }

  std::array<std::string_view, kMax> names{};
  std::size_t count = 0;
};

struct Family {
  std::string_view name;
  Type type = Type::kGauge;
  Unit unit = Unit::kNone;
  std::string_view help;  // One sentence, no full stop, as promtool's users are used to.
  LabelNames labels;
};

}  // namespace metrics
