"""A terminal for programs that draw on one: a shell in a tmux of its own, without a window."""

import contextlib
import os
import shlex
import subprocess
import tempfile

import harness


class Tmux:
    """`environment` comes on top of a plain one. Size as in a terminal: columns and rows."""

    def __init__(self, columns=100, rows=30, **environment):
        self._folder = tempfile.TemporaryDirectory(prefix="millrace-tmux-")
        # The path of a UNIX socket has its limits; that of TMPDIR may be long.
        self._socket = os.path.join(self._folder.name, "s")
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        self._environment = {**inherited, "TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
        # tmux's own shell has another idea of PS1.
        shell = {"PS1": "ready$ ", "LC_ALL": "C.UTF-8", **environment}
        words = [shlex.quote(f"{name}={value}") for name, value in shell.items()]
        # -f: no configuration of whoever runs this. The shell must not have one either.
        self._run("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows),
                  f"exec env {' '.join(words)} bash --norc --noprofile")
        self.wait_text("ready$")

    def _run(self, *words):
        done = subprocess.run([harness.need("tmux"), "-S", self._socket, *words], capture_output=True, text=True,
                              check=False, env=self._environment, timeout=harness.DEADLINE_S)
        if done.returncode != 0:
            raise AssertionError(f"tmux {words}: {done.stderr}")
        return done.stdout

    def type(self, text, enter=True):
        self._run("send-keys", "-l", text)
        if enter:
            self.press("Enter")

    def press(self, *keys):
        """Keys by tmux's names: Up, PPage, Escape, C-c, q."""
        self._run("send-keys", *keys)

    def text(self):
        """What is on the screen."""
        return self._run("capture-pane", "-p")

    def coloured(self):
        """The same with the escape sequences of its colours, and with the spaces at the ends of lines."""
        return self._run("capture-pane", "-p", "-e", "-N")

    def wait(self, condition, what):
        """The first screen of which condition(text) is true, and of the next one, which is returned: tmux may be
        asked while it has read half of what a program has drawn."""
        last = [""]

        def reached():
            for _ in range(2):
                last[0] = self.text()
                if not condition(last[0]):
                    return False
            return True

        try:
            harness.eventually(reached, what)
        except AssertionError:
            raise AssertionError(f"{what}; the screen is:\n{last[0]}") from None
        return last[0]

    def wait_text(self, *texts):
        return self.wait(lambda screen: all(text in screen for text in texts), f"{texts} on the screen")

    def resize(self, columns, rows):
        self._run("resize-window", "-x", str(columns), "-y", str(rows))

    def state(self, *variables):
        """tmux's variables of the pane, such as alternate_on."""
        return self._run("display-message", "-p", " ".join(f"#{{{name}}}" for name in variables)).split()

    def child(self):
        """Process id of what the shell runs."""
        shell = int(self.state("pane_pid")[0])

        def found():
            with open(f"/proc/{shell}/task/{shell}/children", encoding="ascii") as children:
                return [int(word) for word in children.read().split()]

        return harness.eventually(found, "a program in the shell")[0]

    def close(self):
        # It has ended by itself when the shell has.
        with contextlib.suppress(AssertionError):
            self._run("kill-server")
        self._folder.cleanup()
