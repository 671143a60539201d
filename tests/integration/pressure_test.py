"""Much at once: readers that stop by the thousand, resets and a shutdown with everything in flight."""

import json
import random
import selectors
import signal
import socket
import subprocess
import threading
import time

import harness
import loads
import peers
from harness import BENCH_LOAD, Millrace, config, scaled


def beside_echo(upstream, echo, **changes):
    """Listener `main` before the upstream, `echo` before the echo."""
    whole = config(upstream.address, **changes)
    whole["listeners"].append({"name": "echo", "bind": "127.0.0.1:0", "upstream": "echo"})
    whole["upstreams"].append({"name": "echo", "endpoints": [{"address": echo.address}]})
    return whole


class Bench:
    """A run of bench_load against the proxy, in a process of its own."""

    def __init__(self, kind, address, connections, seconds):
        self.process = subprocess.Popen(
            [*harness.dies_with_us(), BENCH_LOAD, kind, "--target", address,
             "--connections", str(connections), "--seconds", str(seconds)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def report(self):
        return json.loads(self.process.communicate(timeout=8 * harness.DEADLINE_S)[0])

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


# What each session is sent. More than the buffers on its way hold.
STREAM_BYTES = 512 * 1024
# Each session's bytes begin elsewhere, so that those of another show.
SHIFT = 61
# Small ones, so that a thousand stopped sessions do not use up the machine's TCP memory (tcp_mem).
SOCKET_BYTES, SEGMENT_BYTES = 2048, 300


def stream(number, data):
    return data[number * SHIFT:number * SHIFT + STREAM_BYTES]


class Flood:
    """Sends to every client whatever it takes, in a thread, until each has its stream and its end."""

    def __init__(self, connections, data):
        self.sent = [0] * len(connections)
        self.failure = None
        self._data = data
        self._selector = selectors.DefaultSelector()
        for number, connection in enumerate(connections):
            connection.setblocking(False)
            self._selector.register(connection, selectors.EVENT_WRITE, number)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            while self._selector.get_map() and not self._stop.is_set():
                for key, _ in self._selector.select(0.1):
                    self._send(key.fileobj, key.data)
        except OSError as error:
            self.failure = repr(error)

    def _send(self, connection, number):
        rest = stream(number, self._data)[self.sent[number]:]
        try:
            self.sent[number] += connection.send(rest)
        except BlockingIOError:
            return
        if self.sent[number] == STREAM_BYTES:
            self._selector.unregister(connection)
            connection.shutdown(socket.SHUT_WR)

    def wait_stuck(self):
        """Something was sent to each, and nothing more goes."""
        seen = [0, 0.0]

        def same():
            now = time.monotonic()
            if sum(self.sent) != seen[0] or 0 in self.sent:
                seen[:] = sum(self.sent), now
            return self.failure or now - seen[1] > 1

        harness.eventually(same, "the senders to be stuck", 4 * harness.DEADLINE_S)
        if self.failure:
            raise AssertionError(self.failure)

    def close(self):
        self._stop.set()
        self._thread.join()
        self._selector.close()


class StoppedReadersTest(harness.Case):
    SESSIONS = scaled(1000, 150)
    OTHERS = 50
    # What the program itself may hold for one that has stopped; but a pipe may hold the whole stream.
    HELD_BYTES_MAX = 64 * 1024

    def open(self, proxy, upstream):
        """(the client, who will not read yet, the upstream's end)."""
        client = self.use(socket.socket())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BYTES)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_BYTES)
        client.settimeout(harness.DEADLINE_S)
        client.connect(harness.split_address(proxy.address()))
        taken = self.use(upstream.take())
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
        return client, taken

    def read_streams(self, clients, data):
        """Every client reads to its end; each byte is looked at."""
        selector = self.use(selectors.DefaultSelector())
        read = [0] * len(clients)
        for number, client in enumerate(clients):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, STREAM_BYTES)  # In fewer pieces.
            selector.register(client, selectors.EVENT_READ, number)
        while selector.get_map():
            ready = selector.select(harness.DEADLINE_S)
            self.assertTrue(ready, f"{len(selector.get_map())} streams stand still")
            for key, _ in ready:
                number = key.data
                piece = key.fileobj.recv(peers.CHUNK)
                if not piece:
                    selector.unregister(key.fileobj)
                    self.assertEqual(read[number], STREAM_BYTES, f"session {number}")
                    continue
                expected = stream(number, data)[read[number]:read[number] + len(piece)]
                if piece != expected:
                    self.fail(f"session {number}: other bytes than sent behind byte {read[number]}")
                read[number] += len(piece)

    def test_others_go_on_while_a_thousand_do_not_read(self):
        upstream, echo = self.use(peers.Manual()), self.use(peers.EchoProcess())
        proxy = self.use(Millrace(beside_echo(upstream, echo, io_uring={"buffers": "64KiB"})))
        others = self.use(loads.LongSessions(proxy.address("echo"), self.OTHERS))
        others.wait(3)
        pairs = [self.open(proxy, upstream) for _ in range(self.SESSIONS)]
        clients = [client for client, _ in pairs]
        data = memoryview(peers.pattern(STREAM_BYTES + SHIFT * self.SESSIONS))
        flood = self.use(Flood([taken for _, taken in pairs], data))
        others.wait(3)
        flood.wait_stuck()
        self.assertLess(max(flood.sent), STREAM_BYTES, "one was not stopped at all")
        others.wait(scaled(100, 20))
        others.stop()

        # All of them still stand stopped, and nothing that belongs to everybody is with them.
        proxy.wait_metric(0, "transport_buffers_in_use")
        metrics = proxy.metrics()
        self.assertEqual(metrics.value("sessions_active", listener="main"), self.SESSIONS)
        held = metrics.value("transport_held_bytes")
        print(f"stopped: {held:.0f} bytes held,"
              f" {metrics.value('transport_buffers_exhausted_total'):.0f} times no buffer,"
              f" {sum(flood.sent) // self.SESSIONS} bytes sent a session")
        pipes = metrics.value("transport_pipes_max")
        self.assertLessEqual(held, self.SESSIONS * self.HELD_BYTES_MAX + pipes * STREAM_BYTES)
        # Nobody asks in vain meanwhile: the time is what is measured here.
        cpu = proxy.cpu_seconds()
        time.sleep(1)
        self.assertLess(proxy.cpu_seconds() - cpu, 0.25)
        if harness.TRANSPORT == "io_uring":
            self.assertEqual(metrics.value("transport_buffers_max", worker="0") * 4096, 64 * 1024)
            self.assertGreater(metrics.value("transport_buffers_exhausted_total"), 0)

        again = self.use(loads.LongSessions(proxy.address("echo"), self.OTHERS))
        self.read_streams(clients, data)
        again.wait(3)
        again.stop()
        self.assertIsNone(flood.failure)
        for client in clients:
            client.close()
        proxy.wait_ends({("client", "eof"): 2 * self.OTHERS, ("upstream", "eof"): self.SESSIONS})
        metrics = proxy.metrics()
        for gauge in ("transport_held_bytes", "transport_buffers_in_use", "transport_connections"):
            self.assertEqual(metrics.value(gauge), 0, gauge)
        self.assertEqual(metrics.value("relay_bytes_total", listener="main", direction="to_client"),
                         self.SESSIONS * STREAM_BYTES)


