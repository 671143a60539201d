"""Makes the picture of `millrace top` for the documentation, docs/images/top.txt and top.png, from a proxy with
real-looking services under load, one of whose endpoints is down.

    MILLRACE=build/dev/millrace python3 tests/integration/top_picture.py [--seconds 30] [--folder docs/images]
"""

import argparse
import contextlib
import json
import math
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
    "redis": (6379, "least_sessions", 8, 240, 900, 1200),
    "postgres": (5432, "least_sessions", 4, 90, 200, 8000),
    "mqtt": (1883, "random_two", 0, 400, 150, 300),
    "http": (8080, "round_robin", 16, 60, 100, 16000),
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
        self._stop = threading.Event()
        self._threads = []

    def serve(self):
        for name in SERVICES:
            for index in range(3):
                service = peers.EchoProcess(endpoint(name, index))
                self.callback(service.close)
                self.services[name, index] = service

    def clients(self):
        for name, (port, _, _, sessions, rate, size) in SERVICES.items():
            address = f"127.0.9.1:{port}"
            for work in (self.long_sessions, self.short_sessions):
                thread = threading.Thread(target=work, args=(address, sessions, rate, size), daemon=True)
                thread.start()
                self._threads.append(thread)

    def finish(self):
        """While the proxy is still there."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def long_sessions(self, address, sessions, rate, size):
        """Sessions that stay; one that is lost is opened again."""
        start, rng, open_ones = time.monotonic(), random.Random(address), []
        while not self._stop.is_set() and time.monotonic() < start + self.seconds:
            # More and fewer of them, as in the life of a service.
            wave = 0.8 + 0.2 * math.sin((time.monotonic() - start) / 3)
            while len(open_ones) < sessions * wave:
                open_ones.append(harness.connect(address))
            for _ in range(min(5, max(0, round(len(open_ones) - sessions * wave)))):
                open_ones.pop(0).close()
            for _ in range(max(1, round(rate * wave / 20))):
                client = rng.choice(open_ones)
                try:
                    peers.ask(client, bytes(rng.randint(size // 2, size * 3 // 2)))
                except (OSError, AssertionError):
                    open_ones.remove(client)
                    client.close()
                    open_ones.append(harness.connect(address))
            time.sleep(0.05)
        for client in open_ones:
            client.close()

    def short_sessions(self, address, sessions, rate, _):
        end = time.monotonic() + self.seconds
        rng = random.Random(address)
        while not self._stop.is_set() and time.monotonic() < end:
            with contextlib.suppress(OSError, AssertionError):
                with harness.connect(address) as client:
                    peers.ask(client, bytes(rng.randint(100, 4000)))
                    if rng.random() < 0.1:
                        peers.reset(client)
            time.sleep(rng.expovariate(sessions / 8))


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
                    parts.append(f'<i style="left:{column * 9}px;{look.style()}">{cell}</i>')
                column += 1
            if match:
                at = match.end()
                look.change([int(code or 0) for code in match[1].split(";")] if match[1] is not None else [])
        lines.append(f"<div>{''.join(parts)}</div>")
    return f"""<!doctype html><meta charset="utf-8"><style>
body {{margin: 0; background: {BACKGROUND}; font: 15px/20px "DejaVu Sans Mono", monospace; padding: 12px}}
div {{position: relative; height: 20px; width: {COLUMNS * 9}px}}
i {{position: absolute; width: 9px; height: 20px; font-style: normal; white-space: pre}}
</style>{''.join(lines)}"""


def render(captured, path):
    """By Chromium without a window."""
    width, height = COLUMNS * 9 + 24, len(captured.splitlines()) * 20 + 24
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
    if not harness.BINARY:
        sys.exit("set MILLRACE to the path of the binary")
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
        load.services[DOWN].close()
        end = time.monotonic() + options.seconds / 2
        harness.eventually(lambda: time.monotonic() > end, "the other half", options.seconds)
        terminal.wait_text("1 endpoint is down")
        plain, coloured = terminal.text(), terminal.coloured()
        print(json.loads(proxy.get("/status.json")[1])["totals"]["sessions_active"], "sessions")
        terminal.press("q")
        load.finish()
    # The default port instead of the one of this run, in as many columns.
    usual = "127.0.0.1:9464"
    plain, coloured = (text.replace(proxy.metrics_address, usual)
                       .replace(usual + " ", usual.ljust(len(proxy.metrics_address) + 1))
                       for text in (plain, coloured))
    with open(os.path.join(folder, "top.txt"), "w", encoding="utf-8") as file:
        file.write("\n".join(line.rstrip() for line in plain.rstrip().splitlines()) + "\n")
    render(coloured, os.path.join(folder, "top.png"))


if __name__ == "__main__":
    main()
