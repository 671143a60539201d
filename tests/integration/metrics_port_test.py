"""The metrics port under clients that misbehave, and what a scrape says while things change."""

import concurrent.futures
import copy
import os
import re
import socket
import subprocess
import threading

import harness
import loads
import peers
from harness import Metrics, Millrace, config, need


def raw(address, data, read=True):
    """Sends bytes and gives back what comes until the end; "" when it is cut."""
    with harness.connect(address) as client:
        try:
            client.sendall(data)
            if not read:
                return b""
            client.shutdown(socket.SHUT_WR)
            return peers.read_all(client)[0]
        except OSError:
            return b""


class BadClientsTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.upstream = self.use(peers.EchoProcess())
        self.proxy = self.use(Millrace(config(self.upstream.address)))
        self.load = self.use(loads.ShortSessions(self.proxy.address(), threads=2))
        self.address = self.proxy.metrics_address

    def tearDown(self):
        # Whatever the port went through: it answers, and no session has noticed.
        self.assertEqual(self.proxy.get("/metrics")[0], 200)
        self.load.wait(20)
        self.load.stop()
        self.assertEqual(self.load.failures, [])
        super().tearDown()

    def test_half_sent_requests_keep_nobody_out(self):
        # prometheus-cpp's own server was blocked for more than 12 s by four of them (C7.112).
        for _ in range(80):
            client = self.use(harness.connect(self.address))
            client.sendall(b"GET /metrics HTTP/1.1\r\nHo")
        for _ in range(5):
            self.assertEqual(self.proxy.get("/metrics", timeout=5)[0], 200)

    def test_scrapers_that_do_not_read(self):
        for _ in range(80):
            client = self.use(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client.connect(harness.split_address(self.address))
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(5):
            self.assertEqual(self.proxy.get("/metrics", timeout=5)[0], 200)

    def test_bytes_that_are_not_requests(self):
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(500)
        lines = [b"\r\n" * 1000, b"GET\r\n\r\n", b"GET /metrics\r\n\r\n", b"GET " + b"/" * 20_000 + b" HTTP/1.1\r\n\r\n",
                 b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(10_000)) + b"\r\n",
                 b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                 b"GET /metrics HTTP/9.9\r\nHost: x\r\n\r\n", b"\0" * 5000, hello, os.urandom(4000),
                 b"GET http://" + b"h" * 5000 + b"/metrics HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"GET /%00%ff%zz HTTP/1.1\r\nHost: x\r\n\r\n", b"DELETE / HTTP/1.1\r\nHost: x\r\n\r\n"]
        # Side by side: what is half a request waits for its idle timeout of 10 s.
        with concurrent.futures.ThreadPoolExecutor(len(lines)) as pool:
            answers = list(pool.map(lambda line: raw(self.address, line), lines))
        for line, answer in zip(lines, answers):
            self.assertNotIn(b"HTTP/1.1 200", answer, line[:60])

    def test_clients_that_reset_in_the_middle(self):
        for length in range(1, 40):
            client = harness.connect(self.address)
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: example\r\n\r\n"[:length])
            peers.reset(client)

    def test_other_paths_and_methods(self):
        self.assertEqual(self.proxy.get("/healthz")[0], 200)
        self.assertEqual(self.proxy.get("/nothing")[0], 404)
        self.assertIn(b" 405 ", raw(self.address, b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"))


class PageTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.upstream = self.use(peers.Upstream(peers.echo))

    def check(self, text):
        done = subprocess.run([need("promtool"), "check", "metrics"], input=text, text=True,
                              capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stderr.strip()), (0, ""), done.stdout)

    def test_promtool_likes_a_live_page(self):
        nobody = self.use(peers.Refusing())
        whole = config(self.upstream.address)
        whole["listeners"].append({"name": "lost", "bind": "127.0.0.1:0", "upstream": "gone"})
        whole["upstreams"].append({"name": "gone", "endpoints": [{"address": nobody.address}]})
        proxy = self.use(Millrace(whole))
        with proxy.connect() as client:
            peers.ask(client)
            peers.fate(proxy, "lost")
            proxy.wait_metric(1, "sessions_total", cause="connect_refused")
            self.check(proxy.metrics().text)

    def test_every_metric_of_the_contract_is_there(self):
        proxy = self.use(Millrace(config(self.upstream.address)))
        with proxy.connect() as client:
            peers.ask(client)
        proxy.wait_ends({("client", "eof"): 1})
        text = proxy.metrics().text
        for name in ("build_info", "start_time_seconds", "config_generation", "config_reloads_total",
                     "listener_accepted_total", "listener_rejected_total", "listener_paused", "sessions_active",
                     "sessions_total", "session_duration_seconds", "session_setup_seconds", "relay_bytes_total",
                     "relay_method_bytes_total", "upstream_connect_seconds", "endpoint_sessions_active",
                     "worker_busy_seconds_total", "worker_loop_seconds", "worker_sessions_active"):
            self.assertRegex(text, rf"(?m)^millrace_{name}(_bucket)?[ {{]")
        for name in ("resident_memory_bytes", "open_fds", "max_fds", "cpu_seconds_total"):
            self.assertRegex(text, rf"(?m)^process_{name} ")

    def test_names_are_escaped_or_refused(self):
        for name in ('a"} 1', "back\\slash", "two\nlines", "ünïcode", "x" * 200):
            file = config(self.upstream.address, listener={"name": name})
            proxy = self.use(Millrace(file, wait=False))
            proxy.expect_exit = (0, 2)

            def started(proxy=proxy):
                return proxy.process.poll() is not None or "metrics: http" in proxy.log()

            harness.eventually(started, "a start or a refusal")
            if proxy.process.poll() is None:
                proxy.wait_ready()
                self.check(proxy.metrics().text)
            else:
                self.assertRegex(proxy.log(), r":\d+:\d+: error: ")

    def test_counters_never_fall_over_reloads(self):
        base = config(self.upstream.address)
        other = copy.deepcopy(base)
        other["listeners"].append({"name": "second", "bind": "127.0.0.1:0", "upstream": "up"})
        proxy = self.use(Millrace(base))
        load = self.use(loads.ShortSessions(proxy.address(), threads=2))
        pages, done = [], threading.Event()

        def scrape():
            while not done.is_set():
                pages.append(proxy.metrics().text)

        scraper = threading.Thread(target=scrape)
        scraper.start()
        for number in range(10):
            load.wait(10)
            proxy.reload(other if number % 2 == 0 else base)
        done.set()
        scraper.join()
        load.stop()
        self.assertEqual(load.failures, [])
        self.assertGreater(len(pages), 10)
        counters = set(re.findall(r"(?m)^# TYPE (\S+) (?:counter|histogram)$", pages[0]))
        highest = {}
        for page in pages:
            for (name, labels), value in Metrics(page).series.items():
                family = re.sub(r"_(bucket|sum|count)$", "", name)
                if family in counters or name in counters:
                    self.assertGreaterEqual(value, highest.get((name, labels), 0), (name, labels))
                    highest[name, labels] = value
        self.assertGreater(len(highest), 50)


if __name__ == "__main__":
    harness.main()
