"""Makes the picture of `millrace top` for the documentation, docs/images/top.txt and top.png, from a proxy with
real-looking services under load, one of whose endpoints is down.

    MILLRACE=build/dev/millrace MILLRACE_BENCH_LOAD=build/dev/tests/bench/bench_load \\
        python3 tests/integration/top_picture.py [--seconds 30] [--folder docs/images]
"""

import argparse
import contextlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time

import harness
import peers
import tmux

COLUMNS, ROWS = 120, 44
# Where a network would be: all of it is this machine.
SERVICES = {
    # name: port, balance, ready connections per endpoint, long sessions, their messages a second, bytes of each
    "redis": (6379, "least_sessions", 8, 240, 1500, 1200),
    "postgres": (5432, "random_two", 4, 60, 300, 8000),
    "mqtt": (1883, "source_hash", 0, 400, 200, 300),
    "http": (8080, "round_robin", 16, 30, 150, 16000),
}
DOWN = ("postgres", 2)


def endpoint(name, index):
    return f"127.0.{list(SERVICES).index(name) + 1}.{11 + index}:{SERVICES[name][0]}"


def configuration():
    listeners, upstreams = [], []
    for name, (port, balance, idle, *_) in SERVICES.items():
        listeners.append({"name": name, "bind": f"127.0.9.1:{port}", "upstream": name})
        upstreams.append({
            "name": name, "balance": balance, "endpoints": [{"address": endpoint(name, i)} for i in range(3)],
            "health": {"type": "tcp", "interval": "500ms", "timeout": "300ms", "rise": 1, "fall": 2},
            **({"pool": {"idle": idle}} if idle else {})})
    return {"workers": {"count": 2}, "listeners": listeners, "upstreams": upstreams,
            "metrics": {"bind": "127.0.0.1:0"}, "admin": {"enable": "off"},
            "log": {"access": False}, "shutdown": {"drain": "1s"}}


class Load(contextlib.ExitStack):
    """Echo services, and clients with long and short sessions, all of them for a bounded time."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds
        self.services = {}

    def program(self, *words):
        process = subprocess.Popen([*harness.dies_with_us(), harness.BENCH_LOAD, *words], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        self.callback(self.end, process)
        return process

    @staticmethod
    def end(process):
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()

    def serve(self):
        for name in SERVICES:
            for index in range(3):
                process = self.program("serve", "--listen", endpoint(name, index))
                process.stdout.readline()  # It listens.
                self.services[name, index] = process

    def clients(self):
        for name, (port, _, _, sessions, rate, size) in SERVICES.items():
            self.program("pingpong", "--target", f"127.0.9.1:{port}", "--connections", str(sessions),
                         "--rate", str(rate), "--message", str(size), "--seconds", str(self.seconds))
            threading.Thread(target=self.short_sessions, args=(name, port), daemon=True).start()

    def short_sessions(self, name, port):
        """Some sessions a second that ask a few times; a service's echo wants a 0 first."""
        end = time.monotonic() + self.seconds
        rng = random.Random(name)
        while time.monotonic() < end:
            with contextlib.suppress(OSError, AssertionError):
                with harness.connect(f"127.0.9.1:{port}") as client:
                    client.sendall(b"\0")
                    peers.ask(client, rng.randbytes(rng.randint(100, 4000)))
                    if rng.random() < 0.2:
                        peers.reset(client)
            time.sleep(rng.expovariate(40))


# --- from a terminal's colours to a page

PALETTE = ["#1b1f24", "#ff6b68", "#57c785", "#f2c55c", "#6ca8ff", "#d290e4", "#4fc1d9", "#d7dce2",
           "#7d8794", "#ff8f8c", "#7ee0a4", "#ffd97a", "#93c0ff", "#e3b2f0", "#7fdcee", "#ffffff"]
FOREGROUND, BACKGROUND = "#d7dce2", "#14171b"
_SGR = re.compile(r"\x1b\[([\d;]*)m|\x0e|\x0f")


