#include "proxy/top_screen.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/proxy/top_example.h"

namespace proxy {
namespace {

const TopGlyphs kGlyphs = unicode_glyphs();

struct Drawn {
  std::vector<std::string> lines;
  std::string text;
  TopScreen screen;
};

Drawn draw(const TopFigures& figures, const TopView& view, TopSize size,
           std::optional<TopLoss> loss = std::nullopt, const TopGlyphs& glyphs = kGlyphs) {
  Drawn drawn;
  drawn.screen = draw_top({.figures = figures,
                           .view = view,
                           .source = "127.0.0.1:9464",
                           .clock = "14:03:22",
                           .loss = std::move(loss),
                           .size = size,
                           .glyphs = glyphs});
  for (const TopLine& line : drawn.screen.lines) {
    drawn.lines.push_back(plain_text(line));
    drawn.text += drawn.lines.back() + "\n";
  }
  return drawn;
}

TEST(TopScreen, SaysWhatIsRunningAndHowItIs) {
  const Drawn drawn = draw(top_example::figures(), {}, {.columns = 100, .rows = 30});
  EXPECT_EQ(drawn.lines[0],
            " Millrace 0.1.0 · epoll · 127.0.0.1:9464                ready · up 3 s ·"
            " configuration 3 · 14:03:22 ");
  EXPECT_TRUE(drawn.lines[1].starts_with(" × 1 endpoint is down: 10.0.1.2:80 of web"));
  EXPECT_EQ(drawn.screen.lines[1][0].style, TopStyle::kBad);
  EXPECT_EQ(drawn.lines[2],
            " Sessions               12 ▇        To upstream    1.00 KiB/s ▇        "
            "Set-up p50         625 µs   ");
  EXPECT_EQ(drawn.lines[3],
            " New sessions        100/s ▇        To client      2.00 KiB/s ▇        "
            "Set-up p99        9.55 ms   ");
  EXPECT_EQ(drawn.lines[4],
            " Turned away           0/s          Memory           34.5 MiB          "
            "CPU                  50 %   ");
  EXPECT_TRUE(drawn.lines[6].starts_with(" LISTENER"));
  EXPECT_TRUE(drawn.lines[29].starts_with(" q quit  ? help  p pause  s sort: trouble  f filter"));
}

TEST(TopScreen, HasExactlyTheSizeOfTheTerminal) {
  const TopFigures figures = top_example::figures();
  TopView help;
  help.mode = TopMode::kHelp;
  for (std::size_t columns = 1; columns < 150; columns += 7) {
    for (std::size_t rows = 1; rows < 60; rows += 5) {
      for (const TopView& view : {TopView{}, help}) {
        const TopLoss loss = {.seconds = 1, .reason = std::string(500, 'x') + " y z"};
        for (const auto& each : {std::optional<TopLoss>(), std::optional(loss)}) {
          const TopScreen screen =
              draw(figures, view, {.columns = columns, .rows = rows}, each).screen;
          ASSERT_EQ(screen.lines.size(), rows) << columns << "x" << rows;
          for (const TopLine& line : screen.lines) ASSERT_LE(cells_of(line), columns);
        }
      }
    }
  }
}

TEST(TopScreen, ShowsWhatMattersOnTheSmallestTerminal) {
  const Drawn drawn = draw(top_example::figures(), {}, kTopSizeMin);
  for (const std::string word : {"is down", "Sessions", "New sessions", "To client", "Set-up p99",
                                 "LISTENER", "redis", "q quit"}) {
    EXPECT_NE(drawn.text.find(word), std::string::npos) << word << "\n" << drawn.text;
  }
}

TEST(TopScreen, LeavesOutWhatChangesLeast) {
  TopView view;
  view.sort = TopSort::kSessions;
  const Drawn drawn = draw(top_example::figures(), view, kTopSizeMin);
  EXPECT_EQ(drawn.lines[0], " Millrace 0.1.0 · 127.0.0.1:9464  ready · up 3 s · 14:03:22 ");
  EXPECT_TRUE(drawn.lines[14].starts_with(" q quit  ? help  s sort: sessions  f filter  "));
  EXPECT_TRUE(drawn.lines[14].ends_with(" ↑↓ 1–8 of 22 ")) << drawn.lines[14];
}

TEST(TopScreen, SaysWhenItIsTooSmall) {
  const Drawn drawn = draw(top_example::figures(), {}, {.columns = 40, .rows = 10});
  EXPECT_EQ(drawn.lines[0], "This terminal is too small: it is 40x10,");
  EXPECT_EQ(drawn.lines[1], "and millrace top needs 60x15. q quits.");
  EXPECT_EQ(draw(top_example::figures(), {}, {.columns = 60, .rows = 14}).lines[0],
            "This terminal is too small: it is 60x14, and millrace top");
}

TEST(TopScreen, SaysMoreThanOneSentenceWhereThereIsRoom) {
  TopStatus status = top_example::later();
  status.last_reload_accepted = false;
  status.upstreams[0].queue = 2;
  status.listeners[0].paused = true;
  const TopFigures figures = top_example::figures_of(top_example::status(), status);
  const Drawn tall = draw(figures, {}, {.columns = 80, .rows = 40});
  EXPECT_TRUE(tall.lines[1].starts_with(" × 1 endpoint is down"));
  EXPECT_TRUE(tall.lines[2].starts_with(" × Listener redis does not accept clients"));
  EXPECT_TRUE(tall.lines[3].starts_with(" ▲ Sessions wait for a place"));
  EXPECT_TRUE(tall.lines[3].ends_with("  and 1 more "));
  const Drawn flat = draw(figures, {}, {.columns = 80, .rows = 24});
  EXPECT_TRUE(flat.lines[1].ends_with("  and 3 more ")) << flat.lines[1];
  EXPECT_TRUE(flat.lines[2].starts_with(" Sessions"));
}

TEST(TopScreen, SaysThatTheConnectionIsLostAndGreysTheRest) {
  const TopLoss loss = {.seconds = 12.4, .reason = "no answer from 127.0.0.1:9464: refused"};
  const Drawn drawn = draw(top_example::figures(), {}, {.columns = 160, .rows = 30}, loss);
  EXPECT_EQ(drawn.lines[1],
            " × Connection lost 12 s ago, trying again: no answer from 127.0.0.1:9464: refused. The"
            " figures are of 14:03:22.");
  EXPECT_EQ(drawn.text.find("is down:"), std::string::npos);
  bool found = false;
  for (const TopLine& line : drawn.screen.lines) {
    if (!plain_text(line).starts_with("   10.0.1.2:80")) continue;
    found = true;
    for (const TopSpan& span : line) EXPECT_EQ(span.style, TopStyle::kDim);
  }
  EXPECT_TRUE(found);
}

TEST(TopScreen, ScrollsTheBodyOnly) {
  TopView view;
  const TopFigures figures = top_example::figures();
  const TopSize size = {.columns = 80, .rows = 15};
  const Drawn top = draw(figures, view, size);
  EXPECT_EQ(top.screen.scroll.page, 8U);
  EXPECT_NE(top.lines.back().find("1–8 of "), std::string::npos) << top.lines.back();
  view.scroll = 3;
  const Drawn scrolled = draw(figures, view, size);
  EXPECT_EQ(scrolled.lines[6], top.lines[9]);
  EXPECT_EQ(scrolled.lines[2], top.lines[2]);
  view.scroll = 1000;  // The list was longer when the key was pressed.
  const Drawn end = draw(figures, view, size);
  EXPECT_NE(end.lines[13].find("connect_refused"), std::string::npos) << end.text;
  EXPECT_EQ(draw(figures, {}, {.columns = 80, .rows = 60}).screen.scroll.last, 0U);
}

TEST(TopScreen, ShowsTheFilterAndWhatItDoesNotFind) {
  TopView view;
  view.mode = TopMode::kFilter;
  view.filter = "nobody";
  const Drawn typing = draw(top_example::figures(), view, {.columns = 100, .rows = 30});
  EXPECT_TRUE(typing.lines[29].starts_with(" Filter: nobody_  Enter keeps it, Esc takes it away"));
  EXPECT_TRUE(typing.lines[6].starts_with(" Nothing has \"nobody\" in its name"));
  view.mode = TopMode::kFigures;
  const Drawn kept = draw(top_example::figures(), view, {.columns = 100, .rows = 30});
  EXPECT_NE(kept.lines[29].find("f filter: nobody"), std::string::npos);
}

TEST(TopScreen, ShowsThatItIsPausedAndThatEndpointsAreOverridden) {
  TopStatus status = top_example::later();
  status.overrides = 2;
  TopView view;
  view.paused = true;
  const Drawn drawn = draw(top_example::figures_of(top_example::status(), status), view,
                           {.columns = 120, .rows = 30});
  EXPECT_TRUE(drawn.lines[0].ends_with(" configuration 3 +2 overrides · 14:03:22  PAUSED "));
  EXPECT_NE(drawn.lines[29].find("p go on"), std::string::npos);
}

TEST(TopScreen, ExplainsItsKeysAndStates) {
  TopView view;
  view.mode = TopMode::kHelp;
  const Drawn drawn = draw(top_example::figures(), view, {.columns = 80, .rows = 40});
  for (const std::string word : {"PgUp", "sort", "filter", "pause", "Ctrl-Z", "× down", "▲ ejected",
                                 "◆ maintenance", "FAILURES", "? back"}) {
    EXPECT_NE(drawn.text.find(word), std::string::npos) << word;
  }
  EXPECT_EQ(drawn.text.find("LISTENER"), std::string::npos);
  const Drawn small = draw(top_example::figures(), view, {.columns = 60, .rows = 40});
  for (std::size_t i = 6; i + 1 < small.lines.size(); ++i) {
    EXPECT_EQ(small.lines[i].find("…"), std::string::npos) << small.lines[i];
  }
}

TEST(TopScreen, LetsNoNameReachTheTerminalUnchecked) {
  TopStatus status = top_example::later();
  const std::string evil = "\x1b]0;x\x07";
  status.version = status.transport = status.state = evil;
  status.listeners[0].name = status.listeners[0].binds[0] = status.listeners[0].upstream = evil;
  status.upstreams[0].name = status.upstreams[0].balance = evil;
  status.upstreams[1].endpoints[1].address = status.upstreams[1].endpoints[0].state = evil;
  status.workers[0].engine = status.ends[0].actor = status.ends[0].cause = evil;
  TopView view;
  for (const char* filter : {"", "\x1b"}) {
    view.filter = filter;
    const TopLoss loss = {.seconds = 1, .reason = evil};
    for (const auto& each : {std::optional<TopLoss>(), std::optional(loss)}) {
      const Drawn drawn =
          draw(top_example::figures_of(status, status), view, {.columns = 200, .rows = 50}, each);
      EXPECT_EQ(drawn.text.find_first_of("\x1b\x07"), std::string::npos);
    }
  }
}

TEST(TopScreen, IsAsciiWhereTheTerminalIs) {
  const TopLoss loss = {.seconds = 1, .reason = "gone"};
  for (const auto& each : {std::optional<TopLoss>(), std::optional(loss)}) {
    for (const TopMode mode : {TopMode::kFigures, TopMode::kHelp, TopMode::kFilter}) {
      TopView view;
      view.mode = mode;
      const Drawn drawn =
          draw(top_example::figures(), view, {.columns = 130, .rows = 20}, each, ascii_glyphs());
      for (const char letter : drawn.text) ASSERT_GE(letter, '\n') << drawn.text;
    }
  }
}

}  // namespace
}  // namespace proxy
