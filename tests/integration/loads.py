"""Clients in threads that count what succeeds and what fails while a test does something else."""

import json
import random
import subprocess
import threading

import harness
import peers


class ShortSessions:
    """Threads that connect, ask once, close, again and again, until stop(). Any failure is kept, but
    one of the kind `ends_with` is what a thread ends with in order."""

    def __init__(self, address, threads=4, ends_with=()):
        self._address = address
        self._ends_with = ends_with
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.done = 0
        self.failures = []
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True)
                         for number in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self, number):
        message = b"client %d" % number
        while not self._stop.is_set():
            failure = None
            try:
                with harness.connect(self._address) as client:
                    if peers.ask(client, message) != message:
                        failure = "another answer"
                    # RST spares this machine's ports; both sides have all bytes by now.
                    peers.reset(client)
            except self._ends_with:
                return
            except (OSError, AssertionError) as error:
                failure = repr(error)
            with self._lock:
                if failure is None:
                    self.done += 1
                else:
                    self.failures.append(failure)

    def wait(self, count):
        """Until `count` more have been answered."""
        goal = self.done + count
        harness.eventually(lambda: self.done >= goal or self.failures,
                           f"{count} more short sessions", 4 * harness.DEADLINE_S)

    def join(self):
        """Until every thread has met what it ends with."""
        for thread in self._threads:
            thread.join(harness.DEADLINE_S)
            if thread.is_alive():
                raise AssertionError("a client goes on")

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    close = stop


class LongSessions:
    """Sessions that stay open and are asked again and again, all at once, by one thread until stop(). The
    answers must be the bytes that were sent; the first one that is not is kept as `failure`."""

    # Small: all of them are on the way before the first answer is read.
    MESSAGE_BYTES_MAX = 3000

    def __init__(self, address, sessions):
        self._clients = [harness.connect(address) for _ in range(sessions)]
        self._stop = threading.Event()
        self.rounds = 0
        self.failure = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        rng = random.Random(len(self._clients))
        try:
            while not self._stop.is_set():
                messages = [rng.randbytes(rng.randint(1, self.MESSAGE_BYTES_MAX)) for _ in self._clients]
                for client, message in zip(self._clients, messages):
                    client.sendall(message)
                for client, message in zip(self._clients, messages):
                    if peers.read_exactly(client, len(message)) != message:
                        raise AssertionError("another answer")
                self.rounds += 1
        except (OSError, AssertionError) as error:
            self.failure = repr(error)

    def wait(self, rounds):
        """Until each session has been answered so many times more."""
        goal = self.rounds + rounds
        harness.eventually(lambda: self.rounds >= goal or self.failure, f"{rounds} more rounds",
                           4 * harness.DEADLINE_S)
        if self.failure:
            raise AssertionError(self.failure)

    def stop(self):
        self._stop.set()
        self._thread.join()
        for client in self._clients:
            client.close()

    close = stop


class EchoServer:
    """bench_load's own: its clients begin with a byte that says what they want (0: an echo)."""

    def __init__(self):
        self.process = subprocess.Popen([harness.BENCH_LOAD, "serve"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.address = json.loads(self.process.stdout.readline())["address"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(harness.DEADLINE_S)
        self.process.stdout.close()
