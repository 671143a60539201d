"""Short sessions at a fixed rate, whatever becomes of the earlier ones: connect, 64 bytes there and
back, reset. Prints one line of JSON. Standard library only; one process does about 1,500 a second.

    open_loop.py ADDRESS RATE SECONDS [even|random] [METRICS_ADDRESS WARMUP_SECONDS]

With a metrics address the pool's check-outs are read after the warm-up and at the end. The first
line, "started", comes when the first session is about to begin."""

import errno
import heapq
import json
import random
import re
import select
import socket
import struct
import sys
import time
import urllib.request

MESSAGE = b"E" + b"m" * 63  # Purpose::kEchoThenReset of bench_load's server: echo, then reset.
GRACE_S = 5.0
_RESET = struct.pack("ii", 1, 0)
_CHECKOUTS = re.compile(r'^millrace_pool_checkouts_total\{.*result="(\w+)".*\} (\S+)$', re.M)


class Session:
    __slots__ = ("socket", "due", "started", "received", "writing")


class OpenLoop:
    def __init__(self, address, due_times):
        host, _, port = address.rpartition(":")
        self._address = (host, int(port))
        self._due = due_times
        self._poller = select.epoll()
        self._open = {}
        self.latencies = []
        self.failures = []  # (started, ended, why); times of time.monotonic(), the machine's.

    def run(self, at_times=()):
        """at_times: (second, function), called when that much of the run is over."""
        begin = time.monotonic()
        calls = list(at_times)
        heapq.heapify(calls)
        position = 0
        end = begin + (self._due[-1] if self._due else 0) + GRACE_S
        while position < len(self._due) or self._open:
            now = time.monotonic()
            if now > end:
                for session in self._open.values():
                    self._fail(session, "no reply in time")
                break
            while calls and begin + calls[0][0] <= now:
                heapq.heappop(calls)[1]()
            while position < len(self._due) and begin + self._due[position] <= now:
                self._start(begin + self._due[position])
                position += 1
            wait = begin + self._due[position] - now if position < len(self._due) else 0.05
            for fd, events in self._poller.poll(max(0.0, min(wait, 0.05))):
                self._step(fd, events)
        for _, function in sorted(calls):
            function()

    def _start(self, due):
        session = Session()
        session.socket = socket.socket()
        session.socket.setblocking(False)
        session.due, session.received, session.writing = due, 0, True
        session.started = time.monotonic()
        code = session.socket.connect_ex(self._address)
        if code not in (0, errno.EINPROGRESS):
            self._fail(session, errno.errorcode.get(code, str(code)))
            return
        self._open[session.socket.fileno()] = session
        self._poller.register(session.socket.fileno(), select.EPOLLOUT)

    def _step(self, fd, _events):
        session = self._open[fd]
        try:
            if session.writing:
                session.socket.send(MESSAGE)
                session.writing = False
                self._poller.modify(fd, select.EPOLLIN)
                return
            data = session.socket.recv(len(MESSAGE))
        except OSError as error:
            self._finish(fd)
            self._fail(session, errno.errorcode.get(error.errno, str(error)))
            return
        session.received += len(data)
        if data and session.received < len(MESSAGE):
            return
        self._finish(fd)
        if not data:
            self._fail(session, "end before the reply")
            return
        self.latencies.append(time.monotonic() - session.due)
        session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        session.socket.close()

    def _finish(self, fd):
        self._poller.unregister(fd)
        del self._open[fd]

    def _fail(self, session, why):
        self.failures.append((session.started, time.monotonic(), why))
        session.socket.close()


def due_times(rate, seconds, arrivals, seed=1):
    """Seconds from the beginning, ascending."""
    if arrivals == "even":
        return [i / rate for i in range(int(rate * seconds))]
    draw = random.Random(seed)
    times, now = [], 0.0
    while (now := now + draw.expovariate(rate)) < seconds:
        times.append(now)
    return times


def checkouts(metrics_address):
    """{result: count} of all upstreams."""
    with urllib.request.urlopen(f"http://{metrics_address}/metrics", timeout=GRACE_S) as answer:
        found = {}
        for result, count in _CHECKOUTS.findall(answer.read().decode()):
            found[result] = found.get(result, 0) + float(count)
        return found


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def main(address, rate, seconds, arrivals="even", metrics_address=None, warmup="1"):
    loop = OpenLoop(address, due_times(float(rate), float(seconds), arrivals))
    scrapes = []
    calls = [(float(warmup), lambda: scrapes.append(checkouts(metrics_address)))] if metrics_address else []
    print("started", flush=True)
    loop.run(calls)
    if metrics_address:
        scrapes.append(checkouts(metrics_address))
    result = {
        "sessions": len(loop.latencies),
        "failures": loop.failures,
        "p50_ms": (percentile(loop.latencies, 0.5) or 0) * 1e3,
        "p99_ms": (percentile(loop.latencies, 0.99) or 0) * 1e3,
    }
    if scrapes:
        result["checkouts"] = {key: scrapes[-1][key] - scrapes[0].get(key, 0) for key in scrapes[-1]}
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