class Look:
    """The attributes of a terminal's text while its sequences go by."""

    def __init__(self):
        self.change([0])

    def change(self, codes):
        for code in codes or [0]:
            if code == 0:
                self.colour, self.bold, self.dim, self.reverse, self.underlined = None, False, False, False, False
            elif code == 1:
                self.bold = True
            elif code == 2:
                self.dim = True
            elif code == 4:
                self.underlined = True
            elif code == 7:
                self.reverse = True
            elif 30 <= code <= 37:
                self.colour = PALETTE[code - 30]
            elif 90 <= code <= 97:
                self.colour = PALETTE[code - 82]
            elif code == 39:
                self.colour = None
            elif code not in (49,):
                raise AssertionError(f"a colour that this does not know: {code}")

    def style(self):
        colour, background = self.colour or FOREGROUND, "transparent"
        if self.reverse:
            colour, background = BACKGROUND, self.colour or "#aeb6c0"
        words = [f"color:{colour}", f"background:{background}"]
        words += ["font-weight:bold"] * self.bold + ["opacity:.62"] * self.dim
        return ";".join(words + ["text-decoration:underline"] * self.underlined)


def page(captured):
    look, lines = Look(), []
    for line in captured.splitlines():
        at, column, parts = 0, 0, []
        for match in [*_SGR.finditer(line), None]:
            text = line[at:match.start() if match else len(line)]
            for character in text:
                # Each in its own cell: a browser would choose another width for some of them.
                if character != " " or look.reverse:
                    cell = character.replace("&", "&amp;").replace("<", "&lt;")
                    parts.append(f'<i style="left:{column}ch;{look.style()}">{cell}</i>')
                column += 1
            if match:
                at = match.end()
                look.change([int(code or 0) for code in match[1].split(";")] if match[1] is not None else [])
        lines.append(f"<div>{''.join(parts)}</div>")
    return f"""<!doctype html><meta charset="utf-8"><style>
body {{margin: 0; background: {BACKGROUND}; font: 15px/20px "DejaVu Sans Mono", monospace; padding: 12px}}
div {{position: relative; height: 20px; width: {COLUMNS}ch}}
i {{position: absolute; width: 1ch; height: 20px; font-style: normal; white-space: pre}}
</style>{''.join(lines)}"""


def render(captured, path):
    """By Chromium without a window."""
    width, height = round(COLUMNS * 9.03) + 24, len(captured.splitlines()) * 20 + 24
    with tempfile.TemporaryDirectory(prefix="millrace-picture-") as folder:
        source = os.path.join(folder, "top.html")
        with open(source, "w", encoding="utf-8") as file:
            file.write(page(captured))
        subprocess.run([harness.need("chromium"), "--headless", "--no-sandbox", "--disable-gpu",
                        f"--user-data-dir={folder}/profile", "--hide-scrollbars", f"--window-size={width},{height}",
                        f"--screenshot={path}", "file://" + source],
                       check=True, capture_output=True, timeout=60)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=int, default=30, help="of load before the picture")
    parser.add_argument("--folder", default="docs/images")
    options = parser.parse_args()
    if not harness.BINARY or not harness.BENCH_LOAD:
        sys.exit("set MILLRACE and MILLRACE_BENCH_LOAD to the paths of the programs")
    folder = os.path.abspath(options.folder)
    os.makedirs(folder, exist_ok=True)
    with Load(options.seconds + 30) as load:
        load.serve()
        proxy = load.enter_context(harness.Millrace(configuration()))
        load.clients()
        terminal = tmux.Tmux(COLUMNS, ROWS)
        load.callback(terminal.close)
        # A name as people have it; the terminal's prompt would be in the picture otherwise.
        terminal.type(f"exec {os.path.abspath(harness.BINARY)} top --url http://{proxy.metrics_address}")
        terminal.wait_text("Sessions", "LISTENER")
        half = time.monotonic() + options.seconds / 2
        harness.eventually(lambda: time.monotonic() > half, "half of the time", options.seconds)
        load.services[DOWN].kill()
        end = time.monotonic() + options.seconds / 2
        harness.eventually(lambda: time.monotonic() > end, "the other half", options.seconds)
        terminal.wait_text("1 endpoint is down")
        plain, coloured = terminal.text(), terminal.coloured()
        print(json.loads(proxy.get("/status.json")[1])["totals"]["sessions_active"], "sessions")
        terminal.press("q")
    address = re.compile(re.escape(proxy.metrics_address) + r"(\s*)")
    # The default port instead of the one of this run, in as many columns.
    plain, coloured = (address.sub(lambda it: "127.0.0.1:9464" + " " * (len(it[0]) - 14), text)
                       for text in (plain, coloured))
    with open(os.path.join(folder, "top.txt"), "w", encoding="utf-8") as file:
        file.write("\n".join(line.rstrip() for line in plain.rstrip().splitlines()) + "\n")
    render(coloured, os.path.join(folder, "top.png"))


if __name__ == "__main__":
    main()
