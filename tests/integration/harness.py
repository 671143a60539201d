"""What every integration test stands on: the real program as an object, and waiting by condition.

    class RelayTest(harness.Case):
        def test_something(self):
            upstream = self.use(peers.Upstream(peers.echo))
            proxy = self.use(Millrace(harness.config(upstream.address)))
            with proxy.connect() as client: ...

Nothing sleeps to wait for something: eventually() asks until a deadline. A Millrace that is left
running at the end of a test is told to stop and must do so with exit code 0; a sanitizer's report
or a failed CHECK on its stderr fails the test. Only processes started here are ever signalled.
"""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

BINARY = os.environ.get("MILLRACE", "")
BENCH_LOAD = os.environ.get("MILLRACE_BENCH_LOAD", "")
SANITIZER = os.environ.get("MILLRACE_SANITIZER", "")
# The engine that configurations ask for; empty: none, so that each is `auto`.
TRANSPORT = os.environ.get("MILLRACE_TRANSPORT", "")

SKIPPED = 77  # SKIP_RETURN_CODE in CMakeLists.txt.

# A machine that compiles while it tests is slow; a test that waits this long has failed.
DEADLINE_S = 90 if SANITIZER else 30
POLL_S = 0.01

# What a sanitizer, or CHECK (base/assert.h), writes before the process dies.
_REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|CHECK failed|check failed")
_LISTENER = re.compile(r"listener (\S+): (\S+) to upstream")
# The listeners of a configuration are logged before this.
_IN_FORCE = re.compile(r"metrics: http://|configuration \d+ in force")
_METRICS = re.compile(r"metrics: http://(\S+)/metrics")
_SERIES = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$')
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def scaled(normal, sanitized):
    """How much of the work to do: sanitizers make every step several times as dear."""
    return sanitized if SANITIZER else normal


def eventually(condition, what, deadline_s=None):
    """The first true value of condition(); fails after the deadline with `what` it waited for."""
    end = time.monotonic() + (deadline_s or DEADLINE_S)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"did not happen within {deadline_s or DEADLINE_S} s: {what}")
        time.sleep(POLL_S)


def need(*programs):
    """Paths of programs; a missing one is a failure that names the Debian package."""
    package = {"redis-server": "redis-server", "redis-cli": "redis-tools",
               "mandoc": "mandoc", "fish": "fish", "zsh": "zsh", "systemd-analyze": "systemd",
               "redis-benchmark": "redis-tools", "nginx": "nginx", "wrk": "wrk", "curl": "curl",
               "initdb": "postgresql-15", "postgres": "postgresql-15", "psql": "postgresql-client-15",
               "pgbench": "postgresql-15", "promtool": "prometheus", "nft": "nftables",
               "ip": "iproute2", "setpriv": "util-linux", "runuser": "util-linux",
               "unshare": "util-linux", "prlimit": "util-linux", "nsd": "nsd", "strace": "strace",
               "ethtool": "ethtool", "iperf3": "iperf3", "bird": "bird2", "birdc": "bird2",
               "keepalived": "keepalived", "nice": "coreutils",
               "systemd-socket-activate": "systemd"}
    folders = [*os.get_exec_path(), "/usr/sbin", "/sbin", "/usr/lib/postgresql/15/bin"]
    paths = []
    for program in programs:
        found = [os.path.join(folder, program) for folder in folders
                 if os.access(os.path.join(folder, program), os.X_OK)]
        if not found:
            raise AssertionError(f"{program} is missing: install the Debian package"
                                 f" {package[program]} (deploy/install-dependencies --for test)")
        paths.append(found[0])
    return paths[0] if len(paths) == 1 else paths


def dies_with_us():
    """Words before a command: it does not outlive a test that ctest kills at its time limit."""
    return need("setpriv"), "--pdeathsig", "KILL"


def split_address(address):
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def connect(address, timeout=None, source=None):
    """A client's socket, connected to what a listener's log line or an upstream says."""
    timeout = timeout or DEADLINE_S
    if address.startswith("unix:"):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(timeout)
        client.connect(address.removeprefix("unix:"))
        return client
    return socket.create_connection(split_address(address), timeout,
                                    source_address=(source, 0) if source else None)


