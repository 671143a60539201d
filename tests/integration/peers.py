"""The other ends of connections: upstreams that do as they are told, and readers and writers of bytes."""

import hashlib
import os
import select
import selectors
import socket
import struct
import subprocess
import sys
import threading

import harness

CHUNK = 64 * 1024


def reset(connection):
    """Ends a connection with RST: SO_LINGER with time 0."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def pattern(count, seed=1):
    """Bytes in which a lost, doubled or moved piece shows."""
    block = hashlib.shake_128(str(seed).encode()).digest(1 << 20)
    return (block * (count // len(block) + 1))[:count]


def read_all(connection):
    """(bytes until the end, "eof" or "reset")."""
    data = bytearray()
    while True:
        try:
            piece = connection.recv(CHUNK)
        except ConnectionResetError:
            return bytes(data), "reset"
        if not piece:
            return bytes(data), "eof"
        data += piece


def read_exactly(connection, count):
    data = bytearray()
    while len(data) < count:
        piece = connection.recv(min(CHUNK, count - len(data)))
        if not piece:
            raise AssertionError(f"end of stream after {len(data)} of {count} bytes")
        data += piece
    return bytes(data)


def fate(proxy, listener="main", source=None):
    """What a client that only listens gets. The reset may come while connect() has not returned yet."""
    try:
        with proxy.connect(listener, source) as client:
            return read_all(client)
    except ConnectionResetError:
        return b"", "reset"


def ask(connection, message=b"ping"):
    """Sends and reads as much back."""
    connection.sendall(message)
    return read_exactly(connection, len(message))


# --- what an upstream does with one connection


def echo(connection):
    with connection:
        while True:
            try:
                data = connection.recv(CHUNK)
            except ConnectionResetError:
                return
            if not data:
                return
            connection.sendall(data)


def named(name):
    """Says its name and ends: for counting who was chosen."""

    def tell(connection):
        with connection:
            connection.sendall(name)

    return tell


class Upstream:
    """Accepts on a free port, or the path of a UNIX socket, and runs handler(connection) in a thread
    for each connection. close() ends the listening socket and the connections that are left."""

    def __init__(self, handler, address="127.0.0.1", backlog=512, port=0):
        if address.startswith("unix:"):
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(address.removeprefix("unix:"))
            self.address = address
        else:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            self._listener = socket.socket(family)
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind((address, port))
            name = self._listener.getsockname()
            self.address = f"[{name[0]}]:{name[1]}" if family == socket.AF_INET6 else f"{name[0]}:{name[1]}"
        self._listener.listen(backlog)
        self._handler = handler
        self._stop, self._stopped = os.pipe()
        self._open = set()
        self._lock = threading.Lock()
        self.accepted = 0
        self.errors = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            ready, _, _ = select.select([self._listener, self._stop], [], [])
            if self._stop in ready:
                return
            connection, _ = self._listener.accept()
            connection.settimeout(harness.DEADLINE_S)
            with self._lock:
                self.accepted += 1
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            self._handler(connection)
        except OSError as error:
            self.errors.append(error)
        finally:
            with self._lock:
                self._open.discard(connection)

    @property
    def open(self):
        """Connections whose handlers have not come to their end."""
        with self._lock:
            return len(self._open)

    def close(self):
        if self._thread is None:
            return
        os.close(self._stopped)
        self._thread.join()
        self._thread = None
        self._listener.close()
        os.close(self._stop)
        with self._lock:
            left = list(self._open)
        for connection in left:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def on_one_port(free_port, handlers):
    """(port, upstreams) of {address: handler}, all on the same port. Which one is free everywhere is found out."""
    for _ in range(50):
        port = free_port()
        made = []
        try:
            for address, handler in handlers.items():
                made.append(Upstream(handler, address, port=port))
        except OSError:
            for upstream in made:
                upstream.close()
            continue
        return port, made
    raise AssertionError(f"no port that is free at all of {list(handlers)}")


class Manual(Upstream):
    """An upstream whose connections the test itself drives: take() is the next one."""

    def __init__(self, address="127.0.0.1", port=0):
        self._waiting = []
        self._arrived = threading.Condition()
        super().__init__(self._keep, address, port=port)

    def _keep(self, connection):
        with self._arrived:
            self._waiting.append(connection)
            self._arrived.notify()

    def take(self):
        with self._arrived:
            if not self._arrived.wait_for(lambda: self._waiting, harness.DEADLINE_S):
                raise AssertionError("no connection reached the upstream")
            return self._waiting.pop(0)


class BlackHole:
    """An address that answers no SYN: its queue is full (Linux drops the rest) and nobody accepts."""

    def __init__(self):
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self.address = "{}:{}".format(*self._listener.getsockname())
        self._fill = []
        for _ in range(4):
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex(self._listener.getsockname())
            self._fill.append(connection)
        harness.eventually(self._is_full, "a full queue")

    def _is_full(self):
        # The last ones stay in SYN_SENT: they never become writable.
        _, writable, _ = select.select([], self._fill, [], 0.2)
        return 0 < len(writable) < len(self._fill)

    def close(self):
        for connection in self._fill:
            connection.close()
        self._listener.close()


class Refusing:
    """An address where nobody listens, and nobody else can begin to."""

    def __init__(self):
        self._holder = socket.socket()
        self._holder.bind(("127.0.0.1", 0))
        self.address = "{}:{}".format(*self._holder.getsockname())

    def close(self):
        self._holder.close()


class EchoProcess:
    """An echo in a process of its own, so that many short sessions do not share the test's interpreter."""

    def __init__(self, address="127.0.0.1:0"):
        self._process = subprocess.Popen([sys.executable, "-B", __file__, address], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True)
        self.address = self._process.stdout.readline().strip()

    def close(self):
        self._process.stdin.close()  # It serves until its stdin ends.
        try:
            self._process.wait(harness.DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._process.stdout.close()


def echo_until_stdin_ends(address):
    """What EchoProcess runs. For messages that fit into a socket's buffer."""
    listener = socket.create_server(harness.split_address(address), backlog=4096)
    print("{}:{}".format(*listener.getsockname()), flush=True)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin:
                return
            if key.fileobj is listener:
                selector.register(listener.accept()[0], selectors.EVENT_READ)
                continue
            try:
                data = key.fileobj.recv(CHUNK)
                key.fileobj.sendall(data)
            except OSError:
                data = b""
            if not data:
                selector.unregister(key.fileobj)
                key.fileobj.close()


if __name__ == "__main__":
    echo_until_stdin_ends(sys.argv[1])
