#include "proxy/top_sections.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/proxy/top_example.h"

namespace proxy {
namespace {

const TopGlyphs kGlyphs = unicode_glyphs();

std::string drawn(const TopFigures& figures, const TopView& view = {}, std::size_t cells = 100,
                  const TopGlyphs& glyphs = kGlyphs) {
  std::string text;
  for (const TopLine& line : draw_sections(figures, view, cells, glyphs)) {
    text += plain_text(line);
    text.erase(text.find_last_not_of(' ') + 1);
    text += "\n";
  }
  return text;
}

// The line that begins with a text, without the spaces that surround it.
std::string line_of(const std::string& text, const std::string& beginning) {
  const std::size_t at = text.find("\n " + beginning);
  if (at == std::string::npos) return "";
  const std::size_t end = text.find('\n', at + 1);
  return text.substr(at + 2, end - at - 2);
}

TEST(TopSections, DrawEverything) {
  EXPECT_EQ(
      drawn(top_example::figures()),
      R"( LISTENER  ADDRESS         STATE   SESSIONS       NEW  TO UPSTREAM   TO CLIENT  TURNED AWAY
 redis     127.0.0.1:6379  ● open         9    75.0/s   1.00 KiB/s  1.50 KiB/s          0/s
 web       [::]:80         ● open         3    25.0/s        0 B/s       0 B/s          0/s

 UPSTREAM         STATE          SESSIONS              TO UPSTREAM   TO CLIENT  FAILURES  WEIGHT
 web              × 1 of 2 up           3                    0 B/s       0 B/s       0/s
   10.0.1.2:80    × down                0  ··········                                  0     100
   10.0.1.1:80    ● up                  3  ██████████                                  0     100
 redis            ● 2 of 2 up           9               1.00 KiB/s  1.50 KiB/s       0/s
   10.0.0.1:6379  ● up                  9  ██████████                                  0     100
   10.0.0.2:6379  ● up                  0  ··········                                  0     100

 POOL    READY              CONNECTING  HITS     TAKEN    MISSED     STALE
 redis  6 of 8  ███████▌··           2  75 %    15.0/s    5.00/s       0/s

 WORKER  ENGINE   BUSY                        SESSIONS
 0       epoll    95 %  ███████████████████·         7
 1       epoll     0 %  ····················         5

 ENDED BY  CAUSE                 NOW      IN ALL
 client    eof                 100/s         300
 proxy     connect_refused    2.00/s           4
)");
}

TEST(TopSections, SayThatTheyDoNotKnowYet) {
  TopHistory history;
  history.add(top_example::status());
  EXPECT_EQ(
      line_of("\n" + drawn(history.figures()), "redis     127"),
      "redis     127.0.0.1:6379  ● open         9         -            -           -            -");
}

TEST(TopSections, PutWorkersAndEndsBesideEachOtherWhereThereIsRoom) {
  const std::string text = drawn(top_example::figures(), {}, 120);
  EXPECT_NE(line_of(text, "WORKER").find("ENDED BY"), std::string::npos) << text;
}

TEST(TopSections, KeepWhatMattersMostOnANarrowTerminal) {
  const std::string text = drawn(top_example::figures(), {}, 60);
  EXPECT_EQ(text.substr(0, text.find('\n')), " LISTENER  STATE   SESSIONS       NEW   TO CLIENT");
  for (const std::string word : {"× down", "6 of 8", "95 %", "connect_refused"}) {
    EXPECT_NE(text.find(word), std::string::npos) << word << "\n" << text;
  }
}

TEST(TopSections, FitIntoAnyWidth) {
  for (std::size_t cells = 60; cells < 200; ++cells) {
    for (const TopLine& line : draw_sections(top_example::figures(), {}, cells, kGlyphs)) {
      ASSERT_LE(cells_of(line), cells);
    }
  }
}

// The first words of the lines between two headings.
std::vector<std::string> names(const std::string& drawn, const std::string& heading) {
  std::vector<std::string> result;
  const std::string text = "\n" + drawn;
  std::size_t at = text.find("\n " + heading);
  if (at == std::string::npos) return {"no " + heading};
  at = text.find('\n', at + 1) + 1;
  while (at < text.size() && text[at] != '\n') {
    const std::size_t end = text.find('\n', at);
    const std::size_t first = text.find_first_not_of(' ', at);
    result.push_back(text.substr(first, text.find(' ', first) - first));
    at = end + 1;
  }
  return result;
}

using Names = std::vector<std::string>;

TEST(TopSections, SortAsTheViewSays) {
  const TopFigures figures = top_example::figures();
  TopView view;
  view.sort = TopSort::kSessions;
  EXPECT_EQ(
      names(drawn(figures, view), "UPSTREAM"),
      (Names{"redis", "10.0.0.1:6379", "10.0.0.2:6379", "web", "10.0.1.1:80", "10.0.1.2:80"}));
  TopStatus busy_web = top_example::later();
  busy_web.listeners[1].counters.bytes = {1e6, 1e6};
  const TopFigures web = top_example::figures_of(top_example::status(), busy_web);
  view.sort = TopSort::kTraffic;
  EXPECT_EQ(names(drawn(web, view), "LISTENER"), (Names{"web", "redis"}));
  TopStatus renamed = top_example::later();
  std::swap(renamed.listeners[0], renamed.listeners[1]);
  const TopFigures swapped = top_example::figures_of(top_example::status(), renamed);
  view.sort = TopSort::kTrouble;
  EXPECT_EQ(names(drawn(swapped, view), "LISTENER"), (Names{"web", "redis"}));
  view.sort = TopSort::kName;
  EXPECT_EQ(names(drawn(swapped, view), "LISTENER"), (Names{"redis", "web"}));
}

TEST(TopSections, ShowWhatTheFilterFinds) {
  const TopFigures figures = top_example::figures();
  TopView view;
  view.filter = "DOWN";  // A state.
  std::string text = drawn(figures, view);
  EXPECT_EQ(names(text, "UPSTREAM"), (Names{"web", "10.0.1.2:80"}));
  EXPECT_EQ(text.find("LISTENER"), std::string::npos);
  view.filter = "redis";  // A name: all of its endpoints, and what goes with it.
  text = drawn(figures, view);
  EXPECT_EQ(names(text, "UPSTREAM"), (Names{"redis", "10.0.0.1:6379", "10.0.0.2:6379"}));
  EXPECT_EQ(names(text, "LISTENER"), Names{"redis"});
  EXPECT_EQ(names(text, "POOL"), Names{"redis"});
  view.filter = "refused";
  EXPECT_EQ(names(drawn(figures, view), "ENDED BY"), Names{"proxy"});
  view.filter = "worker 1";
  EXPECT_EQ(names(drawn(figures, view), "WORKER"), Names{"1"});
  view.filter = "nothing of the kind";
  EXPECT_EQ(drawn(figures, view), "");
}

TEST(TopSections, SayMoreAboutWhatIsOdd) {
  TopStatus status = top_example::later();
  status.listeners[0].paused = true;
  status.listeners[1].max_sessions = 3;
  status.listeners[1].binds.emplace_back("unix:/run/web.sock");
  TopUpstream& web = status.upstreams[1];
  web.queue = 5;
  web.endpoints[0].state = "maintenance";
  web.endpoints[0].overridden = true;
  web.endpoints[0].priority = 2;
  web.endpoints[0].max_sessions = 6;
  web.endpoints[1].state = "draining";
  web.endpoints[1].removed = true;
  web.endpoints[1].checked = false;
  status.upstreams[0].endpoints[0].checked = false;
  status.upstreams[0].removed = true;
  const std::string text =
      "\n" + drawn(top_example::figures_of(top_example::status(), status), {}, 140);
  EXPECT_NE(line_of(text, "redis  ").find("× paused"), std::string::npos) << text;
  EXPECT_NE(line_of(text, "web  ").find("[::]:80 +1"), std::string::npos) << text;
  EXPECT_NE(line_of(text, "web  ").find("▲ full      3 of 3"), std::string::npos) << text;
  EXPECT_NE(text.find("round_robin  5 wait"), std::string::npos) << text;
  const std::string first = line_of(text, "  10.0.1.1:80");
  EXPECT_NE(first.find("◆ maintenance    3 of 6  █████·····"), std::string::npos) << text;
  EXPECT_NE(first.find("by the admin API, priority 2"), std::string::npos) << text;
  EXPECT_NE(line_of(text, "  10.0.1.2:80").find("◆ removed"), std::string::npos) << text;
  EXPECT_NE(line_of(text, "  10.0.0.1:6379").find("not checked"), std::string::npos) << text;
  EXPECT_NE(text.find(" redis            ◆ removed"), std::string::npos) << text;
}

TEST(TopSections, AreAsciiWhereTheTerminalIs) {
  TopStatus status = top_example::later();
  status.listeners[0].name = "grün\x1b[2J";
  const std::string text = drawn(top_example::figures_of(status, status), {}, 100, ascii_glyphs());
  EXPECT_EQ(
      text.find_first_not_of("\n !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]"
                             "^_`abcdefghijklmnopqrstuvwxyz{|}~"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("gr?n?[2J"), std::string::npos);
}

TEST(TopSections, DrawAThousandEndpoints) {
  TopStatus status = top_example::later();
  for (int i = 0; i < 1000; ++i) {
    status.upstreams[0].endpoints.push_back(top_example::endpoint("10.9.9.9:1", "up", i));
  }
  const auto lines =
      draw_sections(top_example::figures_of(top_example::status(), status), {}, 80, kGlyphs);
  EXPECT_GT(lines.size(), 1000U);
}

}  // namespace
}  // namespace proxy
