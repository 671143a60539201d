"""Millrace as a service: what it tells the service manager, and the sockets that it gets from it.

There is no systemd as process 1 here: a datagram socket stands in for its NOTIFY_SOCKET, and
systemd-socket-activate or with_sockets.py for its socket units.
"""

import os
import signal
import socket
import stat
import subprocess
import sys
import time

import harness
import loads
import peers
from harness import Millrace, config, need
from services import free_port

WITH_SOCKETS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "with_sockets.py")


class Manager:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, watchdog_s=None):
        self._name = f"\0millrace-test-{os.getpid()}-{time.monotonic_ns()}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self._name)
        self._environment = {"NOTIFY_SOCKET": "@" + self._name[1:]}
        if watchdog_s:
            self._environment["WATCHDOG_USEC"] = str(int(watchdog_s * 1e6))

    def start(self, *arguments, **options):
        """A Millrace that has this manager."""
        os.environ.update(self._environment)
        try:
            return Millrace(*arguments, **options)
        finally:
            for name in self._environment:
                del os.environ[name]

    def next(self, wait_s=None):
        """The next message's lines, or None when none comes in time."""
        self._socket.settimeout(wait_s or harness.DEADLINE_S)
        try:
            return self._socket.recv(4096).decode().splitlines()
        except TimeoutError:
            return None

    def next_with(self, beginning):
        """The first of the messages to come with such a line; None of the others matter."""
        end = time.monotonic() + harness.DEADLINE_S
        while time.monotonic() < end:
            lines = self.next()
            if lines and any(line.startswith(beginning) for line in lines):
                return lines
        raise AssertionError(f"no message with {beginning}")

    def close(self):
        self._socket.close()


def workers(proxy):
    """Thread ids of its workers."""
    found = []
    for task in os.listdir(f"/proc/{proxy.pid}/task"):
        with open(f"/proc/{proxy.pid}/task/{task}/comm", encoding="ascii") as comm:
            if comm.read().startswith("worker "):
                found.append(task)
    return found


class Held:
    """A thread that is held in the kernel when it next waits for events, while all others run."""

    CALLS = "epoll_wait,epoll_pwait,io_uring_enter"

    def __init__(self, proxy, task, seconds):
        self._tracer = subprocess.Popen(
            [*harness.dies_with_us(), need("strace"), "-qq", "-o", "/dev/null", "-e", f"trace={self.CALLS}",
             "-e", f"inject={self.CALLS}:delay_enter={seconds}s", "-p", task])
        self._status = f"/proc/{proxy.pid}/task/{task}/status"
        harness.eventually(self._traced, "strace holds the thread")

    def _traced(self):
        with open(self._status, encoding="ascii") as status:
            return f"TracerPid:\t{self._tracer.pid}\n" in status.read()

    def close(self):
        self._tracer.terminate()
        self._tracer.wait()


class NotifyTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.upstream = self.use(peers.Upstream(peers.echo))

    def start(self, manager, **changes):
        return self.use(manager.start(config(self.upstream.address, **changes), wait=False))

    def test_ready_comes_first_and_then_everybody_is_served(self):
        manager = self.use(Manager())
        proxy = self.start(manager)
        self.assertEqual(manager.next()[0], "READY=1")
        self.assertEqual(harness.http_get("http://" + proxy.wait_log("metrics: http://").rpartition(
            "metrics: http://")[2].split("/")[0] + "/readyz")[0], 200)
        with proxy.connect() as client:
            self.assertEqual(peers.ask(client), b"ping")

    def test_a_reload_is_announced_and_ends_with_ready_also_when_it_is_refused(self):
        manager = self.use(Manager())
        proxy = self.start(manager)
        manager.next_with("READY=1")
        before = time.monotonic_ns() // 1000
        proxy.wait_ready()
        for file, generation in ((config(self.upstream.address, shutdown={"drain": "2s"}), 2), ("rubbish", 2)):
            proxy.write(file)
            proxy.signal(signal.SIGHUP)
            lines = manager.next_with("RELOADING=1")
            stamp = int(lines[1].removeprefix("MONOTONIC_USEC="))
            self.assertTrue(before <= stamp <= time.monotonic_ns() // 1000, lines)
            ready = manager.next()
            self.assertEqual(ready[0], "READY=1")
            self.assertIn(f"STATUS=configuration {generation} in force", ready[1])

    def test_the_status_counts_sessions(self):
        manager = self.use(Manager())
        proxy = self.start(manager)
        proxy.wait_ready()
        clients = [self.use(proxy.connect()) for _ in range(3)]
        for client in clients:
            peers.ask(client)
        self.assertEqual(manager.next_with("STATUS=configuration 1 in force, 3 sessions")[0],
                         "STATUS=configuration 1 in force, 3 sessions open on 2 workers")

    def test_a_drain_is_announced_and_asks_for_time(self):
        manager = self.use(Manager())
        proxy = self.start(manager, shutdown={"drain": "5m"})
        proxy.wait_ready()
        client = self.use(proxy.connect())
        peers.ask(client)
        proxy.signal(signal.SIGTERM)
        self.assertEqual(manager.next_with("STOPPING=1")[1].split(",")[0], "STATUS=stopping")
        for _ in range(2):  # With the announcement, and again while it goes on.
            lines = manager.next_with("EXTEND_TIMEOUT_USEC=")
            self.assertGreaterEqual(int(lines[0].partition("=")[2]), 10_000_000)
        self.assertEqual(peers.ask(client), b"ping")
        client.close()
        self.assertEqual(proxy.wait_exit(), 0)

    def test_without_a_manager_main_never_wakes_up(self):
        proxy = self.use(Millrace(config(self.upstream.address)))

        def turns():
            with open(f"/proc/{proxy.pid}/status", encoding="ascii") as status:
                return next(int(line.split()[1]) for line in status if line.startswith("voluntary_ctxt"))

        counts = []
        for seconds in (1, 6):  # The start is over, and then more than the interval of the status.
            end = time.monotonic() + seconds
            harness.eventually(lambda end=end: time.monotonic() > end, f"{seconds} seconds")
            counts.append(turns())
        self.assertEqual(counts[0], counts[1])


class WatchdogTest(harness.Case):
    TIMEOUT_S = 2

    def setUp(self):
        super().setUp()
        self.manager = self.use(Manager(self.TIMEOUT_S))
        upstream = self.use(peers.Upstream(peers.echo))
        self.proxy = self.use(self.manager.start(config(upstream.address)))

    def gaps(self, count):
        """Seconds between so many messages of the watchdog."""
        self.manager.next_with("WATCHDOG=1")
        gaps, last = [], time.monotonic()
        for _ in range(count):
            self.manager.next_with("WATCHDOG=1")
            now = time.monotonic()
            gaps.append(now - last)
            last = now
        return gaps

    def test_workers_that_sleep_keep_it_quiet(self):
        self.assertLess(max(self.gaps(4)), self.TIMEOUT_S)

    def test_a_worker_that_hangs_lets_it_expire(self):
        held = Held(self.proxy, workers(self.proxy)[1], 3 * self.TIMEOUT_S)
        try:
            self.assertGreater(max(self.gaps(2)), self.TIMEOUT_S + 1)
        finally:
            held.close()
        self.assertLess(self.gaps(2)[1], self.TIMEOUT_S)  # It turns again.


class ActivationTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.upstream = self.use(peers.Upstream(peers.echo))

    def start(self, sockets, *binds, **changes):
        prefix = (sys.executable, "-B", WITH_SOCKETS, *sockets, "--")
        return self.use(Millrace(config(self.upstream.address, listener={"bind": list(binds)}, **changes),
                                 prefix=prefix))

    def serve_many(self, address, count=60):
        """Clients at the same time, all served."""
        clients = [self.use(harness.connect(address)) for _ in range(count)]
        for number, client in enumerate(clients):
            self.assertEqual(peers.ask(client, b"%d" % number), b"%d" % number)
        return clients

    def test_systemd_socket_activate(self):
        port = free_port()
        proxy = self.use(Millrace(
            config(self.upstream.address, listener={"bind": f"127.0.0.1:{port}"}), wait=False,
            prefix=(need("systemd-socket-activate"), "-l", f"127.0.0.1:{port}", "--fdname=web")))

        # Its first client starts the program, and waits in the queue meanwhile.
        def first():
            try:
                return harness.connect(f"127.0.0.1:{port}")
            except ConnectionRefusedError:
                return None

        client = self.use(harness.eventually(first, "systemd-socket-activate listens"))
        self.assertEqual(peers.ask(client), b"ping")
        proxy.wait_ready()
        self.serve_many(f"127.0.0.1:{port}")
        self.assertNotIn("service manager", proxy.log())

    def test_one_socket_for_all_workers(self):
        port = free_port()
        address = f"127.0.0.1:{port}"
        proxy = self.start([address], address)
        load = self.use(loads.ShortSessions(address, threads=4))

        def all_have_accepted():
            load.wait(50)
            return all(proxy.access_lines(worker=worker) for worker in "01")

        harness.eventually(all_have_accepted, "both workers have sessions")
        load.stop()
        self.assertEqual(load.failures, [])
        with open("/proc/net/tcp", encoding="ascii") as table:
            listening = [line for line in table if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"]
        self.assertEqual(len(listening), 1, "a worker has opened a socket of its own")

    def test_every_worker_accepts_from_one_socket(self):
        """A worker that is held does not keep clients waiting: the other one takes them."""
        address = f"127.0.0.1:{free_port()}"
        proxy = self.start([address], address)
        for task in workers(proxy):
            held = Held(proxy, task, 60)
            try:
                # Whatever wakes it now: it comes back to the call, and stays there. What it took before
                # that waits with it.
                for _ in range(20):
                    with harness.connect(address, timeout=5) as client:
                        try:
                            peers.ask(client)
                        except TimeoutError:
                            continue
                self.serve_many(address, 10)
            finally:
                held.close()

    def test_fewer_and_more_sockets_than_workers(self):
        for count in (2, 5):
            with self.subTest(sockets=count):
                address = f"127.0.0.1:{free_port()}"
                proxy = self.start([address] * count, address, workers={"count": 2 if count == 5 else 3})
                self.serve_many(address, 100)  # One that nobody serves would have some of them.
                proxy.wait_metric(100, "sessions_active")

    def test_a_unix_socket_stays_the_service_managers(self):
        path = f"{self.folder()}/m.sock"
        proxy = self.start([path], f"unix:{path}")
        self.serve_many(f"unix:{path}", 10)
        proxy.close()
        self.assertTrue(stat.S_ISSOCK(os.stat(path).st_mode))

    def test_the_metrics_port(self):
        metrics = f"127.0.0.1:{free_port()}"
        proxy = self.start([metrics], "127.0.0.1:0", metrics={"bind": metrics})
        self.assertEqual(proxy.metrics_address, metrics)
        self.assertEqual(proxy.get("/metrics")[0], 200)
        self.assertNotIn("service manager", proxy.log())

    def test_what_nobody_wants_is_named_and_closed(self):
        address, other, udp = (f"127.0.0.1:{free_port()}" for _ in range(3))
        proxy = self.start([address, other, "udp:" + udp], address)
        self.assertIn("warning a socket of the service manager is closed: 'socket-1', descriptor 4, at "
                      f"{other}; no listener binds it", proxy.log())
        self.assertIn("'socket-2', descriptor 5, which is no listening stream socket", proxy.log())
        self.assertRaises(ConnectionRefusedError, harness.connect, other)
        self.serve_many(address, 5)

    def test_reloads_keep_the_socket_and_leave_it_with_its_listener(self):
        address = f"127.0.0.1:{free_port()}"
        proxy = self.start([address], address)
        client = self.use(proxy.connect())
        peers.ask(client)
        proxy.reload(config(self.upstream.address,
                            listener={"bind": address, "timeouts": {"idle": "20m"}, "tcp": {"nodelay": False}}))
        self.serve_many(address, 20)
        proxy.reload(config(self.upstream.address, listener={"bind": "127.0.0.1:0"}))

        def refused():
            try:
                harness.connect(address).close()
                return False
            except (ConnectionRefusedError, ConnectionResetError):
                return True

        harness.eventually(refused, "the socket is closed")
        self.assertEqual(peers.ask(client), b"ping")
        # Nobody else holds it here, so it can be bound again, as one of our own.
        proxy.reload(config(self.upstream.address, listener={"bind": address}))
        self.serve_many(address, 5)

    def test_an_engine_past_the_kernel_refuses_sockets_of_the_kernel(self):
        why_not = harness.engines().get("dpdk", "")
        if "built without" in why_not:
            self.skipTest(why_not)
        file = config("10.9.0.3:1", transport="dpdk", workers={"count": 1}, listener={"bind": "10.9.0.2:8080"},
                      dpdk={"ports": ["net_null0"], "addresses": [{"address": "10.9.0.2/24", "port": 0}],
                            "hugepages": "off", "idle": "sleep", "sessions_max": 1000})
        proxy = self.use(Millrace(file, wait=False, prefix=(sys.executable, "-B", WITH_SOCKETS, "10.9.0.2:8080", "--")))
        proxy.expect_exit = (1,)
        self.assertEqual(proxy.wait_exit(), 1)
        self.assertIn("transport dpdk cannot use the socket that the service manager opened at 10.9.0.2:8080",
                      proxy.log())

    def test_variables_that_cannot_be_understood(self):
        os.environ.update(LISTEN_FDS="many", LISTEN_PID="rubbish")
        try:
            proxy = self.use(Millrace(config(self.upstream.address), wait=False))
        finally:
            del os.environ["LISTEN_FDS"], os.environ["LISTEN_PID"]
        proxy.expect_exit = (1,)
        self.assertEqual(proxy.wait_exit(), 1)
        self.assertIn("LISTEN_FDS, LISTEN_PID or LISTEN_FDNAMES cannot be understood", proxy.log())


if __name__ == "__main__":
    harness.main()
