"""The work that the proxies are given, the figure it is judged by, and what Millrace must reach."""

import dataclasses

import proxies

IDLE_SESSIONS = min(8000, proxies.SESSIONS_MAX)
WARMUP_S = 0.3
# Under strace, which makes everything slow: longer would not say more.
TRACED_S = 1
# The peer with the lower median, whichever it is.
BETTER_PEER = "better peer"
EPOLL, IO_URING = proxies.ENGINES
# Splicing changes bulk work only: HAProxy splices nothing shorter than its buffer.
WITHOUT_SPLICE = tuple(name for name in proxies.NAMES if name != "haproxy-splice")


@dataclasses.dataclass(frozen=True)
class Work:
    name: str
    title: str
    arguments: tuple  # Of bench_load; {seconds} and {rate} are filled in.
    figure: str  # The field of a sample that ratios are made of.
    unit: str
    targets: dict  # Of both engines. Peer or BETTER_PEER: ratio at most.
    io_uring_targets: dict = dataclasses.field(default_factory=dict)  # Of that engine, before those of both.
    at_most: float | None = None  # The figure itself.
    takers: tuple = WITHOUT_SPLICE
    traced: bool = False  # Measured under strace: says nothing about time.

    def targets_of(self, subject):
        return {**self.targets, **self.io_uring_targets} if subject == IO_URING else self.targets


def ping_pong(connections):
    return Work(
        f"pingpong-{connections}",
        f"64 B ping-pong, {connections} connections, closed loop",
        ("pingpong", "--connections", str(connections), "--seconds", "{seconds}", "--warmup", str(WARMUP_S)),
        "cpu_us_per_operation",
        "µs CPU per round trip",
        {"nginx": 0.90, "haproxy": 0.75},
        {EPOLL: 0.93, "nginx": 0.82},
    )


def bulk(direction, arrow):
    return Work(
        f"bulk-{direction}",
        f"bulk, 8 streams, {arrow}",
        (f"bulk-{direction}", "--connections", "8", "--seconds", "{seconds}"),
        "cpu_ms_per_gigabit",
        "ms CPU per gigabit",
        {"nginx": 0.30, "haproxy": 0.30, "haproxy-splice": 0.60},
        {EPOLL: 1.00},
        takers=proxies.NAMES,
    )


PEAK = ping_pong(64)

ALL = (
    PEAK,
    ping_pong(1000),
    Work(
        "connect",
        "connect, 64 B exchange, reset; 64 at once",
        ("connect", "--connections", "64", "--seconds", "{seconds}", "--warmup", str(WARMUP_S)),
        "cpu_us_per_operation",
        "µs CPU per connection",
        {"nginx": 0.92, "haproxy": 0.75},
        {EPOLL: 0.95},
    ),
    bulk("up", "client to server"),
    bulk("down", "server to client"),
    Work(
        "half-load",
        "64 B ping-pong at a fixed rate, 64 connections, latency from when each was due",
        ("pingpong", "--connections", "64", "--seconds", "{seconds}", "--warmup", str(WARMUP_S), "--rate", "{rate}"),
        "p99_us",
        "µs p99",
        {BETTER_PEER: 1.0},
    ),
    Work(
        "idle",
        f"{IDLE_SESSIONS} idle sessions",
        ("idle", "--connections", str(IDLE_SESSIONS), "--seconds", "0.2"),
        "memory_bytes_per_session",
        "bytes of user memory per session",
        {},
        at_most=512,
    ),
    Work(
        "syscalls-1000",
        "64 B ping-pong, 1000 connections, closed loop, under strace",
        ("pingpong", "--connections", "1000", "--seconds", str(TRACED_S), "--warmup", str(WARMUP_S)),
        "system_calls_per_operation",
        "system calls per round trip",
        {},
        {EPOLL: 0.25},
        takers=(EPOLL, IO_URING, "nginx"),
        traced=True,
    ),
)


def choose(names):
    """The works whose name is given or starts with what is given ("bulk"); all for None."""
    if names is None:
        return list(ALL)
    return [work for work in ALL if any(work.name.startswith(name) for name in names)]
