"""Clients in threads that count what succeeds and what fails while a test does something else."""

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