def config(*endpoints, **changes):
    """One listener `main` before one upstream `up`. `changes` replace top-level sections; those named
    listener and upstream are merged into the single one."""
    listener = {"name": "main", "bind": "127.0.0.1:0", "upstream": "up"}
    upstream = {"name": "up", "endpoints": [
        endpoint if isinstance(endpoint, dict) else {"address": endpoint} for endpoint in endpoints]}
    listener.update(changes.pop("listener", {}))
    upstream.update(changes.pop("upstream", {}))
    whole = {"workers": {"count": 2}, "listeners": [listener], "upstreams": [upstream],
             "metrics": {"bind": "127.0.0.1:0"}, "admin": {"enable": "off"}, "shutdown": {"drain": "1s"}}
    whole.update(changes)
    if TRANSPORT:
        whole.setdefault("transport", TRANSPORT)
    return whole


def engines():
    """{name: why this machine refuses it, "" where it does not} of the program's engines, best first."""
    done = subprocess.run([BINARY, "version", "--json"], check=True, capture_output=True, text=True)
    return {engine["name"]: engine.get("reason", "") for engine in json.loads(done.stdout)["engines"]}


class Metrics:
    """One scrape: values by name and labels."""

    def __init__(self, text):
        self.text = text
        self.series = {}
        for line in text.splitlines():
            match = _SERIES.match(line)
            if match:
                labels = frozenset(_LABEL.findall(match[2] or ""))
                self.series[match[1], labels] = float(match[3])

    def value(self, name, **labels):
        """The sum of all series of the family with these labels; the prefix millrace_ may be left out."""
        wanted = set(labels.items())
        return sum(value for (family, have), value in self.series.items()
                   if family in (name, "millrace_" + name) and wanted <= have)

    def ends(self, **labels):
        """{(actor, cause): count} of the sessions that have ended."""
        found = {}
        for (family, have), value in self.series.items():
            have = dict(have)
            if family == "millrace_sessions_total" and value and labels.items() <= have.items():
                key = have["actor"], have["cause"]
                found[key] = found.get(key, 0) + value
        return found


