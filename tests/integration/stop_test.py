"""SIGTERM, SIGINT, SIGQUIT, again and in storms; kill -9 and at once a new start."""

import os
import signal
import time

import harness
import loads
import peers
from harness import Millrace, config


class DrainTest(harness.Case):
    def start(self, drain, **changes):
        self.upstream = self.use(peers.Upstream(peers.echo))
        proxy = self.use(Millrace(config(self.upstream.address, shutdown={"drain": drain}, **changes)))
        client = self.use(proxy.connect())
        peers.ask(client)
        return proxy, client

    def assert_draining(self, proxy, client):
        """No longer ready, nobody new, and the old ones served."""
        harness.eventually(lambda: proxy.get("/readyz")[0] == 503, "/readyz 503")
        self.assertIn("draining", proxy.get("/readyz")[1])
        self.assertEqual(proxy.get("/healthz")[0], 200)
        self.assert_refused(proxy)
        self.assertEqual(peers.ask(client, b"served"), b"served")

    def assert_refused(self, proxy):
        def refused():
            try:
                proxy.connect().close()
            except (ConnectionRefusedError, ConnectionResetError):
                return True
            return False

        harness.eventually(refused, "new clients refused")

    def test_sessions_that_end_before_the_deadline_end_the_program(self):
        proxy, client = self.start("5m")
        began = time.monotonic()
        proxy.signal(signal.SIGTERM)
        self.assert_draining(proxy, client)
        client.close()
        self.assertEqual(proxy.wait_exit(), 0)
        self.assertLess(time.monotonic() - began, 60)
        # A look for the refusal may still have met an open door; it sends nothing.
        served = [line for line in proxy.access_lines(actor="client", cause="eof") if line["bytes_to_upstream"] != "0"]
        self.assertEqual(len(served), 1)

    def test_sessions_that_are_left_at_the_deadline_are_reset(self):
        proxy, client = self.start("1500ms")
        began = time.monotonic()
        proxy.signal(signal.SIGINT)
        self.assert_draining(proxy, client)
        self.assertEqual(peers.read_all(client), (b"", "reset"))
        self.assertGreaterEqual(time.monotonic() - began, 1.4)
        self.assertEqual(proxy.wait_exit(), 0)
        self.assertEqual(len(proxy.access_lines(actor="admin", cause="drain")), 1)

    def test_a_second_signal_stops_at_once(self):
        proxy, client = self.start("5m")
        proxy.signal(signal.SIGTERM)
        self.assert_draining(proxy, client)
        proxy.signal(signal.SIGTERM)
        self.assertEqual(peers.read_all(client), (b"", "reset"))
        self.assertEqual(proxy.wait_exit(), 0)

    def test_sigquit_waits_without_a_deadline(self):
        proxy, client = self.start("100ms")
        proxy.signal(signal.SIGQUIT)
        self.assert_draining(proxy, client)
        began = time.monotonic()
        while time.monotonic() - began < 0.5:  # Five deadlines of SIGTERM.
            self.assertEqual(peers.ask(client), b"ping")
        client.close()
        self.assertEqual(proxy.wait_exit(), 0)

    def test_sigterm_makes_an_end_to_sigquits_patience(self):
        proxy, client = self.start("5m")
        proxy.signal(signal.SIGQUIT)
        self.assert_draining(proxy, client)
        proxy.signal(signal.SIGTERM)
        self.assertEqual(proxy.wait_exit(), 0)

    def test_no_reload_while_draining(self):
        proxy, client = self.start("5m")
        proxy.signal(signal.SIGTERM)
        self.assert_draining(proxy, client)
        for _ in range(100):
            proxy.signal(signal.SIGHUP)
        proxy.wait_log("not reloading: the proxy is stopping")
        self.assertEqual(peers.ask(client), b"ping")
        client.close()
        self.assertEqual(proxy.wait_exit(), 0)

    def test_a_storm_of_signals_under_load(self):
        proxy, _ = self.start("5m")
        load = self.use(loads.ShortSessions(proxy.address(), threads=2))
        load.wait(10)
        for number in [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT] * 50:
            if proxy.process.poll() is None:
                proxy.signal(number)
        self.assertEqual(proxy.wait_exit(), 0)
        load.stop()

    def test_harmless_signals_are_ignored(self):
        proxy, client = self.start("1s")
        for number in (signal.SIGPIPE, signal.SIGUSR1, signal.SIGUSR2):
            proxy.signal(number)
        self.assertEqual(peers.ask(client), b"ping")
        self.assertEqual(proxy.get("/readyz")[0], 200)

    def test_a_stop_while_nothing_is_open_is_quick(self):
        proxy, client = self.start("5m")
        client.close()
        proxy.wait_metric(0, "sessions_active")
        proxy.signal(signal.SIGTERM)
        self.assertEqual(proxy.wait_exit(), 0)

    def test_a_stop_while_endpoints_are_being_dialled(self):
        hole = self.use(peers.BlackHole())
        proxy = self.use(Millrace(config(hole.address, shutdown={"drain": "200ms"},
                                         upstream={"connect": {"timeout": "1h"}})))
        client = self.use(proxy.connect())
        proxy.wait_metric(1, "sessions_active")
        proxy.signal(signal.SIGTERM)
        self.assertEqual(peers.read_all(client), (b"", "reset"))
        self.assertEqual(proxy.wait_exit(), 0)


class CrashTest(harness.Case):
    def test_kill_minus_nine_and_a_new_start_at_once(self):
        upstream = self.use(peers.Upstream(peers.echo))
        socket_path = f"unix:{self.folder()}/left-behind.sock"
        first = Millrace(config(upstream.address))
        tcp = first.address()
        first.close()
        file = config(upstream.address, listener={"bind": [tcp, socket_path]})
        for _ in range(3):
            proxy = self.use(Millrace(file))
            clients = [self.use(proxy.connect()), self.use(harness.connect(socket_path))]
            for client in clients:
                self.assertEqual(peers.ask(client), b"ping")
            proxy.kill()
            self.assertTrue(os.path.exists(socket_path.removeprefix("unix:")))
        last = self.use(Millrace(file))
        for address in last.addresses():
            with harness.connect(address) as client:
                self.assertEqual(peers.ask(client), b"ping")


if __name__ == "__main__":
    harness.main()
