#include "proxy/top_terminal.h"

// The macros of ncurses have names such as timeout, move and clear.
#define NCURSES_NOMACROS 1
#define NCURSES_WIDECHAR 1
#include <langinfo.h>
#include <ncurses.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <clocale>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <string>
#include <string_view>

#include "base/assert.h"

namespace proxy {
namespace {

// A key that sends several bytes is complete after so long, or it was Esc. A slow line needs more
// than ncurses would wait for on its own machine.
constexpr int kEscapeMs = 50;

constexpr int kCannotReturn = ERR;

// What a signal handler needs to give the terminal back when the program is about to die. A handler
// can reach nothing but a global; the terminal is one as well.
struct Rescue {
  termios mode{};
  std::array<char, 128> text{};
  std::size_t size = 0;
};
Rescue rescue;

constexpr std::array kFatalSignals = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

// Async-signal-safe calls only. SA_RESETHAND: the signal kills when it is raised again.
void give_back_and_die(int number) {
  static_cast<void>(!::write(STDOUT_FILENO, rescue.text.data(), rescue.size));
  tcsetattr(STDIN_FILENO, TCSANOW, &rescue.mode);
  static_cast<void>(raise(number));
}

// A capability of the terminal without the waits ("$<5>") that some old ones ask for.
void keep_for_rescue(const char* capability) {
  const char* text = tigetstr(capability);
  std::string_view rest = text != nullptr ? text : "";  // Not every terminal has each.
  while (!rest.empty() && rescue.size < rescue.text.size()) {
    if (rest.starts_with("$<")) {
      rest.remove_prefix(std::min(rest.find('>') + 1, rest.size()));
      continue;
    }
    rescue.text.at(rescue.size++) = rest.front();
    rest.remove_prefix(1);
  }
}

void prepare_rescue() {
  rescue.size = 0;
  // Attributes off, cursor on, keypad off, the screen from before.
  for (const char* capability : {"sgr0", "cnorm", "rmkx", "rmcup"}) keep_for_rescue(capability);
  struct sigaction action {};
  action.sa_handler = give_back_and_die;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  for (const int number : kFatalSignals) CHECK(sigaction(number, &action, nullptr) == 0);
}

void end_rescue() {
  for (const int number : kFatalSignals) CHECK(std::signal(number, SIG_DFL) != SIG_ERR);
}

short colour_of(TopStyle style) {
  switch (style) {
    case TopStyle::kGood:
      return COLOR_GREEN;
    case TopStyle::kNote:
      return COLOR_MAGENTA;
    case TopStyle::kWarning:
    case TopStyle::kPaused:
      return COLOR_YELLOW;
    case TopStyle::kBad:
      return COLOR_RED;
    case TopStyle::kHeading:
    case TopStyle::kBar:
    case TopStyle::kChart:
      return COLOR_CYAN;
    case TopStyle::kPlain:
    case TopStyle::kStrong:
    case TopStyle::kDim:
    case TopStyle::kTitle:
      return -1;
  }
  return -1;
}

// Words and symbols say the same as the colours do.
chtype attributes_of(TopStyle style, bool colours) {
  switch (style) {
    case TopStyle::kPlain:
    case TopStyle::kGood:
    case TopStyle::kBar:
    case TopStyle::kChart:
      return A_NORMAL;
    case TopStyle::kDim:
      return A_DIM;
    case TopStyle::kTitle:
      return A_REVERSE;
    case TopStyle::kPaused:
      return A_REVERSE | A_BOLD;
    case TopStyle::kBad:
      return colours ? A_BOLD : A_REVERSE;
    case TopStyle::kNote:
      return colours ? A_NORMAL : A_UNDERLINE;
    case TopStyle::kStrong:
    case TopStyle::kWarning:
    case TopStyle::kHeading:
      return A_BOLD;
  }
  return A_NORMAL;
}

std::string utf8(wint_t code) {
  std::array<char, MB_LEN_MAX> bytes{};
  std::mbstate_t state{};
  const std::size_t size = std::wcrtomb(bytes.data(), static_cast<wchar_t>(code), &state);
  return size > bytes.size() ? std::string() : std::string(bytes.data(), size);
}

TopKey::Kind special(wint_t code) {
  switch (code) {
    case KEY_UP:
      return TopKey::Kind::kUp;
    case KEY_DOWN:
      return TopKey::Kind::kDown;
    case KEY_PPAGE:
      return TopKey::Kind::kPageUp;
    case KEY_NPAGE:
      return TopKey::Kind::kPageDown;
    case KEY_HOME:
      return TopKey::Kind::kHome;
    case KEY_END:
      return TopKey::Kind::kEnd;
    case KEY_ENTER:
      return TopKey::Kind::kEnter;
    case KEY_BACKSPACE:
      return TopKey::Kind::kErase;
    default:
      return TopKey::Kind::kOther;
  }
}

TopKey character(wint_t code) {
  constexpr wint_t kEscape = 0x1b;
  constexpr wint_t kDelete = 0x7f;
  constexpr wint_t kSpace = 0x20;
  if (code == kEscape) return {.kind = TopKey::Kind::kEscape};
  if (code == '\r' || code == '\n') return {.kind = TopKey::Kind::kEnter};
  if (code == kDelete || code == '\b') return {.kind = TopKey::Kind::kErase};
  if (code < kSpace) return {.kind = TopKey::Kind::kOther};
  return {.kind = TopKey::Kind::kText, .text = utf8(code)};
}

class Ncurses final : public TopTerminal {
 public:
  explicit Ncurses(SCREEN* screen) : screen_(screen) {
    const bool utf8_locale = std::string_view(nl_langinfo(CODESET)) == "UTF-8";
    glyphs_ = utf8_locale ? unicode_glyphs() : ascii_glyphs();
    set_up();
    prepare_rescue();
  }
  ~Ncurses() override {
    end_rescue();
    endwin();
    delscreen(screen_);
  }
  Ncurses(const Ncurses&) = delete;
  Ncurses& operator=(const Ncurses&) = delete;

