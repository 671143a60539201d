"""The work that every proxy is given, the figure it is judged by, and what Millrace must reach."""

import dataclasses

import proxies

IDLE_SESSIONS = min(8000, proxies.SESSIONS_MAX)
WARMUP_S = 0.3
# The peer with the lower median, whichever it is.
BETTER_PEER = "better peer"


@dataclasses.dataclass(frozen=True)
class Work:
    name: str
    title: str
    arguments: tuple  # Of bench_load; {seconds} and {rate} are filled in.
    figure: str  # The field of a sample that ratios are made of.
    unit: str
    targets: dict  # Proxy or BETTER_PEER: ratio at most.
    at_most: float | None = None  # The figure itself.
    only_in_bulk: bool = False

    def takes(self, proxy_name):
        """Splicing changes bulk work only: HAProxy splices nothing shorter than its buffer."""
        return self.only_in_bulk or proxy_name != "haproxy-splice"


def ping_pong(connections):
    return Work(
        f"pingpong-{connections}",
        f"64 B ping-pong, {connections} connections, closed loop",
        ("pingpong", "--connections", str(connections), "--seconds", "{seconds}", "--warmup", str(WARMUP_S)),
        "cpu_us_per_operation",
        "µs CPU per round trip",
        {"nginx": 0.90, "haproxy": 0.75},
    )


def bulk(direction, arrow):
    return Work(
        f"bulk-{direction}",
        f"bulk, 8 streams, {arrow}",
        (f"bulk-{direction}", "--connections", "8", "--seconds", "{seconds}"),
        "cpu_ms_per_gigabit",
        "ms CPU per gigabit",
        {"nginx": 0.30, "haproxy": 0.30, "haproxy-splice": 0.60},
        only_in_bulk=True,
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
)


def choose(names):
    """The works whose name is given or starts with what is given ("bulk"); all for None."""
    if names is None:
        return list(ALL)
    return [work for work in ALL if any(work.name.startswith(name) for name in names)]
