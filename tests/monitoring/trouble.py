"""A Millrace with several listeners, and enough going on that every panel has something to show: load,
bulk, pools that go stale, queues that overflow, limits, endpoints that are dead, silent or reset, and DNS."""

import pathlib
import socket
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

import harness  # noqa: E402
import loads  # noqa: E402
import peers  # noqa: E402
import services  # noqa: E402

BULK_BYTES = 8 << 20


def _resets(connection):
    connection.recv(1)
    peers.reset(connection)


def _hangs_up(connection):
    """Closes what stands idle, as a service with a short timeout does; answers once before."""
    connection.settimeout(0.4)
    try:
        data = connection.recv(4096)
        if data:
            connection.sendall(data)
            connection.recv(4096)
    except TimeoutError:
        pass
    finally:
        connection.close()


def _bulk(connection):
    with connection:
        connection.recv(1)
        connection.sendall(peers.pattern(BULK_BYTES))
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)


def _keeps(connection):
    with connection:
        while connection.recv(4096):
            pass


class Stage:
    """What stands behind the proxies; one for all of them."""

    def __init__(self, case):
        self.echo = [case.use(peers.EchoProcess()) for _ in range(2)]
        self.resets = case.use(peers.Upstream(_resets))
        self.hangs_up = case.use(peers.Upstream(_hangs_up))
        self.bulk = case.use(peers.Upstream(_bulk))
        self.keeps = case.use(peers.Upstream(_keeps))
        self.dead = case.use(peers.Refusing())
        # The addresses are told by the name server: the echo, and one that cannot be used.
        self.names = case.use(services.NameServer("app IN A 127.0.0.1", "app IN A 0.0.0.0"))

    def config(self, transport):
        port = int(self.echo[0].address.rpartition(":")[2])
        health = {"interval": "500ms", "fast_interval": "200ms", "timeout": "400ms", "rise": 1, "fall": 2}
        upstreams = {
            "web": {"endpoints": [self.echo[0], self.echo[1], self.dead], "balance": "round_robin",
                    "health": None, "pool": {"idle": 4}},
            "checked": {"endpoints": [self.echo[0], self.dead], "health": health},
            "down": {"endpoints": [self.dead], "health": health, "connect": {"attempts": 1}},
            "flaky": {"endpoints": [self.resets, self.echo[0]], "balance": "round_robin",
                      "outlier": {"consecutive_failures": 2, "ejection": "2s"}},
            "stale": {"endpoints": [self.hangs_up], "pool": {"idle": 4}},
            "bulk": {"endpoints": [self.bulk]},
            "narrow": {"endpoints": [self.keeps], "limits": {
                "max_sessions": 2, "max_connecting": 1, "queue": 2, "queue_timeout": "700ms"}},
            "named": {"dns": {"name": "app.example", "port": port, "refresh": "500ms",
                              "servers": [self.names.address]}},
        }
        made = []
        for name, upstream in upstreams.items():
            entry = {"name": name, **{key: value for key, value in upstream.items() if value}}
            if "endpoints" in entry:
                entry["endpoints"] = [{"address": each.address, "max_sessions": 1000}
                                      for each in entry["endpoints"]]
            made.append(entry)
        return {"workers": {"count": 2}, "transport": transport,
                "listeners": [{"name": name, "bind": "127.0.0.1:0", "upstream": name} for name in upstreams]
                + [{"name": "full", "bind": "127.0.0.1:0", "upstream": "web", "max_sessions": 1}],
                "upstreams": made, "metrics": {"bind": "127.0.0.1:0"}, "shutdown": {"drain": "0s"}}


class Trouble:
    """Clients of one proxy, a few of each kind, until close(). What they are told is not their test's
    business; that some succeed is: `served` and `bulk_bytes` grow."""

    def __init__(self, proxy):
        self._proxy = proxy
        self._stop = threading.Event()
        self.served = self.bulk_bytes = 0
        actions = [self._ask("web"), self._ask("web"), self._ask("checked"), self._ask("flaky"),
                   self._ask("stale", 0.2), self._ask("named"), self._ask("down", 0.1), self._ask("full", 0.05),
                   self._download, self._stay("full", 0.5), *[self._stay("narrow", 1)] * 6, self._hang_up_early]
        self._threads = [threading.Thread(target=self._repeat, args=(action,), daemon=True) for action in actions]
        self._long = loads.LongSessions(proxy.address("web"), 8)
        for thread in self._threads:
            thread.start()

    def _repeat(self, action):
        while not self._stop.is_set():
            try:
                action()
            except (OSError, AssertionError):
                self._stop.wait(0.02)  # Refused clients do not hammer.

    def _ask(self, listener, pause_s=0.005):
        def action():
            with harness.connect(self._proxy.address(listener), 5) as client:
                peers.ask(client)
                self.served += 1
            self._stop.wait(pause_s)

        return action

    def _stay(self, listener, seconds):
        def action():
            with harness.connect(self._proxy.address(listener), 5) as client:
                client.settimeout(seconds)
                try:
                    client.recv(1)
                except TimeoutError:
                    pass
            self._stop.wait(0.05)

        return action

    def _hang_up_early(self):
        with harness.connect(self._proxy.address("bulk"), 5) as client:
            client.sendall(b"?")
            client.recv(4096)
            peers.reset(client)
        self._stop.wait(0.2)

    def _download(self):
        with harness.connect(self._proxy.address("bulk"), 10) as client:
            client.sendall(b"?")
            while True:
                piece = client.recv(peers.CHUNK)
                if not piece:
                    break
                self.bulk_bytes += len(piece)
        self._stop.wait(0.1)

    def close(self):
        self._stop.set()
        self._long.stop()
        for thread in self._threads:
            thread.join(harness.DEADLINE_S)
