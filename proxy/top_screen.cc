#include "proxy/top_screen.h"

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>
#include <utility>

#include "proxy/number_text.h"
#include "proxy/top_sections.h"
#include "proxy/top_summary.h"

namespace proxy {
namespace {

// A screen of so many rows has room for more than one sentence.
constexpr std::size_t kTallRows = 30;
constexpr std::size_t kSentencesTall = 3;
// From so many columns on there are three columns of figures, else two.
constexpr std::size_t kWideColumns = 100;
constexpr std::size_t kLastFigureCells = 28;
constexpr std::size_t kLabelCells = 13;
constexpr std::size_t kValueCells = 12;
constexpr std::size_t kFigureGap = 2;
// In fewer columns the keys and the place in the list do not fit beside each other.
constexpr std::size_t kAllKeysColumns = 72;
// A shorter chart says nothing.
constexpr std::size_t kChartCellsMin = 4;

TopLine styled(std::string text, TopStyle style) {
  return {{.text = std::move(text), .style = style}};
}

class Drawing {
 public:
  explicit Drawing(const TopScene& scene)
      : scene_(scene),
        glyphs_(scene.glyphs),
        status_(scene.figures.status),
        columns_(scene.size.columns) {}

  TopScreen draw();

 private:
  void add(const TopLine& line) { screen_.lines.push_back(cut(line, columns_, glyphs_)); }
  TopScreen too_small();
  void add_title();
  void add_sentences();
  void add_loss();
  void add_figures();
  void add_body();
  TopLine footer() const;
  TopLine keys() const;
  std::vector<TopLine> help() const;
  std::vector<TopLine> body() const;
  std::vector<double> samples(const std::function<double(const TopSample&)>& value) const;
  TopLine figure(const char* label, const std::string& value, std::size_t cells,
                 const std::vector<double>& samples = {}) const;

