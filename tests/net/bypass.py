"""What tests of an engine that drives network ports itself have in common: streams whose hash is compared,
upstreams, clients, and a table of what was measured. MILLRACE_NET_BYTES: how many bytes go each way."""

import hashlib
import os
import socket
import struct
import time

import wires

import harness
import peers
import services
from harness import Millrace, scaled

BYTES = int(os.environ.get("MILLRACE_NET_BYTES", scaled(128 << 20, 16 << 20)))
PIECE = 1 << 20
SECONDS = scaled(3, 2)  # Of one measurement.
FIGURES = {}  # By driver, then by what was measured.

def pieces(count):
    """`count` bytes in which a lost, doubled or moved piece shows."""
    block = peers.pattern(PIECE)
    for number in range(0, count, PIECE):
        yield (struct.pack("!Q", number) + block[8:])[:count - number]


def send_pieces(connection, count):
    digest = hashlib.sha256()
    for piece in pieces(count):
        digest.update(piece)
        connection.sendall(piece)
    return digest.hexdigest()


def receive_pieces(connection, count):
    digest = hashlib.sha256()
    buffer = bytearray(PIECE)
    while count > 0:
        got = connection.recv_into(buffer, min(PIECE, count))
        if got == 0:
            raise AssertionError(f"{count} bytes are missing")
        digest.update(memoryview(buffer)[:got])
        count -= got
    return digest.hexdigest()


def both_ways(count):
    """What an upstream does: takes so many bytes, answers with their hash, and sends as many."""

    def serve(connection):
        with connection:
            connection.sendall(receive_pieces(connection, count).encode())
            send_pieces(connection, count)

    return serve


def until_end(connection):
    """What an upstream does: answers with the hash of all that came before the FIN."""
    with connection:
        digest = hashlib.sha256()
        while data := connection.recv(PIECE):
            digest.update(data)
        connection.sendall(digest.hexdigest().encode())


class Greeter:
    """What an upstream does that speaks first."""

    def __init__(self, greeting):
        self._greeting = greeting

    def __call__(self, connection):
        connection.sendall(self._greeting)
        peers.echo(connection)


class DualNginx(services.Nginx):
    def hosts(self):
        return [self.host, "[fd72::2]"]


class BypassTest(harness.Case):
    driver = ""

    def setUp(self):
        super().setUp()
        self.wires = self.use(wires.Wires())

    def start(self, *endpoints, changes=None, **more):
        proxy = self.use(Millrace(wires.config(self.driver, *endpoints, changes=changes, **more)))
        self.front = wires.FRONT[0], 8000
        return proxy

    def serve(self, handler, host=wires.SERVER[0], place=None):
        """An upstream over there: (host, port)."""
        with place or self.wires.server:
            upstream = self.use(peers.Upstream(handler, host))
        return host, harness.split_address(upstream.address)[1]

    def service(self, kind):
        with self.wires.server:
            return self.use(kind(host=wires.SERVER[0]))

    def manual(self):
        """(an upstream whose connections the test drives, its endpoint)."""
        with self.wires.server:
            upstream = self.use(peers.Manual(wires.SERVER[0]))
        return upstream, (wires.SERVER[0], harness.split_address(upstream.address)[1])

    def dial(self, host=wires.FRONT[0], port=8000, timeout=None):
        """A client's socket, closed at the end of the test at the latest."""
        with self.wires.client:
            return self.use(socket.create_connection((host, port), timeout or harness.DEADLINE_S))

    def run_client(self, *command, **options):
        with self.wires.client:
            return self.run_program(*command, **options)

    def figure(self, what, value):
        FIGURES.setdefault(self.driver, {})[what] = value

    def exchange_both_ways(self, host, name, count=BYTES):
        client = self.dial(host)
        began = time.monotonic()
        digest = send_pieces(client, count)
        self.assertEqual(peers.read_exactly(client, 64).decode(), digest)
        up = time.monotonic()
        self.assertEqual(receive_pieces(client, count), digest)
        end = time.monotonic()
        client.close()
        self.figure(f"{name} up, Gbit/s", f"{count * 8e-9 / (up - began):.2f}")
        self.figure(f"{name} down, Gbit/s", f"{count * 8e-9 / (end - up):.2f}")


def print_figures():
    names = list(dict.fromkeys(what for figures in FIGURES.values() for what in figures))
    if names:
        print(f"\n{'':36}" + "".join(f"{driver:>16}" for driver in FIGURES))
    for what in names:
        print(f"{what:36}" + "".join(f"{figures.get(what, '-'):>16}" for figures in FIGURES.values()))
