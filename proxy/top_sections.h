// The tables of `millrace top`: listeners, upstreams with their endpoints, pools, workers, and how
// sessions ended. Pure; any thread.
#pragma once

#include <cstddef>
#include <vector>

#include "proxy/top_history.h"
#include "proxy/top_summary.h"
#include "proxy/top_table.h"
#include "proxy/top_text.h"
#include "proxy/top_view.h"

namespace proxy {

// How good and bad things look.
TopStyle style_of(TopLevel level);
const char* symbol_of(TopLevel level, const TopGlyphs& glyphs);

// All tables one below another, as the view sorts and filters them, so many cells wide. Empty when
// the filter finds nothing.
std::vector<TopLine> draw_sections(const TopFigures& figures, const TopView& view,
                                   std::size_t cells, const TopGlyphs& glyphs);

}  // namespace proxy