  const TopScene& scene_;
  const TopGlyphs& glyphs_;
  const TopStatus& status_;
  std::size_t columns_;
  TopScreen screen_;
};

TopScreen Drawing::draw() {
  if (columns_ < kTopSizeMin.columns || scene_.size.rows < kTopSizeMin.rows) return too_small();
  add_title();
  if (scene_.loss) {
    add_loss();
  } else {
    add_sentences();
  }
  add_figures();
  add({});
  add_body();
  add(footer());
  return std::move(screen_);
}

TopScreen Drawing::too_small() {
  const auto size = [](const TopSize& it) {
    return std::to_string(it.columns) + "x" + std::to_string(it.rows);
  };
  const std::string text = "This terminal is too small: it is " + size(scene_.size) +
                           ", and millrace top needs " + size(kTopSizeMin) + ". q quits.";
  for (const std::string& line : wrap(text, columns_, glyphs_)) {
    if (screen_.lines.size() < scene_.size.rows) add(styled(line, TopStyle::kStrong));
  }
  screen_.lines.resize(scene_.size.rows);
  return std::move(screen_);
}

void Drawing::add_title() {
  const std::string dot = std::string(" ") + glyphs_.dot + " ";
  const std::string program = " Millrace " + printable(status_.version, glyphs_) + dot;
  const std::string source = printable(scene_.source, glyphs_);
  const std::string state = " " + printable(status_.state, glyphs_) + dot + "up " +
                            age_text(status_.now - status_.started) + dot;
  std::string configuration = "configuration " + count_text(status_.generation);
  if (status_.overrides > 0) {
    configuration += " +" + things_text(status_.overrides, "override", "overrides");
  }
  std::string left = program + printable(status_.transport, glyphs_) + dot + source;
  std::string right = state + configuration + dot + scene_.clock + " ";
  // Where not all of it has room, that what changes least goes.
  if (cells_of(std::string_view(left)) + cells_of(std::string_view(right)) > columns_) {
    left = program + source;
    right = state + scene_.clock + " ";
  }
  TopLine end = styled(right, TopStyle::kTitle);
  if (scene_.view.paused) end.push_back({.text = " PAUSED ", .style = TopStyle::kPaused});
  add(justified(styled(left, TopStyle::kTitle), end, columns_, TopStyle::kTitle, glyphs_));
}

void Drawing::add_sentences() {
  const std::vector<TopSentence> sentences = summarize(scene_.figures);
  const std::size_t most = scene_.size.rows >= kTallRows ? kSentencesTall : 1;
  const std::size_t shown = std::min(most, sentences.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const TopSentence& sentence = sentences[i];
    const TopStyle style = style_of(sentence.level);
    TopLine more;
    if (i + 1 == shown && shown < sentences.size()) {
      const auto left = static_cast<double>(sentences.size() - shown);
      more = styled("  and " + count_text(left) + " more ", TopStyle::kDim);
    }
    const std::string text = std::string(" ") + symbol_of(sentence.level, glyphs_) + " " +
                             printable(sentence.text, glyphs_);
    add(justified(styled(text, style), more, columns_, TopStyle::kPlain, glyphs_));
  }
}

void Drawing::add_loss() {
  const std::string text = "Connection lost " + age_text(scene_.loss->seconds) +
                           " ago, trying again: " + scene_.loss->reason + ". The figures are of " +
                           scene_.clock + ".";
  constexpr std::size_t kIndent = 3;
  constexpr std::size_t kLinesMax = 3;
  std::vector<std::string> lines = wrap(printable(text, glyphs_), columns_ - kIndent, glyphs_);
  if (lines.size() > kLinesMax) lines.resize(kLinesMax);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string indent = i == 0 ? std::string(" ") + glyphs_.bad + " " : std::string("   ");
    add(styled(indent + lines[i], TopStyle::kBad));
  }
}

std::vector<double> Drawing::samples(const std::function<double(const TopSample&)>& value) const {
  std::vector<double> values;
  for (const TopSample& sample : scene_.figures.samples) values.push_back(value(sample));
  return values;
}

TopLine Drawing::figure(const char* label, const std::string& value, std::size_t cells,
                        const std::vector<double>& samples) const {
  TopLine line = aligned_left(styled(label, TopStyle::kDim), kLabelCells, glyphs_);
  append(line, aligned_right(styled(value, TopStyle::kStrong), kValueCells, glyphs_));
  const std::size_t taken = kLabelCells + kValueCells + kFigureGap;
  if (!samples.empty() && cells >= taken + kChartCellsMin) {
    line.push_back({.text = " "});
    line.push_back({.text = chart(samples, cells - taken, glyphs_), .style = TopStyle::kChart});
  }
  return aligned_left(line, cells, glyphs_);
}

void Drawing::add_figures() {
  const TopFigures& figures = scene_.figures;
  const bool wide = columns_ >= kWideColumns;
  const std::size_t last = wide ? kLastFigureCells : 0;
  const std::size_t cells = (columns_ - 1 - last) / 2;
  const auto total = [&figures](double TopCounters::*counter) {
    return rate_text(figures.totals ? std::optional((*figures.totals).*counter) : std::nullopt);
  };
  const auto bytes = [&figures](std::size_t direction) {
    return byte_rate_text(figures.totals ? std::optional(figures.totals->bytes.at(direction))
                                         : std::nullopt);
  };
  const auto p50 = latency_text(figures.setup_p50, glyphs_.micro);
  const auto p99 = latency_text(figures.setup_p99, glyphs_.micro);
  std::string cores = glyphs_.dash;
  if (figures.cpu) cores = percent_text(figures.cpu);
  const std::array<std::array<TopLine, 3>, 3> rows = {{
      {figure("Sessions", count_text(status_.sessions), cells,
              samples([](const TopSample& it) { return it.sessions; })),
       figure("To upstream", bytes(0), cells,
              samples([](const TopSample& it) { return it.bytes[0]; })),
       figure("Set-up p50", p50, last)},
      {figure("New sessions", total(&TopCounters::accepted), cells,
              samples([](const TopSample& it) { return it.accepted; })),
       figure("To client", bytes(1), cells,
              samples([](const TopSample& it) { return it.bytes[1]; })),
       figure("Set-up p99", p99, last)},
      {figure("Turned away", total(&TopCounters::rejected), cells),
       wide ? figure("Memory", bytes_text(status_.resident_bytes), cells)
            : figure("Set-up p99", p99, cells),
       figure("CPU", cores, last)},
  }};
  for (const auto& row : rows) {
    TopLine line = {{.text = " "}};
    for (const TopLine& each : row) append(line, each);
    add(line);
  }
}

std::vector<TopLine> Drawing::help() const {
  struct Key {
    const char* key;
    const char* does;
  };
  constexpr std::array<Key, 8> kKeys = {{
      {"q", "quit"},
      {"Up Down", "scroll; PgUp PgDn by pages, Home End all"},
      {"s", "sort: by trouble, sessions, traffic or name"},
      {"f", "filter what is listed; Enter keeps it"},
      {"p", "pause the figures, and go on"},
      {"?", "this text, and back"},
      {"Esc", "back to the figures, without a filter"},
      {"Ctrl-Z", "leave for a moment; fg comes back"},
  }};
  struct State {
    TopLevel level;
    const char* word;
    const char* means;
  };
  constexpr std::array<State, 6> kStates = {{
      {TopLevel::kGood, "up", "takes new sessions"},
      {TopLevel::kBad, "down", "its health checks fail"},
      {TopLevel::kWarning, "ejected", "its sessions failed; it comes back by itself"},
      {TopLevel::kNote, "draining", "no new sessions; those it has go on"},
      {TopLevel::kNote, "maintenance", "the same, and no health checks"},
      {TopLevel::kNote, "weightless", "weight 0: no new sessions"},
  }};
  constexpr std::size_t kFirstCells = 14;
  std::vector<TopLine> lines;
  const auto add_line = [&](const TopLine& first, const char* text) {
    TopLine line = {{.text = " "}};
    append(line, aligned_left(first, kFirstCells, glyphs_));
    line.push_back({.text = text});
    lines.push_back(line);
  };
  lines.push_back(styled(" KEYS", TopStyle::kHeading));
  for (const Key& key : kKeys) add_line(styled(key.key, TopStyle::kStrong), key.does);
  lines.emplace_back();
  lines.push_back(styled(" STATES OF AN ENDPOINT", TopStyle::kHeading));
  for (const State& state : kStates) {
    add_line(styled(std::string(symbol_of(state.level, glyphs_)) + " " + state.word,
                    style_of(state.level)),
             state.means);
  }
  lines.emplace_back();
  lines.push_back(styled(" FIGURES", TopStyle::kHeading));
  for (const char* text :
       {"NEW, NOW and what ends with /s: of the last two seconds.",
        "Charts: a column for each question, the last at the right.",
        "Set-up: from accepting a client until its bytes flow.",
        "FAILURES: connects that failed; a second for an upstream,", "  in all for an endpoint.",
        "POOL: connections that wait ready; MISSED: there was none."}) {
    lines.push_back({{.text = std::string(" ") + text}});
  }
  return lines;
}

std::vector<TopLine> Drawing::body() const {
  if (scene_.view.mode == TopMode::kHelp) return help();
  std::vector<TopLine> lines = draw_sections(scene_.figures, scene_.view, columns_, glyphs_);
  if (lines.empty()) {
    lines.push_back(styled(" Nothing has \"" + printable(scene_.view.filter, glyphs_) +
                               "\" in its name, address or state. Esc takes the filter away.",
                           TopStyle::kNote));
  }
  if (!scene_.loss) return lines;
  for (TopLine& line : lines) {
    for (TopSpan& span : line) span.style = TopStyle::kDim;
  }
  return lines;
}

void Drawing::add_body() {
  const std::vector<TopLine> lines = body();
  const std::size_t page = scene_.size.rows - screen_.lines.size() - 1;  // Less the footer.
  const std::size_t last = lines.size() > page ? lines.size() - page : 0;
  screen_.scroll = {.page = page, .last = last};
  const std::size_t first = std::min(scene_.view.scroll, last);
  for (std::size_t i = first; i < first + page; ++i) add(i < lines.size() ? lines[i] : TopLine{});
}

TopLine Drawing::footer() const {
  const std::size_t last = screen_.scroll.last;
  std::string place;
  if (last > 0) {
    const std::size_t first = std::min(scene_.view.scroll, last);
    const std::size_t end = first + screen_.scroll.page;
    place = std::string(" ") + glyphs_.up_down + " " + std::to_string(first + 1) + glyphs_.dash +
            std::to_string(end) + " of " + std::to_string(last + screen_.scroll.page) + " ";
  }
  return justified(keys(), styled(place, TopStyle::kTitle), columns_, TopStyle::kTitle, glyphs_);
}

TopLine Drawing::keys() const {
  const TopView& view = scene_.view;
  const std::string filter = printable(view.filter, glyphs_);
  if (view.mode == TopMode::kFilter) {
    return {{.text = " Filter: " + filter + "_", .style = TopStyle::kPaused},
            {.text = "  Enter keeps it, Esc takes it away", .style = TopStyle::kTitle}};
  }
  if (view.mode == TopMode::kHelp) return styled(" q quit  ? back", TopStyle::kTitle);
  std::string pause = view.paused ? "  p go on" : "  p pause";
  if (columns_ < kAllKeysColumns) pause.clear();
  TopLine line =
      styled(" q quit  ? help" + pause + "  s sort: " + std::string(name(view.sort)) + "  f filter",
             TopStyle::kTitle);
  if (!filter.empty()) line.push_back({.text = ": " + filter, .style = TopStyle::kPaused});
  return line;
}

}  // namespace

TopScreen draw_top(const TopScene& scene) { return Drawing(scene).draw(); }

}  // namespace proxy
