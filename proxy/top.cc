#include "proxy/top.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <memory>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "proxy/exit_code.h"
#include "proxy/signals.h"
#include "proxy/top_feed.h"
#include "proxy/top_history.h"
#include "proxy/top_screen.h"
#include "proxy/top_source.h"
#include "proxy/top_terminal.h"
#include "proxy/top_view.h"

namespace proxy {
namespace {

// A document takes milliseconds; leaving waits for as long at most.
constexpr base::Nanos kAnswerMax = std::chrono::seconds(2);

// The program with the terminal: what came in is looked at, and painted.
class Loop {
 public:
  Loop(TopTerminal& terminal, Signals& signals, std::string source)
      : terminal_(terminal), signals_(signals), source_(std::move(source)) {}

  void show(TopStatus status) {
    lost_ = false;
    answered_ = base::monotonic_now();
    history_.add(std::move(status));
    if (!view_.paused) figures_ = history_.figures();
  }

  void run(TopFeed& feed);

 private:
  void take_answer(TopFeed& feed);
  bool take_keys();
  bool take_signals();
  void paint();

  TopTerminal& terminal_;
  Signals& signals_;
  std::string source_;
  TopView view_;
  TopScroll scroll_;
  TopHistory history_;
  TopFigures figures_;
  base::Nanos answered_{};  // When it was reached for the last time.
  bool lost_ = false;
  std::string loss_;  // Why.
};

void Loop::run(TopFeed& feed) {
  // While the connection is lost, the time since then goes on.
  constexpr int kTickMs = 1000;
  for (;;) {
    paint();
    std::array<pollfd, 3> watched = {{{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                                      {.fd = signals_.fd(), .events = POLLIN, .revents = 0},
                                      {.fd = feed.fd(), .events = POLLIN, .revents = 0}}};
    const int count = poll(watched.data(), watched.size(), lost_ ? kTickMs : -1);
    CHECK(count >= 0 || errno == EINTR);
    if (count <= 0) continue;
    // Nobody sits at the terminal any more.
    if ((watched[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) return;
    take_answer(feed);
    if (!take_signals() || !take_keys()) return;
  }
}

void Loop::take_answer(TopFeed& feed) {
  std::optional<TopFeed::Answer> answer = feed.take();
  if (!answer) return;
  if (*answer) {
    show(**std::move(answer));
    return;
  }
  lost_ = true;
  loss_ = answer->error();
}

bool Loop::take_keys() {
  while (const std::optional<TopKey> key = terminal_.read_key()) {
    const bool was_paused = view_.paused;
    if (!press(view_, *key, scroll_)) return false;
    if (was_paused && !view_.paused) figures_ = history_.figures();
  }
  return true;
}

bool Loop::take_signals() {
  while (const std::optional<int> number = signals_.take()) {
    if (*number == SIGWINCH) {
      terminal_.resize();
    } else if (*number == SIGTSTP) {
      terminal_.suspend();
    } else {
      return false;
    }
  }
  return true;
}

void Loop::paint() {
  std::optional<TopLoss> loss;
  if (lost_) {
    loss = TopLoss{.seconds = base::to_seconds(base::monotonic_now() - answered_), .reason = loss_};
  }
  constexpr double kTimeMax = 1e12;  // Far beyond; a document may say anything.
  const auto now = static_cast<std::time_t>(std::clamp(figures_.status.now, 0.0, kTimeMax));
  std::tm local{};
  std::array<char, 16> clock{};
  if (localtime_r(&now, &local) != nullptr) {
    std::strftime(clock.data(), clock.size(), "%H:%M:%S", &local);
  }
  const TopScreen screen = draw_top({.figures = figures_,
                                     .view = view_,
                                     .source = source_,
                                     .clock = clock.data(),
                                     .loss = loss,
                                     .size = terminal_.size(),
                                     .glyphs = terminal_.glyphs()});
  scroll_ = screen.scroll;
  terminal_.paint(screen);
}

int fail(const std::string& why, int exit_code) {
  fmt::print(stderr, "millrace top: {}\n", why);
  return exit_code;
}

}  // namespace

int run_top(const TopOptions& options) {
  const auto source = TopSource::make(options.target);
  if (!source) return fail(source.error(), kExitUsage);
  const auto ask = [&source] { return source->ask(kAnswerMax); };
  auto first = ask();
  if (!first) return fail(first.error(), kExitFailed);
  // Before the feed's thread, which then has none of them either.
  Signals signals{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP};
  auto terminal = TopTerminal::open();
  if (!terminal) return fail(terminal.error(), kExitFailed);
  Loop loop(**terminal, signals, source->name());
  loop.show(*std::move(first));
  TopFeed feed(ask, std::chrono::duration_cast<base::Nanos>(
                        std::chrono::duration<double>(options.interval_seconds)));
  loop.run(feed);
  // The terminal is free at once; the feed may wait for an answer.
  terminal->reset();
  return kExitDone;
}

}  // namespace proxy
