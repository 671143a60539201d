// The terminal of `millrace top`: the only place that knows ncurses. Paints screens, reads keys,
// and gives the terminal back as it was, whatever ends the program; only SIGKILL leaves no chance.
// One at a time; used by the main thread.
#pragma once

#include <memory>
#include <optional>

#include "base/result.h"
#include "proxy/top_screen.h"
#include "proxy/top_text.h"
#include "proxy/top_view.h"

namespace proxy {

class TopTerminal {
 public:
  // Takes the terminal of stdin and stdout over. The error says why it cannot.
  static base::Parsed<std::unique_ptr<TopTerminal>> open();
  virtual ~TopTerminal() = default;

  // What the terminal and the locale can show.
  virtual const TopGlyphs& glyphs() const = 0;
  virtual TopSize size() const = 0;
  // After SIGWINCH: the size is another one.
  virtual void resize() = 0;
  virtual void paint(const TopScreen& screen) = 0;
  // A key that was pressed, or nothing. Never waits longer than the rest of a key's bytes takes.
  virtual std::optional<TopKey> read_key() = 0;
  // After SIGTSTP: gives the terminal back, stops the process, and takes it over again when it goes
  // on.
  virtual void suspend() = 0;
};

}  // namespace proxy
