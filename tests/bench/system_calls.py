"""Counts the system calls of a running proxy, all its processes and threads, with strace."""

import contextlib
import re
import signal
import subprocess

import processes
import proxies

TIMEOUT_S = 10
# A row of `strace -c`: share, seconds, microseconds a call, calls, errors if any, name. The last row is the total.
_ROW = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+(\w+)$", re.M)


def parse(table):
    """{system call: how often} of a table of `strace -c`."""
    counts = {name: int(calls) for calls, name in _ROW.findall(table)}
    total = counts.pop("total", None)
    if total != sum(counts.values()):
        raise processes.BenchError(f"strace printed no table that adds up:\n{table[-2000:]}")
    return counts


@contextlib.contextmanager
def counted(pid, cpu):
    """A dict that has, after the block, {system call: how often} of the process and its children in it. BenchError
    says why they cannot be counted.

    strace runs on the proxy's CPU: it works while the proxy stands still, and the load keeps its own."""
    family = processes.family_of(pid)
    command = [proxies.find_program("strace") or "strace", "-c", "-f", *(f"--attach={member}" for member in family)]
    strace = processes.start(command, cpu, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
    try:
        lines = processes.Lines(strace, "strace")
        for _ in family:
            line = lines.next(TIMEOUT_S)
            if " attached" not in line:
                raise processes.BenchError(line)
        counts = {}
        yield counts
        strace.send_signal(signal.SIGINT)  # It detaches, then prints its table.
        counts.update(parse(lines.until_end(TIMEOUT_S)))
    finally:
        processes.stop(strace)


def refusal():
    """Why system calls cannot be counted here, or "". Tried on a process of ours, because a container may forbid it."""
    if not proxies.find_program("strace"):
        return "not installed: apt-get install strace"
    subject = processes.start(["cat"], None, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    try:
        lines = processes.Lines(subject, "cat")
        with counted(subject.pid, None):
            # Twice: the first line can be here before strace saw that the call which wrote it is over.
            for _ in range(2):
                subject.stdin.write(b"\n")
                lines.next(TIMEOUT_S)
    except processes.BenchError as error:
        return str(error)
    finally:
        processes.stop(subject)
    return ""