class ResetsTest(harness.Case):
    CLIENTS = scaled(150, 40)
    WAVES = scaled(30, 8)
    MESSAGES = (0, 1, 100, 4096, 20_000, 150_000)

    def wave(self, proxy, rng):
        """All connect, send, and reset at once: some before their endpoint is there, some in mid-flow."""
        payload = peers.pattern(max(self.MESSAGES))
        clients = [proxy.connect() for _ in range(self.CLIENTS)]
        for client in clients:
            client.setblocking(False)
            size = rng.choice(self.MESSAGES)
            if size:
                client.send(b"E" + payload[:size])
        for client in rng.sample(clients, len(clients) // 3):
            try:
                client.recv(rng.choice(self.MESSAGES) + 1)
            except BlockingIOError:
                pass
        for client in clients:
            peers.reset(client)

    def settled(self, proxy):
        """Descriptors when nothing is open, but for those that are kept on purpose."""
        for gauge in ("sessions_active", "transport_connections", "transport_held_bytes",
                      "transport_buffers_in_use"):
            proxy.wait_metric(0, gauge)
        return proxy.descriptors() - 2 * proxy.metrics().value("transport_pipes_open")

    def test_resets_with_operations_in_flight_under_load(self):
        upstream, echo = self.use(loads.EchoServer()), self.use(peers.EchoProcess())
        proxy = self.use(Millrace(beside_echo(upstream, echo, log={"access": False})))
        seed = random.SystemRandom().randrange(1 << 32)
        rng = random.Random(seed)
        self.wave(proxy, rng)
        before = self.settled(proxy)

        others = self.use(loads.LongSessions(proxy.address("echo"), 20))
        load = self.use(Bench("pingpong", proxy.address(), 16, 3))
        waves = 0
        while waves < self.WAVES or load.process.poll() is None:
            self.wave(proxy, rng)
            waves += 1
        report = load.report()
        self.assertEqual(report["errors"], 0, f"seed {seed}: {report}")
        others.wait(10)
        others.stop()

        after = self.settled(proxy)
        metrics = proxy.metrics()
        ends = metrics.ends()
        print(f"{waves} waves: {before:.0f} -> {after:.0f} descriptors, {ends}")
        # One more or less is the scrape's own connection.
        self.assertLessEqual(abs(after - before), 1, f"seed {seed}")
        accepted = metrics.value("listener_accepted_total")
        self.assertEqual(accepted, (1 + waves) * self.CLIENTS + 16 + 20, f"seed {seed}")
        self.assertEqual(sum(ends.values()), accepted, f"seed {seed}: {ends}")
        self.assertEqual(metrics.value("session_duration_seconds_count"), accepted)
        self.assertEqual(metrics.value("endpoint_sessions_active"), 0)
        self.assertEqual(metrics.value("worker_sessions_active"), 0)
        self.assertEqual({actor for actor, _ in ends}, {"client"}, f"seed {seed}: {ends}")


class ShutdownTest(harness.Case):
    SESSIONS = scaled(2500, 300)
    STREAMS = 16
    # From the last signal or the deadline to the end of the process.
    END_S = scaled(10, 60)

    def start(self, drain):
        echo = self.use(loads.EchoServer())
        proxy = self.use(Millrace(config(echo.address, shutdown={"drain": drain})))
        # One after the other: bulk leaves little of two processors to those who connect.
        self.use(Bench("pingpong", proxy.address(), self.SESSIONS, 600))
        proxy.wait_metric(self.SESSIONS, "sessions_active")
        self.use(Bench("bulk-down", proxy.address(), self.STREAMS, 600))
        proxy.wait_metric(self.SESSIONS + self.STREAMS, "sessions_active")
        moved = proxy.metrics().value("relay_bytes_total", direction="to_upstream")
        harness.eventually(lambda: proxy.metrics().value("relay_bytes_total", direction="to_upstream")
                           > moved + self.SESSIONS * 64, "traffic")
        return proxy

    def assert_ended(self, proxy, began, drain_s):
        self.assertEqual(proxy.wait_exit(), 0)
        self.assertLess(time.monotonic() - began, drain_s + self.END_S)
        # bench_load gives up after 100 resets: whoever is left then has ended by himself.
        self.assertEqual(len(proxy.access_lines()), self.SESSIONS + self.STREAMS)
        self.assertGreater(len(proxy.access_lines(actor="admin", cause="drain")), 0)

    def test_the_deadline_ends_thousands_in_mid_flow(self):
        proxy = self.start("1s")
        began = time.monotonic()
        proxy.signal(signal.SIGTERM)
        self.assert_ended(proxy, began, 1)
        self.assertGreaterEqual(time.monotonic() - began, 0.9)

    def test_a_second_signal_ends_thousands_at_once(self):
        proxy = self.start("5m")
        proxy.signal(signal.SIGTERM)
        # Two signals of a kind that are pending are one.
        harness.eventually(lambda: proxy.get("/readyz")[0] == 503, "/readyz 503")
        began = time.monotonic()
        proxy.signal(signal.SIGTERM)
        self.assert_ended(proxy, began, 0)


if __name__ == "__main__":
    harness.main()
