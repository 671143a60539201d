#include "proxy/top_sections.h"

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "proxy/number_text.h"

namespace proxy {
namespace {

constexpr std::size_t kBarCells = 10;
constexpr std::size_t kLoadCells = 20;
// Of columns whose numbers change all the time: as wide as these usually get.
constexpr std::size_t kCountCells = 8;
constexpr std::size_t kByteRateCells = 10;
// Two tables beside each other need as much.
constexpr std::size_t kWideCells = 110;

// A share of a core from which a worker is busy, and from which it has no more to give.
constexpr double kBusy = 0.7;
constexpr double kFull = 0.9;

using Row = std::vector<TopLine>;

TopLine plain(std::string text) { return {{.text = std::move(text)}}; }
TopLine dim(std::string text) { return {{.text = std::move(text), .style = TopStyle::kDim}}; }

// What a number is worth looking at: nothing is dim.
TopLine number(std::string text, bool nothing) {
  return nothing ? dim(std::move(text)) : plain(std::move(text));
}
TopLine rate_cell(const std::optional<TopCounters>& rates, double TopCounters::*counter) {
  if (!rates) return dim(rate_text(std::nullopt));
  const double value = (*rates).*counter;
  return number(rate_text(value), value == 0);
}
TopLine bytes_cell(const std::optional<TopCounters>& rates, std::size_t direction) {
  if (!rates) return dim(byte_rate_text(std::nullopt));
  const double value = rates->bytes.at(direction);
  return number(byte_rate_text(value), value == 0);
}
// Bad when it is more than nothing.
TopLine failures(std::string text, bool nothing, TopStyle style) {
  return nothing ? dim(std::move(text)) : TopLine{{.text = std::move(text), .style = style}};
}

double traffic(const std::optional<TopCounters>& rates) {
  return rates ? rates->bytes[0] + rates->bytes[1] : 0;
}

// What rows are sorted by; the smallest first.
struct SortKey {
  TopLevel level = TopLevel::kGood;
  double sessions = 0;
  double traffic = 0;
  std::string_view name;
};

// Equal ones stay in the order of the configuration.
bool comes_before(const SortKey& a, const SortKey& b, TopSort sort) {
  switch (sort) {
    case TopSort::kTrouble:
      return a.level < b.level;
    case TopSort::kSessions:
      return a.sessions > b.sessions;
    case TopSort::kTraffic:
      return a.traffic > b.traffic;
    case TopSort::kName:
      return a.name < b.name;
  }
  return false;
}

// The indices of a list in the order of their keys.
template <typename KeyOf>
std::vector<std::size_t> sorted(std::size_t count, TopSort sort, KeyOf key_of) {
  std::vector<std::pair<SortKey, std::size_t>> keyed;
  for (std::size_t i = 0; i < count; ++i) keyed.emplace_back(key_of(i), i);
  std::stable_sort(keyed.begin(), keyed.end(), [sort](const auto& a, const auto& b) {
    return comes_before(a.first, b.first, sort);
  });
  std::vector<std::size_t> indices;
  indices.reserve(count);
  for (const auto& [key, index] : keyed) indices.push_back(index);
  return indices;
}

class Sections {
 public:
  Sections(const TopFigures& figures, const TopView& view, const TopGlyphs& glyphs)
      : figures_(figures), status_(figures.status), view_(view), glyphs_(glyphs) {}

  TopTable listeners() const;
  TopTable upstreams() const;
  TopTable pools() const;
  TopTable workers() const;
  TopTable ends() const;

 private:
  Row listener_row(std::size_t index) const;
  Row upstream_row(std::size_t index) const;
  Row endpoint_row(const TopEndpoint& endpoint, double most) const;
  Row pool_row(std::size_t index) const;
  void add_endpoints(TopTable& table, const TopUpstream& upstream, bool all) const;

  std::string shown(std::string_view text) const { return printable(text, glyphs_); }
  bool wanted(std::string_view text) const { return matches(text, view_.filter); }
  bool wanted(const TopEndpoint& endpoint) const {
    return wanted(endpoint.address) || wanted(endpoint.removed ? "removed" : endpoint.state);
  }
  TopLine state(TopLevel level, std::string_view word) const {
    return {{.text = std::string(symbol_of(level, glyphs_)) + " " + shown(word),
             .style = style_of(level)}};
  }
  std::vector<std::size_t> sorted_upstreams() const {
    return sorted(status_.upstreams.size(), view_.sort, [this](std::size_t i) {
      const TopUpstream& upstream = status_.upstreams[i];
      return SortKey{.level = level_of(upstream),
                     .sessions = upstream.sessions,
                     .traffic = traffic(figures_.upstreams[i]),
                     .name = upstream.name};
    });
  }

