// Any bytes as what `millrace top` gets for an answer: one status document, or two with a line
// "---" between them. No crash; and whatever they say, every line fits and sends nothing to the
// terminal but characters that are printed.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "proxy/top_history.h"
#include "proxy/top_screen.h"
#include "proxy/top_status.h"

namespace {

void check_screen(const proxy::TopFigures& figures, const proxy::TopView& view,
                  const proxy::TopSize& size, const proxy::TopGlyphs& glyphs) {
  const proxy::TopScreen screen = proxy::draw_top({.figures = figures,
                                                   .view = view,
                                                   .source = "127.0.0.1:9464",
                                                   .clock = "14:03:22",
                                                   .loss = std::nullopt,
                                                   .size = size,
                                                   .glyphs = glyphs});
  CHECK(screen.lines.size() == size.rows);
  for (const proxy::TopLine& line : screen.lines) {
    CHECK(proxy::cells_of(line) <= size.columns);
    const std::string text = proxy::plain_text(line);
    CHECK(proxy::printable(text, glyphs) == text);
  }
}

// One way to look of all there are: each costs as much as the parsing, and the inputs are many.
void draw(const proxy::TopFigures& figures, std::size_t choice) {
  const proxy::TopGlyphs glyphs = choice % 2 == 0 ? proxy::unicode_glyphs() : proxy::ascii_glyphs();
  proxy::TopView view;
  view.sort = choice % 3 == 0 ? proxy::TopSort::kTraffic : proxy::TopSort::kName;
  view.filter = choice % 5 == 0 ? "e" : "";
  const proxy::TopSize large = {.columns = 140, .rows = 60};
  check_screen(figures, view, choice % 7 == 0 ? proxy::kTopSizeMin : large, glyphs);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::string_view kBetween = "\n---\n";
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  proxy::TopHistory history;
  std::size_t choice = size;
  while (!rest.empty()) {
    const std::string_view text = rest.substr(0, rest.find(kBetween));
    rest.remove_prefix(std::min(text.size() + kBetween.size(), rest.size()));
    auto status = proxy::parse_top_status(text);
    if (!status) {
      CHECK(!status.error().empty());
      continue;
    }
    history.add(*std::move(status));
    draw(history.figures(), choice++);
  }
  return 0;
}
