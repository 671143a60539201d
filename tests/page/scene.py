"""What stands behind the page: a proxy, endpoints that can be killed and come back, and clients at a pace.

    scene = case.use(Scene({"redis": 3, "http": 3}))      # upstreams of so many endpoints, a listener each
    scene.visits("redis", per_second=50)
    scene.endpoints["redis"][0].kill()
"""

import asyncio
import http.client
import json
import os
import random
import socket
import subprocess
import tempfile
import threading

import browser  # noqa: F401  (it makes tests/integration importable)
import harness
import services

HEALTH = {"type": "tcp", "interval": "200ms", "timeout": "200ms", "rise": 1, "fall": 2}


class Endpoint:
    """bench_load's server on a fixed address."""

    def __init__(self, address):
        self.address = address
        self._process = None
        self.start()

    def start(self):
        self._process = subprocess.Popen(
            [*harness.dies_with_us(), harness.BENCH_LOAD, "serve", "--listen", self.address],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        said = self._process.stdout.readline()
        if not said:
            raise AssertionError(f"nobody serves on {self.address}")

    def kill(self):
        """As when its machine ends it: connections are reset, new ones refused."""
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def close(self):
        if self._process.returncode is None:
            self.kill()


class Visits:
    """Clients of one address: so many begin each second, and each asks `asks` times, `pause_s` apart, for
    `answer_bytes`. per_second: a number, or a function of the seconds since the start. A thread until close()."""

    # What bench_load's server does for its clients (tests/bench/echo_server.h).
    _SOURCE = b"D"
    _TURN_S = 0.02

    def __init__(self, address, per_second, asks=3, pause_s=0.05, answer_bytes=4096):
        self._address = harness.split_address(address)
        self._per_second = per_second if callable(per_second) else lambda _: per_second
        self._asks, self._pause_s, self._answer_bytes = asks, pause_s, answer_bytes
        self.done = self.failed = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()

    async def _run(self):
        clock = asyncio.get_running_loop().time
        begun, due, last, visits = clock(), 0.0, clock(), set()
        while not self._stop.is_set():
            now = clock()
            due += (now - last) * self._per_second(now - begun)
            last = now
            while due >= 1:
                due -= 1
                visit = asyncio.create_task(self._visit())
                visits.add(visit)
                visit.add_done_callback(visits.discard)
            await asyncio.sleep(self._TURN_S)
        for visit in visits:
            visit.cancel()
        await asyncio.gather(*visits, return_exceptions=True)

    async def _visit(self):
        writer = None
        try:
            reader, writer = await asyncio.open_connection(*self._address)
            writer.write(self._SOURCE)
            await reader.readexactly(1)
            for _ in range(max(1, round(random.expovariate(1 / self._asks)))):
                size = max(1, round(random.expovariate(1 / self._answer_bytes)))
                writer.write(size.to_bytes(8, "big"))
                await reader.readexactly(size)
                await asyncio.sleep(random.uniform(0.5, 1.5) * self._pause_s)
            self.done += 1
        except (OSError, asyncio.IncompleteReadError):
            self.failed += 1  # A killed endpoint's sessions end so.
        finally:
            if writer:
                writer.close()

    def close(self):
        self._stop.set()
        self._thread.join()


class UnixConnection(http.client.HTTPConnection):
    """HTTP to the admin API's socket."""

    def __init__(self, path):
        super().__init__("millrace", timeout=harness.DEADLINE_S)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Scene:
    """upstreams: {name: how many endpoints, or their addresses}. Each has health checks and a pool, and a
    listener of its name. listen: where the listeners are, {name: address}; else the kernel chooses."""

    def __init__(self, upstreams, listen=None, upstream_changes=None, **changes):
        self._folder = tempfile.TemporaryDirectory(prefix="millrace-page-")
        self.admin_socket = os.path.join(self._folder.name, "admin.sock")
        self.endpoints = {}
        self._visits = []
        self.proxy = None
        try:
            for name, wanted in upstreams.items():
                addresses = [f"127.0.0.1:{services.free_port()}" for _ in range(wanted)] \
                    if isinstance(wanted, int) else wanted
                self.endpoints[name] = []
                for address in addresses:
                    self.endpoints[name].append(Endpoint(address))
            self.config = {
                "workers": {"count": 2}, "metrics": {"bind": f"127.0.0.1:{services.free_port()}"},
                "admin": {"enable": "on", "bind": "unix:" + self.admin_socket}, "shutdown": {"drain": "10s"},
                "log": {"access": False},
                "listeners": [{"name": name, "bind": (listen or {}).get(name, "127.0.0.1:0"), "upstream": name}
                              for name in upstreams],
                "upstreams": [{"name": name, "health": HEALTH, "pool": {"idle": 8, "idle_max": 16},
                               "endpoints": [{"address": endpoint.address} for endpoint in endpoints],
                               **(upstream_changes or {}).get(name, {})}
                              for name, endpoints in self.endpoints.items()],
                **changes}
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self):
        """The proxy, again after it was killed: on the same metrics port."""
        self.proxy = harness.Millrace(self.config)

    @property
    def url(self):
        return f"http://{self.proxy.metrics_address}/"

    def visits(self, listener, per_second, **how):
        self._visits.append(Visits(self.proxy.address(listener), per_second, **how))
        return self._visits[-1]

    def status(self):
        code, text = self.proxy.get("/status.json")
        if code != 200:
            raise AssertionError(f"/status.json: status {code}")
        return json.loads(text)

    def state(self, upstream, address):
        """Of an endpoint, as the status document has it."""
        return next(endpoint["state"] for it in self.status()["upstreams"] if it["name"] == upstream
                    for endpoint in it["endpoints"] if endpoint["address"] == address)

    def order(self, upstream, address, **body):
        """What the operator says of an endpoint, by the admin API."""
        connection = UnixConnection(self.admin_socket)
        try:
            connection.request("POST", f"/v1/upstreams/{upstream}/endpoints/{address}", json.dumps(body))
            answer = connection.getresponse()
            if answer.status != 200:
                raise AssertionError(f"{answer.status}: {answer.read().decode()}")
        finally:
            connection.close()

    def close(self):
        for visits in self._visits:
            visits.close()
        try:
            if self.proxy:
                self.proxy.close()
        finally:
            for endpoints in self.endpoints.values():
                for endpoint in endpoints:
                    endpoint.close()
            self._folder.cleanup()