  const TopGlyphs& glyphs() const override { return glyphs_; }

  TopSize size() const override {
    return {.columns = static_cast<std::size_t>(std::max(getmaxx(stdscr), 0)),
            .rows = static_cast<std::size_t>(std::max(getmaxy(stdscr), 0))};
  }

  void resize() override {
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
      resizeterm(size.ws_row, size.ws_col);
    }
    // What the terminal made of the old picture is not known.
    clearok(curscr, TRUE);
  }

  void paint(const TopScreen& screen) override {
    werase(stdscr);
    int row = 0;
    for (const TopLine& line : screen.lines) {
      wmove(stdscr, row++, 0);
      for (const TopSpan& span : line) {
        wattrset(stdscr, static_cast<int>(look_of(span.style)));
        waddstr(stdscr, span.text.c_str());
      }
    }
    wattrset(stdscr, A_NORMAL);
    wrefresh(stdscr);
  }

  std::optional<TopKey> read_key() override {
    wint_t code = 0;
    const int result = wget_wch(stdscr, &code);
    if (result == kCannotReturn) return std::nullopt;
    if (result == KEY_CODE_YES) return TopKey{.kind = special(code)};
    return character(code);
  }

  void suspend() override {
    endwin();
    CHECK(raise(SIGSTOP) == 0);
    // Somebody has sent SIGCONT. The window may be another one now.
    resize();
    wrefresh(stdscr);
  }

 private:
  void set_up() {
    cbreak();
    noecho();
    nonl();
    nodelay(stdscr, TRUE);
    keypad(stdscr, TRUE);
    set_escdelay(kEscapeMs);
    curs_set(0);
    colours_ = std::getenv("NO_COLOR") == nullptr && has_colors() && start_color() == OK;
    if (!colours_) return;
    const short background = use_default_colors() == OK ? short{-1} : short{COLOR_BLACK};
    for (short colour = COLOR_BLACK; colour <= COLOR_WHITE; ++colour) {
      init_pair(static_cast<short>(colour + 1), colour, background);
    }
  }

  chtype look_of(TopStyle style) const {
    const chtype attributes = attributes_of(style, colours_);
    const short colour = colour_of(style);
    if (!colours_ || colour < 0) return attributes;
    return attributes | static_cast<chtype>(COLOR_PAIR(colour + 1));
  }

  SCREEN* screen_;
  TopGlyphs glyphs_;
  bool colours_ = false;
};

}  // namespace

base::Parsed<std::unique_ptr<TopTerminal>> TopTerminal::open() {
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) {
    return base::failure(std::string(
        "it draws on a terminal, and standard input or output is none; for programs there is"
        " `millrace ctl status --json`"));
  }
  CHECK(tcgetattr(STDIN_FILENO, &rescue.mode) == 0);
  std::setlocale(LC_CTYPE, "");
  const char* name = std::getenv("TERM");
  if (name == nullptr || *name == '\0') {
    return base::failure(std::string("TERM is not set, so that the terminal's kind is not known"));
  }
  SCREEN* screen = newterm(nullptr, stdout, stdin);
  if (screen == nullptr) {
    return base::failure("this machine does not know the terminal that TERM names, \"" +
                         std::string(name) + "\"; TERM=xterm may do");
  }
  if (const char* move = tigetstr("cup"); move == nullptr) {
    endwin();
    delscreen(screen);
    return base::failure("the terminal that TERM names, \"" + std::string(name) +
                         "\", cannot place text");
  }
  return std::make_unique<Ncurses>(screen);
}

}  // namespace proxy