def http_get(url, timeout=None):
    """(status, text); a refused connection is status 0."""
    try:
        with urllib.request.urlopen(url, timeout=timeout or DEADLINE_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


class Millrace:
    """A running `millrace run`. config: a dict (JSON is YAML) or the text of a file."""

    def __init__(self, config, wait=True, prefix=(), stderr=None, readable_by_all=False,
                 metrics_address=None):
        """prefix: words before the command. stderr: a file instead of log(); then the ports must be
        known and metrics_address given."""
        self._folder = tempfile.TemporaryDirectory(prefix="millrace-")
        folder = self._folder.name
        if readable_by_all:
            os.chmod(folder, 0o755)
        self.path = os.path.join(folder, "millrace.yaml")
        self.write(config)
        self._log_path = os.path.join(folder, f"stderr-{time.monotonic_ns()}")
        with open(self._log_path, "wb") as log:
            self.process = subprocess.Popen([*dies_with_us(), *prefix, BINARY, "run", "-c", self.path],
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            stderr=log if stderr is None else stderr)
        self._has_log = stderr is None
        self._closed = False
        self.expect_exit = (0,)
        self.metrics_address = metrics_address
        if wait:
            self.wait_ready()

    # --- what it says

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        with open(self._log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def wait_log(self, text, deadline_s=None):
        return eventually(lambda: text in self.log() and self.log(), f"{text!r} in:\n{self.log()}",
                          deadline_s)

    def access_lines(self, **fields):
        """The access log as dicts, those with these fields."""
        lines = [{"ts": line.split(" ", 1)[0],
                  **dict(word.split("=", 1) for word in line.split(" access ", 1)[1].split())}
                 for line in self.log().splitlines() if " access " in line]
        return [line for line in lines if fields.items() <= line.items()]

    def wait_ready(self):
        def ready():
            code = self.process.poll()
            if code is not None:
                raise AssertionError(f"millrace ended with {code}:\n{self.log()}")
            if self._has_log:
                match = _METRICS.search(self.log())
                self.metrics_address = match and match[1]
            return self.metrics_address and self.get("/readyz")[0] == 200

        eventually(ready, "ready")

    def addresses(self, listener="main"):
        """What the listener's binds really are, in the latest configuration that is in force."""
        found = []
        for part in _IN_FORCE.split(self.log())[:-1]:
            here = [address for name, address in _LISTENER.findall(part) if name == listener]
            found = here or found
        return found

    def address(self, listener="main"):
        return self.addresses(listener)[-1]

    def get(self, path, timeout=None):
        return http_get(f"http://{self.metrics_address}{path}", timeout)

    def metrics(self):
        status, text = self.get("/metrics")
        if status != 200:
            raise AssertionError(f"/metrics: status {status}")
        return Metrics(text)

    def wait_metric(self, expected, name, **labels):
        """Until the metric has the value; counters are published with the next turn of a worker."""
        last = []

        def reached():
            last[:] = [self.metrics().value(name, **labels)]
            return last[0] == expected

        try:
            eventually(reached, name)
        except AssertionError:
            raise AssertionError(f"{name}{labels} is {last[0]}, not {expected}") from None

    def wait_ends(self, expected):
        """Until exactly these {(actor, cause): count} have ended."""
        last = {}

        def reached():
            last.clear()
            last.update(self.metrics().ends())
            return last == expected

        try:
            eventually(reached, "ends")
        except AssertionError:
            raise AssertionError(f"sessions ended {last}, not {expected}") from None

    # --- what it uses

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))

    # --- what one can do to it

    def connect(self, listener="main", source=None):
        return connect(self.address(listener), source=source)

    def write(self, config):
        text = config if isinstance(config, (str, bytes)) else json.dumps(config, indent=1)
        data = text if isinstance(text, bytes) else text.encode()
        with open(self.path + ".new", "wb") as file:
            file.write(data)
        os.replace(self.path + ".new", self.path)

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self, config=None, result="accepted"):
        """Puts the file in place, sends SIGHUP, and waits until the reload is counted and, where the log
        says so, in force: it is counted first, and addresses() reads the log."""
        if config is not None:
            self.write(config)
        said = len(_IN_FORCE.findall(self.log()))
        before = self.metrics().value("config_reloads_total", result=result)
        self.signal(signal.SIGHUP)
        eventually(lambda: self.metrics().value("config_reloads_total", result=result) > before,
                   f"a reload that is {result}:\n{self.log()[-2000:]}")
        end = time.monotonic() + 1  # A file may turn such lines off.
        while result == "accepted" and len(_IN_FORCE.findall(self.log())) <= said and time.monotonic() < end:
            time.sleep(POLL_S)

    def wait_exit(self, deadline_s=None):
        try:
            return self.process.wait(deadline_s or DEADLINE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"millrace still runs:\n{self.log()[-2000:]}") from None

    def kill(self):
        """As the kernel would: no goodbye. close() then asks for nothing."""
        self.process.kill()
        self.process.wait()
        self.expect_exit = (-signal.SIGKILL,)

    def close(self):
        """Stops it, the second signal at once, and looks at how it ended."""
        if self._closed:
            return
        self._closed = True
        try:
            for _ in range(2):
                if self.process.poll() is None:
                    self.signal(signal.SIGTERM)
            code = self.wait_exit()
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            log = self.log() if self._has_log else ""
            self._folder.cleanup()
        report = _REPORT.search(log)
        if report:
            raise AssertionError("a report on stderr:\n" + log[max(0, report.start() - 500):][:8000])
        if code not in self.expect_exit:
            raise AssertionError(f"exit code {code}, expected {self.expect_exit}:\n{log[-2000:]}")

    __enter__ = lambda self: self  # noqa: E731

    def __exit__(self, *_):
        self.close()


class Case(unittest.TestCase):
    """A test whose resources end in reverse order of their making, also when it fails."""

    def setUp(self):
        self._resources = contextlib.ExitStack()
        self.addCleanup(self._resources.close)

    def use(self, resource):
        """Anything with close()."""
        self._resources.callback(resource.close)
        return resource

    def folder(self):
        folder = tempfile.TemporaryDirectory(prefix="millrace-test-")
        self._resources.callback(folder.cleanup)
        return folder.name

    def run_program(self, *command, timeout=None, **options):
        """Output of a program that must succeed."""
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              stdin=options.pop("stdin", subprocess.DEVNULL),
                              timeout=timeout or 4 * DEADLINE_S, **options)
        self.assertEqual(done.returncode, 0, f"{command}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def refused_start(self, config, code, *texts, prefix=(), readable_by_all=False):
        """The program ends with the code and says all texts; returns its stderr."""
        proxy = Millrace(config, wait=False, prefix=prefix, readable_by_all=readable_by_all)
        proxy.expect_exit = (code,)
        try:
            proxy.wait_exit()
            log = proxy.log().replace(proxy.path, "FILE")
        finally:
            proxy.close()
        for text in texts:
            self.assertIn(text, log)
        return log


def main():
    if not BINARY:
        sys.exit("set MILLRACE to the path of the binary (ctest does)")
    if TRANSPORT:
        refused = engines().get(TRANSPORT)
        if refused is None:
            sys.exit(f"{BINARY} has no engine {TRANSPORT}")
        if refused:
            print(f"skipped: this machine refuses {TRANSPORT}: {refused}")
            sys.exit(SKIPPED)
    unittest.main()
