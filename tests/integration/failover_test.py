"""One of three endpoints is killed under load: only what was in flight on it may fail, and nothing
after the proxy has found out. With -v the metrics before, during and after are printed."""

import datetime
import json
import pathlib
import subprocess
import sys
import time

import harness
from harness import Millrace, config, eventually, scaled

HERE = pathlib.Path(__file__).resolve().parent
OPEN_LOOP = HERE.parent / "bench/open_loop.py"

RATE = scaled(1000, 150)
LOAD_S = 4
KILL_AFTER_S = 1.5
ANSWER_S = 0.02
CLOCK_STEP_S = 0.002  # Of the log's times and of the clock they are compared with.
SHOWN = ("endpoint_healthy", "endpoint_ejected", "endpoint_sessions_active", "upstream_connect_failures_total",
         "outlier_ejections_total")


class SlowEcho:
    def __init__(self):
        self.process = subprocess.Popen(
            [*harness.dies_with_us(), sys.executable, "-B", HERE / "slow_echo.py", str(ANSWER_S)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()

    def kill(self):
        """(before, after) it was gone, in the machine's monotonic time."""
        before = time.monotonic()
        self.process.kill()
        self.process.wait()
        return before, time.monotonic()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class FailoverTest(harness.Case):
    def kill_one_under_load(self, **upstream):
        endpoints = [self.use(SlowEcho()) for _ in range(3)]
        proxy = self.use(Millrace(config(
            *(endpoint.address for endpoint in endpoints),
            upstream={"balance": "round_robin", "health": {"interval": "100ms", "timeout": "1s", "fall": 2},
                      "outlier": {"consecutive_failures": 3}, **upstream})))
        load = subprocess.Popen(
            [*harness.dies_with_us(), sys.executable, "-B", OPEN_LOOP, proxy.address(), str(RATE), str(LOAD_S)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.addCleanup(load.stdout.close)
        self.addCleanup(load.wait)
        self.addCleanup(load.kill)
        self.assertEqual(load.stdout.readline(), "started\n")
        began = time.monotonic()
        eventually(lambda: time.monotonic() > began + KILL_AFTER_S, "the load runs")
        dead = endpoints[1]
        self.show("before", proxy)
        kill_began, gone = dead.kill()
        detected = self.wait_detected(proxy, dead.address)
        self.show("detected", proxy)
        result = json.loads(load.communicate(timeout=LOAD_S + harness.DEADLINE_S)[0])
        self.show("after", proxy)
        in_flight = self.in_flight(proxy, dead.address, kill_began, gone)
        failures = result["failures"]
        print(f"killed one of three under {RATE}/s: {len(failures)} of {in_flight} sessions in flight on it failed, "
              f"{result['sessions']} succeeded; detected after {1e3 * (detected - gone):.0f} ms", file=sys.stderr)
        # A session that began when the endpoint was gone met another one: nobody but those in flight
        # had to notice.
        self.assertEqual([why for started, _, why in failures if started > gone], [])
        self.assertLessEqual(len(failures), in_flight)
        self.assertGreater(result["sessions"], RATE * LOAD_S // 2)

    def wait_detected(self, proxy, address):
        """When the metrics said so for the first time: the moment before they were asked for."""

        def look():
            asked = time.monotonic()
            metrics = proxy.metrics()
            found = (metrics.value("endpoint_healthy", endpoint=address) == 0
                     or metrics.value("endpoint_ejected", endpoint=address) == 1)
            return found and asked

        return eventually(look, "the dead endpoint is noticed")

    def in_flight(self, proxy, address, kill_began, gone):
        """Sessions on the endpoint that began before it was gone and ended after the kill began, by the
        access log. A client's failure comes before its line, so wait until every line is there."""
        to_wall = time.time() - time.monotonic()
        eventually(lambda: proxy.metrics().value("sessions_active") == 0, "every session has ended")
        ended = proxy.metrics().value("sessions_total")
        eventually(lambda: len(proxy.access_lines()) >= ended, "every access line is written")
        return sum(1 for line in proxy.access_lines(endpoint=address)
                   if self.end_of(line) - float(line["total"]) <= to_wall + gone + CLOCK_STEP_S
                   and self.end_of(line) >= to_wall + kill_began - CLOCK_STEP_S)

    @staticmethod
    def end_of(line):
        return datetime.datetime.fromisoformat(line["ts"]).timestamp()

    @staticmethod
    def show(when, proxy):
        if "-v" not in sys.argv:
            return
        print(f"--- {when}", file=sys.stderr)
        for line in proxy.metrics().text.splitlines():
            if line.startswith(tuple("millrace_" + name + "{" for name in SHOWN)):
                print(line, file=sys.stderr)

    def test_without_a_pool(self):
        self.kill_one_under_load()

    def test_with_a_pool(self):
        self.kill_one_under_load(pool={"idle": 8})


if __name__ == "__main__":
    harness.main()
