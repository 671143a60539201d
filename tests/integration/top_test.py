"""`millrace top` in a terminal: what it shows of a real proxy under load, its keys, and that it leaves the terminal
as it was, however it ends."""

import os
import re
import signal
import subprocess
import sys

import harness
import loads
import peers
import services
from harness import Millrace, config
from tmux import Tmux

HEALTH = {"type": "tcp", "interval": "100ms", "timeout": "100ms", "rise": 1, "fall": 1}
NUMBER = r"([\d,.]+)"


def figure(screen, label):
    """The number behind a label of the figures at the top."""
    return float(re.search(rf"{label} +{NUMBER}", screen)[1].replace(",", ""))


def row(screen, *words):
    """The first line with all these words."""
    return next((line for line in screen.splitlines() if all(word in line for word in words)), "")


class TopTest(harness.Case):
    def proxy(self, *endpoints, **changes):
        changes.setdefault("upstream", {"health": HEALTH, "pool": {"idle": 2}})
        changes.setdefault("listener", {"name": "main"})
        return self.use(Millrace(config(*endpoints, **changes)))

    def echo(self):
        return self.use(peers.Upstream(peers.echo))

    def top(self, terminal, proxy, *options):
        terminal.type(f"{harness.BINARY} top --url http://{proxy.metrics_address} --interval 0.2 {' '.join(options)}")
        terminal.wait_text("Sessions", "q quit")

    def started(self, *endpoints, columns=100, rows=40, **changes):
        """(proxy, terminal) with the one in the other."""
        proxy = self.proxy(*endpoints, **changes)
        terminal = self.use(Tmux(columns, rows))
        self.top(terminal, proxy)
        return proxy, terminal

    def assert_as_before(self, terminal, settings):
        """The shell is back: its screen, its cursor, and the modes of its terminal."""
        terminal.wait(lambda screen: "Sessions" not in screen and screen.rstrip().endswith("ready$"), "the shell")
        self.assertEqual(terminal.state("alternate_on", "cursor_flag", "keypad_flag"), ["0", "1", "0"])
        self.assertEqual(self.settings(terminal), settings)

    def settings(self, terminal):
        """What stty(1) says, which nobody else can have written to the screen."""
        terminal.type("clear; stty -g")
        screen = terminal.wait(lambda it: re.search(r"^[0-9a-f]+(:[0-9a-f]+){10,}$", it, re.M), "stty")
        terminal.type("clear")
        terminal.wait(lambda it: it.strip() == "ready$", "a clear screen")
        return re.search(r"^[0-9a-f]+(?::[0-9a-f]+){10,}$", screen, re.M)[0]

    # --- what it shows

    def test_numbers_move_under_load(self):
        upstream = self.echo()
        proxy, terminal = self.started(upstream.address)
        screen = terminal.wait_text("All well: 1 listener, 1 upstream, 1 endpoint", "2 of 2")
        self.assertEqual(figure(screen, "Sessions"), 0)
        sessions = self.use(loads.LongSessions(proxy.address(), 7))
        terminal.wait(lambda it: figure(it, "Sessions") == 7, "7 sessions")
        screen = terminal.wait(lambda it: figure(it, "To upstream") > 0 and figure(it, "To client") > 0, "bytes")
        self.assertRegex(row(screen, "main", proxy.address()), rf"open +7 .*{NUMBER} [KM]?i?B/s +{NUMBER} [KM]?i?B/s")
        short = self.use(loads.ShortSessions(proxy.address(), threads=1))
        terminal.wait(lambda it: figure(it, "New sessions") > 0 and row(it, "client", "reset"), "short sessions")
        screen = terminal.wait(lambda it: figure(it, "Set-up p50") > 0, "their set-up")
        self.assertRegex(row(screen, "WORKER", "BUSY"), "SESSIONS")
        self.assertRegex(screen, r"\n 0 +(epoll|io_uring) +[\d.]+ % ")
        self.assertEqual(short.failures, [])
        sessions.stop()
        short.stop()
        terminal.wait(lambda it: figure(it, "Sessions") == 0 and figure(it, "New sessions") == 0, "silence")

    def test_an_endpoint_that_died_is_the_first_thing_one_reads(self):
        alive, mortal = self.echo(), self.echo()
        _, terminal = self.started(alive.address, mortal.address)
        terminal.wait_text("2 of 2 up", "All well")
        mortal.close()
        screen = terminal.wait_text(f"1 endpoint is down: {mortal.address} of up", "1 of 2 up")
        self.assertIn("× down", row(screen, "  " + mortal.address))
        self.assertIn("● up", row(screen, "  " + alive.address))
        lines = screen.splitlines()
        self.assertIn("is down", lines[1])
        # Trouble comes first in its upstream as well, though the configuration has it last.
        where = {address: next(i for i, line in enumerate(lines) if line.startswith("   " + address))
                 for address in (alive.address, mortal.address)}
        self.assertLess(where[mortal.address], where[alive.address])
        # In red, or 31 as terminals say.
        coloured = next(line for line in terminal.coloured().splitlines() if "down" in line and "×" in line)
        self.assertRegex(coloured, r"\x1b\[[\d;]*31m")
        self.use(peers.Upstream(peers.echo, port=int(mortal.address.split(":")[1])))
        terminal.wait_text("2 of 2 up", "All well")

    def test_no_colours_where_the_terminal_or_the_user_has_none(self):
        alive = self.echo()
        proxy = self.proxy(alive.address)
        for environment in ({"TERM": "vt100"}, {"NO_COLOR": "1"}):
            terminal = self.use(Tmux(100, 40, **environment))
            self.top(terminal, proxy)
            terminal.wait_text("● up")
            self.assertNotRegex(terminal.coloured(), r"\x1b\[(?:\d+;)*[34][0-7]m")

    def test_a_locale_without_unicode_gets_ascii(self):
        alive = self.echo()
        terminal = self.use(Tmux(100, 40, LC_ALL="C"))
        self.top(terminal, self.proxy(alive.address))
        screen = terminal.wait_text("+ up", "All well")
        self.assertTrue(screen.isascii(), screen)

    def test_the_admin_socket_is_asked_as_well(self):
        alive = self.echo()
        path = os.path.join(self.folder(), "admin.sock")
        proxy = self.proxy(alive.address, admin={"enable": "on", "bind": "unix:" + path})
        terminal = self.use(Tmux(100, 40))
        terminal.type(f"{harness.BINARY} top --socket {path}")
        terminal.wait_text("All well", f"unix:{path}"[:20])
        self.assertIsNone(proxy.process.poll())

    # --- keys

    def test_scrolls_through_what_does_not_fit(self):
        endpoints = [f"127.0.0.1:{port}" for port in range(20001, 20041)]
        _, terminal = self.started(*endpoints, columns=80, rows=20, upstream={})
        screen = terminal.wait_text("LISTENER", "1–13 of ")
        last = int(re.search(r"–13 of (\d+)", screen)[1])
        terminal.press("Down")
        screen = terminal.wait_text("2–14 of ")
        self.assertNotIn("LISTENER", screen)
        terminal.press("Up")
        terminal.wait_text("LISTENER", "1–13 of ")
        terminal.press("NPage")
        terminal.wait_text("13–25 of ")
        terminal.press("PPage")
        terminal.wait_text("1–13 of ")
        terminal.press("End")
        terminal.wait_text(f"{last - 12}–{last} of {last}", "WORKER")
        terminal.press("Home")
        terminal.wait_text("1–13 of ", "LISTENER")

    def test_sorts(self):
        first, second = self.echo(), self.echo()
        whole = config(first.address)
        whole["listeners"] = [{"name": name, "bind": "127.0.0.1:0", "upstream": "up"} for name in ("zeta", "alpha")]
        whole["upstreams"][0]["endpoints"].append({"address": second.address})
        proxy = self.use(Millrace(whole))
        terminal = self.use(Tmux(100, 40))
        self.top(terminal, proxy)

        def order(screen):
            return [line.split()[0] for line in screen.splitlines() if line.startswith((" zeta ", " alpha "))]

        self.assertEqual(order(terminal.wait_text("sort: trouble")), ["zeta", "alpha"])
        sessions = self.use(loads.LongSessions(proxy.address("alpha"), 3))
        terminal.press("s")
        terminal.wait(lambda it: "sort: sessions" in it and order(it) == ["alpha", "zeta"], "most sessions first")
        more = self.use(loads.LongSessions(proxy.address("zeta"), 5))
        terminal.wait(lambda it: order(it) == ["zeta", "alpha"], "the others")
        terminal.press("s")
        terminal.wait_text("sort: traffic")
        terminal.press("s")
        terminal.wait(lambda it: "sort: name" in it and order(it) == ["alpha", "zeta"], "by name")
        terminal.press("s")
        terminal.wait_text("sort: trouble")
        for load in (sessions, more):
            load.stop()
            self.assertIsNone(load.failure)

    def test_filters_what_is_typed(self):
        first, second = self.echo(), self.echo()
        _, terminal = self.started(first.address, second.address)
        terminal.wait_text(" " + first.address, " " + second.address)
        terminal.press("f")
        terminal.wait_text("Filter: _", "Enter keeps it")
        port = second.address.split(":")[1]
        terminal.type(port + "q", enter=False)  # A letter here is no key.
        terminal.wait_text(f"Nothing has \"{port}q\" in its name")
        terminal.press("BSpace")
        terminal.wait(lambda it: "  " + second.address in it and "  " + first.address not in it, "the second only")
        terminal.press("Enter")
        screen = terminal.wait_text(f"f filter: {port}")
        self.assertNotIn("  " + first.address, screen)
        terminal.press("Escape")
        terminal.wait(lambda it: "  " + first.address in it and f"filter: {port}" not in it, "all of them")

    def test_pauses_and_explains(self):
        upstream = self.echo()
        proxy, terminal = self.started(upstream.address)
        terminal.press("p")
        terminal.wait_text("PAUSED", "p go on")
        sessions = self.use(loads.LongSessions(proxy.address(), 3))
        proxy.wait_metric(3, "sessions_active")
        # The scrapes of this test count as well: one for each look.
        asked, looks = proxy.metrics().value("http_requests_total"), [0]

        def asked_again():
            looks[0] += 1
            return proxy.metrics().value("http_requests_total") >= asked + looks[0] + 3

        harness.eventually(asked_again, "millrace top has asked three times more")
        # Help is drawn anew, and the figures above it are still those from before.
        terminal.press("?")
        screen = terminal.wait_text("KEYS", "STATES OF AN ENDPOINT", "maintenance", "PAUSED")
        self.assertEqual(figure(screen, "Sessions"), 0)
        terminal.press("p")
        terminal.wait(lambda it: figure(it, "Sessions") == 3 and "PAUSED" not in it, "it goes on")
        terminal.press("Escape")
        terminal.wait(lambda it: "KEYS" not in it and "LISTENER" in it, "the figures")
        sessions.stop()

    def test_follows_the_size_of_the_terminal(self):
        upstream = self.echo()
        _, terminal = self.started(upstream.address, columns=100, rows=40)
        terminal.wait_text("ADDRESS", "Memory")
        for columns, rows in ((60, 15), (200, 50), (80, 24)):
            terminal.resize(columns, rows)
            # The bar at the top ends with the time and a space, the one at the bottom begins with a key.
            screen = terminal.wait(
                lambda it, size=(columns, rows): len(it.splitlines()) == size[1]
                and "q quit" in it.splitlines()[-1] and len(it.splitlines()[0].rstrip()) == size[0] - 1,
                f"{columns}x{rows}")
            self.assertIn("Sessions", screen)
            self.assertIn("All well", screen)
        terminal.resize(40, 10)
        screen = terminal.wait_text("too small")
        self.assertRegex(" ".join(screen.split()), "it is 40x10, and millrace top needs 60x15. q quits.")
        terminal.resize(100, 40)
        terminal.wait_text("All well", "LISTENER")
        terminal.resize(40, 10)
        terminal.wait_text("too small")
        terminal.press("q")
        terminal.wait(lambda it: "too small" not in it and it.rstrip().endswith("ready$"), "the shell")

    # --- a proxy that goes away

    def test_a_lost_proxy_is_said_and_comes_back(self):
        upstream = self.echo()
        whole = config(upstream.address, metrics={"bind": f"127.0.0.1:{services.free_port()}"})
        first = self.use(Millrace(whole))
        terminal = self.use(Tmux(100, 40))
        self.top(terminal, first)
        terminal.wait_text("All well")
        first.kill()
        screen = terminal.wait_text("Connection lost", "ago, trying again", "ECONNREFUSED", "The figures are of")
        self.assertIn(upstream.address, screen)
        terminal.wait_text("Connection lost 2 s ago")
        second = self.use(Millrace(whole))
        terminal.wait(lambda it: "Connection lost" not in it and "All well" in it, "the second proxy")
        sessions = self.use(loads.LongSessions(second.address(), 4))
        terminal.wait(lambda it: figure(it, "Sessions") == 4, "its sessions")
        sessions.stop()

    def test_a_proxy_that_does_not_answer_keeps_no_key_waiting(self):
        upstream = self.echo()
        proxy, terminal = self.started(upstream.address)
        terminal.wait_text("All well")
        proxy.signal(signal.SIGSTOP)
        try:
            terminal.wait_text("Connection lost", "does not answer")
            terminal.press("?")
            terminal.wait_text("KEYS")
            terminal.press("q")
            terminal.wait(lambda it: "KEYS" not in it and it.rstrip().endswith("ready$"), "the shell")
        finally:
            proxy.signal(signal.SIGCONT)

    # --- leaving

    def test_leaves_the_terminal_as_it_was(self):
        upstream = self.echo()
        proxy = self.proxy(upstream.address)
        terminal = self.use(Tmux(100, 40))
        settings = self.settings(terminal)
        ways = [("q", lambda: terminal.press("q"), 0), ("Ctrl-C", lambda: terminal.press("C-c"), 0)]
        ways += [(number.name, lambda number=number: os.kill(terminal.child(), number), 0)
                 for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT)]
        # As a failed CHECK or a bug would end it.
        ways += [(number.name, lambda number=number: os.kill(terminal.child(), number), 128 + number)
                 for number in (signal.SIGABRT, signal.SIGSEGV)]
        if harness.SANITIZER:
            ways = ways[:6]  # It has handlers of its own for the last two.
        terminal.type("ulimit -c 0; clear")
        for what, leave, code in ways:
            with self.subTest(what):
                self.top(terminal, proxy)
                terminal.wait_text("All well")
                self.assertEqual(terminal.state("alternate_on", "cursor_flag"), ["1", "0"])
                leave()
                self.assert_as_before_with_code(terminal, settings, code)

    def assert_as_before_with_code(self, terminal, settings, code):
        terminal.wait(lambda screen: "Sessions" not in screen and screen.rstrip().endswith("ready$"), "the shell")
        terminal.type("echo code=$?")
        terminal.wait_text(f"code={code}\n")
        self.assert_as_before(terminal, settings)

    def test_ends_with_its_terminal(self):
        upstream = self.echo()
        proxy = self.proxy(upstream.address)
        # A terminal that goes sends SIGCONT as well. That takes back the SIGSTOP with which the leak sanitizer
        # begins its look at the end, and it would wait for ever.
        terminal = Tmux(100, 40, ASAN_OPTIONS="detect_leaks=0")
        self.top(terminal, proxy)
        pid = terminal.child()
        self.assertTrue(os.path.exists(f"/proc/{pid}"))
        terminal.close()
        harness.eventually(lambda: not os.path.exists(f"/proc/{pid}"), "the end of millrace top")

    def test_stops_and_goes_on_as_a_job(self):
        upstream = self.echo()
        _, terminal = self.started(upstream.address)
        terminal.wait_text("All well")
        terminal.press("C-z")
        terminal.wait(lambda it: "Stopped" in it and it.rstrip().endswith("ready$"), "the shell")
        self.assertEqual(terminal.state("alternate_on", "cursor_flag"), ["0", "1"])
        terminal.type("fg")
        terminal.wait_text("All well", "q quit")
        terminal.press("q")
        terminal.wait(lambda it: "All well" not in it and it.rstrip().endswith("ready$"), "the shell")

    # --- what it refuses

    def refused(self, code, *options, **environment):
        done = subprocess.run([harness.BINARY, "top", *options], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False, timeout=harness.DEADLINE_S, env={**os.environ, **environment})
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1 if code == 1 else done.stderr.count("\n"), done.stderr)
        return done.stderr

    def test_says_in_a_sentence_why_it_cannot_begin(self):
        nobody = self.use(peers.Refusing())
        self.assertIn(f"no answer from {nobody.address}: ", self.refused(1, "--url", f"http://{nobody.address}"))
        self.assertIn("no answer from unix:/nowhere/admin.sock: ", self.refused(1, "--socket", "/nowhere/admin.sock"))
        upstream = self.echo()
        proxy = self.proxy(upstream.address)
        # The listener is no metrics port: it echoes the question.
        self.assertRegex(self.refused(1, "--url", f"http://{proxy.address()}"), "not HTTP|no answer")
        self.assertIn("it draws on a terminal", self.refused(1, "--url", f"http://{proxy.metrics_address}"))

    def test_says_when_another_program_answers(self):
        for body, said in ((b"hello", "the answer is not JSON"), (b"[1]", "it is not an object"),
                           (b'{"a": 1}', "'totals' is missing")):
            def answer(connection, body=body):
                with connection:
                    connection.recv(peers.CHUNK)
                    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                    connection.sendall(head.encode() + body)

            web = self.use(peers.Upstream(answer))
            text = self.refused(1, "--url", f"http://{web.address}")
            self.assertIn(f"no status document at {web.address}: ", text)
            self.assertIn(said, text)

    def test_says_that_it_does_not_know_the_terminal(self):
        upstream = self.echo()
        proxy = self.proxy(upstream.address)
        terminal = self.use(Tmux(100, 40))
        for name, said in (("no-such-terminal", "does not know the terminal"), ("", "TERM is not set"),
                           ("dumb", "dumb")):
            terminal.type(f"clear; TERM={name} {harness.BINARY} top --url http://{proxy.metrics_address}; echo code=$?")
            screen = terminal.wait_text("code=1\n")
            self.assertIn(said, " ".join(screen.split()))

    def test_says_what_is_wrong_with_its_options(self):
        for options, said in ((("--interval", "0"), "--interval"), (("--interval", "x"), "--interval"),
                              (("--url", "ftp://x"), "not a URL"), (("--url", "http://127.0.0.1"), "not a URL"),
                              (("--url", "http://127.0.0.1:1", "--socket", "/x"), "--socket"),
                              (("--token-file", "/x"), "--url"), (("surplus",), "surplus")):
            self.assertIn(said, self.refused(2, *options))


if __name__ == "__main__":
    try:
        harness.need("tmux")
    except AssertionError as error:
        print(f"skipped: {error}")
        sys.exit(harness.SKIPPED)
    harness.main()
