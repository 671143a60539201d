"""Starting, pinning, watching and ending the processes of a comparison. Linux only."""

import ctypes
import os
import select
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
START_TIMEOUT_S = 10
STOP_TIMEOUT_S = 5

libc = ctypes.CDLL(None, use_errno=True)


class BenchError(Exception):
    """Something the user should read; ends the run or the comparison."""


def start(command, cpu, **popen):
    """Starts a command pinned to one CPU (None: to none), out of reach of the terminal's Ctrl-C (we end it ourselves),
    and bound to die with us even if we are killed."""

    def in_child():
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})

    return subprocess.Popen(command, preexec_fn=in_child, start_new_session=True, **popen)


def stop(process):
    """Ends a process and its children: SIGTERM, then SIGKILL to each of them by its id."""
    family = family_of(process.pid)
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            for pid in family:
                kill(pid)
            process.wait(STOP_TIMEOUT_S)
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def family_of(pid):
    """The process and its children: nginx does its work in one."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [pid, *map(int, file.read().split())]
    except FileNotFoundError:
        return []


def cpu_seconds(pid):
    """User and system time of all threads of a process and its children (man 5 proc, fields 14, 15).
    One tick is 10 ms, so a run should use a second or more."""
    ticks = 0
    for member in family_of(pid):
        with open(f"/proc/{member}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / CLOCK_TICKS


def user_memory_bytes(pid):
    """Pss_Anon + Pss_Shmem of smaps_rollup, of a process and its children: memory that the program
    itself filled. Pages that nginx's master and worker share count once; program text does not
    count, and neither does the kernel's memory for sockets and pipes."""
    kilobytes = 0
    for member in family_of(pid):
        with open(f"/proc/{member}/smaps_rollup", encoding="ascii", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name in ("Pss_Anon", "Pss_Shmem"):
                    kilobytes += int(value.split()[0])
    return kilobytes * 1024


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_accepting(process, port, log_path):
    """Returns once the port takes a connection."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            with open(log_path, encoding="utf-8", errors="replace") as file:
                raise BenchError(f"it ended at once (exit code {process.returncode}):\n{file.read()[-2000:]}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise BenchError(f"it did not accept connections within {START_TIMEOUT_S} s")


class Lines:
    """The lines a process prints, each with a time limit. `who` is for messages."""

    def __init__(self, process, who="the load"):
        self.descriptor = process.stdout.fileno()
        self.who = who
        self.rest = b""

    def next(self, timeout_s):
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self.rest:
            if not self.more(deadline, timeout_s):
                raise BenchError(f"{self.who} ended without a result")
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode()

    def until_end(self, timeout_s):
        """All that is left, once the process closed its output."""
        deadline = time.monotonic() + timeout_s
        while self.more(deadline, timeout_s):
            pass
        return self.rest.decode()

    def more(self, deadline, timeout_s):
        """Waits for a piece; False: there is none any more."""
        ready, _, _ = select.select([self.descriptor], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise BenchError(f"{self.who} said nothing for {timeout_s} s")
        chunk = os.read(self.descriptor, 65536)
        self.rest += chunk
        return bool(chunk)
