// The whole screen of `millrace top`: from what is known, what the reader wants and the size, the
// lines. Everything about how it looks is here and in the tables (proxy/top_sections.h), so that a
// test can read it; the terminal only paints it. Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "proxy/top_history.h"
#include "proxy/top_text.h"
#include "proxy/top_view.h"

namespace proxy {

struct TopSize {
  std::size_t columns = 0;
  std::size_t rows = 0;

  bool operator==(const TopSize&) const = default;
};

// Below this nothing useful fits.
inline constexpr TopSize kTopSizeMin = {.columns = 60, .rows = 15};

// The program cannot be reached any more.
struct TopLoss {
  double seconds = 0;  // For so long.
  std::string reason;  // A sentence without its point.
};

struct TopScene {
  const TopFigures& figures;
  const TopView& view;
  std::string source;  // Whom we ask, for people.
  std::string clock;   // Local time of the figures, as "14:03:22".
  std::optional<TopLoss> loss;
  TopSize size;
  const TopGlyphs& glyphs;
};

struct TopScreen {
  std::vector<TopLine> lines;  // As many as there are rows; none is longer than there are columns.
  TopScroll scroll;
};

TopScreen draw_top(const TopScene& scene);

}  // namespace proxy