  const TopFigures& figures_;
  const TopStatus& status_;
  const TopView& view_;
  const TopGlyphs& glyphs_;
};

TopTable Sections::listeners() const {
  TopTable table;
  table.columns = {
      {.title = "LISTENER"},
      {.title = "ADDRESS", .dispensable = 4},
      {.title = "STATE"},
      {.title = "SESSIONS", .right = true, .width = kCountCells},
      {.title = "NEW", .right = true, .width = kCountCells},
      {.title = "TO UPSTREAM", .right = true, .dispensable = 1, .width = kByteRateCells},
      {.title = "TO CLIENT", .right = true, .dispensable = 1, .width = kByteRateCells},
      {.title = "TURNED AWAY", .right = true, .dispensable = 3},
      {.title = "UPSTREAM", .dispensable = 5}};
  const auto key = [this](std::size_t i) {
    const TopListener& listener = status_.listeners[i];
    const auto problem = problem_of(listener, figures_.listeners[i]);
    return SortKey{.level = problem ? problem->level : TopLevel::kGood,
                   .sessions = listener.sessions,
                   .traffic = traffic(figures_.listeners[i]),
                   .name = listener.name};
  };
  for (const std::size_t i : sorted(status_.listeners.size(), view_.sort, key)) {
    const TopListener& listener = status_.listeners[i];
    const bool bind_wanted = std::any_of(listener.binds.begin(), listener.binds.end(),
                                         [this](const std::string& bind) { return wanted(bind); });
    Row row = listener_row(i);
    if (wanted(listener.name) || wanted(listener.upstream) || bind_wanted ||
        wanted(plain_text(row[2]))) {
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

Row Sections::listener_row(std::size_t index) const {
  const TopListener& listener = status_.listeners[index];
  const std::optional<TopCounters>& rates = figures_.listeners[index];
  std::string binds;
  if (!listener.binds.empty()) binds = shown(listener.binds.front());
  if (listener.binds.size() > 1) binds += " +" + std::to_string(listener.binds.size() - 1);
  const auto problem = problem_of(listener, rates);
  TopLine word = state(TopLevel::kGood, "open");
  if (problem) word = state(problem->level, problem->word);
  if (listener.removed) word = state(TopLevel::kNote, "removed");
  std::string sessions = count_text(listener.sessions);
  if (listener.max_sessions > 0) sessions += " of " + count_text(listener.max_sessions);
  const std::string upstream = listener.upstream.empty() ? glyphs_.dash : shown(listener.upstream);
  const double rejected = rates ? rates->rejected : 0;
  return {{{.text = shown(listener.name), .style = TopStyle::kStrong}},
          dim(binds),
          word,
          number(sessions, listener.sessions == 0),
          rate_cell(rates, &TopCounters::accepted),
          bytes_cell(rates, 0),
          bytes_cell(rates, 1),
          failures(rate_text(rates ? std::optional(rejected) : std::nullopt), rejected == 0,
                   TopStyle::kWarning),
          dim(upstream)};
}

TopTable Sections::upstreams() const {
  TopTable table;
  table.columns = {
      {.title = "UPSTREAM"},
      {.title = "STATE", .width = 13},
      {.title = "SESSIONS", .right = true, .width = kCountCells},
      {.title = "", .dispensable = 4, .width = kBarCells},
      {.title = "TO UPSTREAM", .right = true, .dispensable = 2, .width = kByteRateCells},
      {.title = "TO CLIENT", .right = true, .dispensable = 2, .width = kByteRateCells},
      {.title = "FAILURES", .right = true, .dispensable = 1},
      {.title = "WEIGHT", .right = true, .dispensable = 3},
      {.title = "NOTES", .dispensable = 5}};
  for (const std::size_t i : sorted_upstreams()) {
    const TopUpstream& upstream = status_.upstreams[i];
    const bool all = wanted(upstream.name);
    const bool some = std::any_of(upstream.endpoints.begin(), upstream.endpoints.end(),
                                  [this](const TopEndpoint& it) { return wanted(it); });
    if (!all && !some) continue;
    table.rows.push_back(upstream_row(i));
    add_endpoints(table, upstream, all);
  }
  return table;
}

void Sections::add_endpoints(TopTable& table, const TopUpstream& upstream, bool all) const {
  double most = 1;
  for (const TopEndpoint& endpoint : upstream.endpoints) most = std::max(most, endpoint.sessions);
  const auto key = [&upstream](std::size_t i) {
    const TopEndpoint& endpoint = upstream.endpoints[i];
    return SortKey{.level = level_of_state(endpoint.state),
                   .sessions = endpoint.sessions,
                   .traffic = endpoint.sessions,  // The document has no bytes of endpoints.
                   .name = endpoint.address};
  };
  for (const std::size_t i : sorted(upstream.endpoints.size(), view_.sort, key)) {
    const TopEndpoint& endpoint = upstream.endpoints[i];
    if (all || wanted(endpoint)) table.rows.push_back(endpoint_row(endpoint, most));
  }
}

Row Sections::upstream_row(std::size_t index) const {
  const TopUpstream& upstream = status_.upstreams[index];
  const std::optional<TopCounters>& rates = figures_.upstreams[index];
  const auto up = std::count_if(
      upstream.endpoints.begin(), upstream.endpoints.end(),
      [](const TopEndpoint& it) { return level_of_state(it.state) == TopLevel::kGood; });
  const std::string health = count_text(static_cast<double>(up)) + " of " +
                             count_text(static_cast<double>(upstream.endpoints.size())) + " up";
  const TopLevel level = level_of(upstream);
  TopLine notes = dim(shown(upstream.balance));
  if (upstream.queue > 0) {
    notes.push_back(
        {.text = "  " + things_text(upstream.queue, "waits", "wait"), .style = TopStyle::kWarning});
  }
  const double failed = rates ? rates->connect_failures : 0;
  return {{{.text = shown(upstream.name), .style = TopStyle::kStrong}},
          state(level, upstream.removed ? "removed" : health),
          {{.text = count_text(upstream.sessions), .style = TopStyle::kStrong}},
          {},
          bytes_cell(rates, 0),
          bytes_cell(rates, 1),
          failures(rate_text(rates ? std::optional(failed) : std::nullopt), failed == 0,
                   TopStyle::kWarning),
          {},
          notes};
}

Row Sections::endpoint_row(const TopEndpoint& endpoint, double most) const {
  const TopLevel level = level_of_state(endpoint.state);
  std::string sessions = count_text(endpoint.sessions);
  if (endpoint.max_sessions > 0) sessions += " of " + count_text(endpoint.max_sessions);
  const double share =
      endpoint.sessions / (endpoint.max_sessions > 0 ? endpoint.max_sessions : most);
  std::string notes;
  const auto note = [&notes](const std::string& text) {
    notes += (notes.empty() ? "" : ", ") + text;
  };
  if (endpoint.overridden) note("by the admin API");
  if (endpoint.priority > 0) note("priority " + count_text(endpoint.priority));
  if (!endpoint.checked && !endpoint.removed) note("not checked");
  return {plain("  " + shown(endpoint.address)),
          state(level, endpoint.removed ? "removed" : endpoint.state),
          number(sessions, endpoint.sessions == 0),
          bar(share, kBarCells, TopStyle::kBar, glyphs_),
          {},
          {},
          failures(count_text(endpoint.connect_failures), endpoint.connect_failures == 0,
                   TopStyle::kPlain),
          dim(count_text(endpoint.weight)),
          dim(notes)};
}

TopTable Sections::pools() const {
  TopTable table;
  table.columns = {{.title = "POOL"},
                   {.title = "READY", .right = true},
                   {.title = "", .dispensable = 3, .width = kBarCells},
                   {.title = "CONNECTING", .right = true, .dispensable = 2},
                   {.title = "HITS", .right = true},
                   {.title = "TAKEN", .right = true, .width = kCountCells},
                   {.title = "MISSED", .right = true, .dispensable = 1, .width = kCountCells},
                   {.title = "STALE", .right = true, .dispensable = 1, .width = kCountCells}};
  for (const std::size_t i : sorted_upstreams()) {
    const TopUpstream& upstream = status_.upstreams[i];
    if (upstream.pool && wanted(upstream.name)) table.rows.push_back(pool_row(i));
  }
  return table;
}

Row Sections::pool_row(std::size_t index) const {
  const TopUpstream& upstream = status_.upstreams[index];
  const std::optional<TopCounters>& rates = figures_.upstreams[index];
  const TopPool& pool = *upstream.pool;
  std::optional<double> hits;
  if (rates && rates->pool_hits + rates->pool_misses > 0) {
    hits = rates->pool_hits / (rates->pool_hits + rates->pool_misses);
  }
  const double share = pool.wanted > 0 ? pool.idle / pool.wanted : 0;
  return {{{.text = shown(upstream.name), .style = TopStyle::kStrong}},
          plain(count_text(pool.idle) + " of " + count_text(pool.wanted)),
          bar(share, kBarCells, TopStyle::kBar, glyphs_),
          number(count_text(pool.connecting), pool.connecting == 0),
          number(percent_text(hits), !hits),
          rate_cell(rates, &TopCounters::pool_hits),
          rate_cell(rates, &TopCounters::pool_misses),
          rate_cell(rates, &TopCounters::pool_stale)};
}

TopTable Sections::workers() const {
  TopTable table;
  table.columns = {{.title = "WORKER"},
                   {.title = "ENGINE"},
                   {.title = "BUSY", .right = true, .width = 5},
                   {.title = "", .dispensable = 1, .width = kLoadCells},
                   {.title = "SESSIONS", .right = true, .width = kCountCells}};
  for (std::size_t i = 0; i < status_.workers.size(); ++i) {
    const TopWorker& worker = status_.workers[i];
    const std::string index = count_text(worker.index);
    if (!wanted("worker " + index) && !wanted(worker.engine)) continue;
    const double busy = figures_.busy[i].value_or(0);
    const TopStyle style = busy >= kFull   ? TopStyle::kBad
                           : busy >= kBusy ? TopStyle::kWarning
                                           : TopStyle::kBar;
    table.rows.push_back({plain(index), dim(shown(worker.engine)),
                          number(percent_text(figures_.busy[i]), busy == 0),
                          bar(busy, kLoadCells, style, glyphs_),
                          number(count_text(worker.sessions), worker.sessions == 0)});
  }
  return table;
}

TopTable Sections::ends() const {
  TopTable table;
  table.columns = {{.title = "ENDED BY"},
                   {.title = "CAUSE"},
                   {.title = "NOW", .right = true, .width = kCountCells},
                   {.title = "IN ALL", .right = true, .width = 10}};
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < status_.ends.size(); ++i) {
    const TopEnd& end = status_.ends[i];
    if (wanted(end.actor) || wanted(end.cause)) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
    return std::tuple(figures_.ends[a].value_or(0), status_.ends[a].count) >
           std::tuple(figures_.ends[b].value_or(0), status_.ends[b].count);
  });
  for (const std::size_t i : order) {
    const TopEnd& end = status_.ends[i];
    table.rows.push_back({plain(shown(end.actor)), plain(shown(end.cause)),
                          number(rate_text(figures_.ends[i]), figures_.ends[i].value_or(0) == 0),
                          plain(count_text(end.count))});
  }
  return table;
}

}  // namespace

TopStyle style_of(TopLevel level) {
  switch (level) {
    case TopLevel::kBad:
      return TopStyle::kBad;
    case TopLevel::kWarning:
      return TopStyle::kWarning;
    case TopLevel::kNote:
      return TopStyle::kNote;
    case TopLevel::kGood:
      return TopStyle::kGood;
  }
  return TopStyle::kPlain;
}

const char* symbol_of(TopLevel level, const TopGlyphs& glyphs) {
  switch (level) {
    case TopLevel::kBad:
      return glyphs.bad;
    case TopLevel::kWarning:
      return glyphs.warning;
    case TopLevel::kNote:
      return glyphs.note;
    case TopLevel::kGood:
      return glyphs.good;
  }
  return glyphs.note;
}

std::vector<TopLine> draw_sections(const TopFigures& figures, const TopView& view,
                                   std::size_t cells, const TopGlyphs& glyphs) {
  const Sections sections(figures, view, glyphs);
  std::vector<std::vector<TopLine>> blocks;
  for (const TopTable& table : {sections.listeners(), sections.upstreams(), sections.pools()}) {
    if (!table.rows.empty()) blocks.push_back(lay_out(table, cells, glyphs));
  }
  const TopTable workers = sections.workers();
  const TopTable ends = sections.ends();
  if (cells >= kWideCells && !workers.rows.empty() && !ends.rows.empty()) {
    const std::size_t half = cells / 2;
    blocks.push_back(
        beside(lay_out(workers, half, glyphs), lay_out(ends, cells - half, glyphs), half, glyphs));
  } else {
    for (const TopTable* table : {&workers, &ends}) {
      if (!table->rows.empty()) blocks.push_back(lay_out(*table, cells, glyphs));
    }
  }
  std::vector<TopLine> lines;
  for (const std::vector<TopLine>& block : blocks) {
    if (!lines.empty()) lines.emplace_back();
    lines.insert(lines.end(), block.begin(), block.end());
  }
  return lines;
}

}  // namespace proxy
