"""Two Millraces behind a router, everything in network namespaces of its own:

    client cc ---- rc  router  rs ----+
                                      |  switch (a bridge)
    instance one / two  ui  ----------+---- services es: three endpoints

The service address is not in here: deploy/ecmp or deploy/vrrp bring it. The switch is a machine of its own, so that the
router keeps its carrier when an instance's cable is cut, as with real machines.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from namespace import run  # First: it knows where the harness is.

import harness
from wires import Place, setting

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"

CLIENT_NET = "10.90.0."
ROUTER = "10.80.0.1"
INSTANCES = ("10.80.0.11", "10.80.0.12")
ENDPOINTS = {"red": "10.80.0.21", "green": "10.80.0.22", "blue": "10.80.0.23"}
ENDPOINT_PORT = 7000
PORT = 6379  # Of the service. The namespaces are ours, so nobody else has it.
METRICS = "127.0.0.1:9464"
SOURCES = [f"{CLIENT_NET}{number}" for number in range(10, 74)]


def can(*programs):
    """Skips the whole file with the reason when a daemon is not installed."""
    missing = []
    for program in programs:
        try:
            harness.need(program)
        except AssertionError as error:
            missing.append(str(error))
    if missing:
        print(f"skipped: {'; '.join(missing)}")
        sys.exit(harness.SKIPPED)


class Timeline:
    """What happened when, in milliseconds since mark()."""

    def __init__(self, title):
        self._title = title
        self._begin = time.monotonic()
        self._lines = []
        self._lock = threading.Lock()

    def at(self, when, what):
        with self._lock:
            self._lines.append((when, what))

    def say(self, what):
        now = time.monotonic()
        self.at(now, what)
        return now

    def zero(self, what):
        """This is the moment from which everything else is counted."""
        self._begin = self.say(what)
        return self._begin

    def close(self):
        print(f"\n--- {self._title}", flush=True)
        for when, what in sorted(self._lines):
            print(f"{(when - self._begin) * 1000:9.0f} ms  {what}", flush=True)


class Daemon:
    """A program with its output in a file, until close(). Always a process of ours: it is ended by its pid."""

    def __init__(self, folder, name, *command, environment=None):
        self.name = name
        self._path = os.path.join(folder, f"{name}.log")
        self._stopped = False
        # The real ones have real-time priority or little to do; here they share two CPUs with compilers.
        urgent = (harness.need("nice"), "-n", "-10") if os.geteuid() == 0 else ()
        with open(self._path, "ab") as log:
            self.process = subprocess.Popen([*harness.dies_with_us(), *urgent, *map(str, command)], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env={**os.environ, **(environment or {})})

    def log(self):
        with open(self._path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def wait_log(self, text):
        def there():
            if text in self.log():
                return True
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.log()}")
            return False

        harness.eventually(there, f"{text!r} of {self.name}:\n{self.log()[-3000:]}")

    def succeed(self):
        """It ends by itself, and well."""
        code = self.process.wait(harness.DEADLINE_S)
        if code != 0:
            raise AssertionError(f"{self.name} ended with {code}:\n{self.log()}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()


class Instance:
    """One machine of the fleet: a namespace, its address on the segment, and Millrace, which may die and come back."""

    def __init__(self, fleet, number):
        self.number = number
        self.name = ("one", "two")[number]
        self.address = INSTANCES[number]
        self.place = Place()
        self.folder = os.path.join(fleet.folder, self.name)
        os.mkdir(self.folder)
        self.config_path = os.path.join(self.folder, "millrace.yaml")  # A process's own goes with it; this one stays.
        fleet.plug(self.place, f"i{number}", "ui", self.address)
        with self.place:
            run(harness.need("ip"), "route", "add", "default", "via", ROUTER)
        self.millrace = None
        self._gone = []

    def start(self, **changes):
        upstream = {"balance": "maglev", **changes}
        endpoints = [f"{address}:{ENDPOINT_PORT}" for address in ENDPOINTS.values()]
        config = harness.config(*endpoints, listener={"bind": f"0.0.0.0:{PORT}"}, upstream=upstream, metrics={"bind": METRICS},
                                shutdown={"drain": "1s"}, workers={"count": 1})
        with self.place:
            self.millrace = harness.Millrace(config)
        shutil.copy(self.millrace.path, self.config_path)

    def kill(self):
        self.millrace.kill()
        self._gone.append(self.millrace)

    def cable(self, state):
        run(harness.need("ip"), "link", "set", f"i{self.number}", state)

    def close(self):
        for millrace in [*self._gone, self.millrace]:
            if millrace is not None:
                with self.place:
                    millrace.close()
        self.place.close()


class Fleet:
    """Used in the switch's namespace (namespace.main()). Nothing is there before build(); what is there then goes with
    close(), also when build() has failed on its way."""

    def __init__(self):
        self._closing = contextlib.ExitStack()
        home = tempfile.TemporaryDirectory(prefix="millrace-fleet-")
        self._closing.callback(home.cleanup)
        self.folder = home.name
        os.chmod(self.folder, 0o755)
        self.instances = []

    def build(self):
        run(harness.need("ip"), "link", "add", "switch", "type", "bridge")
        self._closing.callback(run, harness.need("ip"), "link", "del", "switch")
        run(harness.need("ip"), "link", "set", "switch", "up")
        self.client, self.router, self.services = (self._closing.enter_context(contextlib.closing(Place())) for _ in range(3))
        self.plug(self.router, "rt", "rs", ROUTER)
        self.plug(self.services, "ep", "es", *ENDPOINTS.values())
        with self.router:
            run(harness.need("ip"), "link", "add", "rc", "type", "veth", "peer", "name", "cc", "netns", self.client.path)
            run(harness.need("ip"), "address", "add", CLIENT_NET + "1/24", "dev", "rc")
            run(harness.need("ip"), "link", "set", "rc", "up")
            setting("ipv4/ip_forward", 1)
            # By ports, not only by addresses: see docs/scale-out.md.
            setting("ipv4/fib_multipath_hash_policy", 1)
        with self.client:
            for source in SOURCES:
                run(harness.need("ip"), "address", "add", f"{source}/24", "dev", "cc")
            run(harness.need("ip"), "link", "set", "cc", "up")
            run(harness.need("ip"), "route", "add", "default", "via", CLIENT_NET + "1")
        with self.services:
            words = [f"{name}={address}:{ENDPOINT_PORT}" for name, address in ENDPOINTS.items()]
            self._who = self.daemon("who", sys.executable, "-B", pathlib.Path(__file__).with_name("who.py"), *words)
        self._who.wait_log("serving")
        for number in range(2):
            self.instances.append(self._closing.enter_context(contextlib.closing(Instance(self, number))))

    def plug(self, place, here, there, *addresses):
        """A cable from the switch into the place, whose end gets the addresses."""
        run(harness.need("ip"), "link", "add", here, "type", "veth", "peer", "name", there, "netns", place.path)
        # The other end would go with its namespace, but at a time of the kernel's choice.
        self._closing.callback(self._unplug, here)
        run(harness.need("ip"), "link", "set", here, "master", "switch", "up")
        with place:
            for address in addresses:
                run(harness.need("ip"), "address", "add", f"{address}/24", "dev", there)
            run(harness.need("ip"), "link", "set", there, "up")

    @staticmethod
    def _unplug(here):
        with contextlib.suppress(AssertionError):
            run(harness.need("ip"), "link", "del", here)

    def daemon(self, name, *command, environment=None):
        return self._closing.enter_context(contextlib.closing(Daemon(self.folder, name, *command, environment=environment)))

    def instance_of(self, address):
        return INSTANCES.index(address)

    def close(self):
        self._closing.close()
