"""What happens when something runs out: sessions of a listener, descriptors of the process."""

import resource
import select
import threading
import time

import harness
import peers
from harness import Millrace, config


class MaxSessionsTest(harness.Case):
    LIMIT = 10

    def setUp(self):
        super().setUp()
        self.upstream = self.use(peers.Upstream(peers.echo))
        self.proxy = self.use(Millrace(config(self.upstream.address,
                                              listener={"max_sessions": self.LIMIT})))

    def try_client(self):
        """A client that was served, or None."""
        try:
            client = self.use(self.proxy.connect())
            peers.ask(client)
            return client
        except (ConnectionResetError, BrokenPipeError):
            return None

    def test_the_limit_is_over_all_workers(self):
        clients = [self.try_client() for _ in range(3 * self.LIMIT)]
        served = [client for client in clients if client]
        self.assertEqual(len(served), self.LIMIT)
        metrics = self.proxy.metrics()
        self.assertEqual(metrics.value("listener_rejected_total", listener="main", reason="limit"),
                         2 * self.LIMIT)
        self.assertEqual(metrics.value("sessions_active"), self.LIMIT)
        self.assertEqual(self.upstream.accepted, self.LIMIT)
        # Both workers took part.
        per_worker = [metrics.value("worker_sessions_active", worker=str(i)) for i in range(2)]
        self.assertEqual(sum(per_worker), self.LIMIT)
        for client in served[:4]:
            client.close()
        self.proxy.wait_metric(self.LIMIT - 4, "sessions_active")
        again = [client for client in (self.try_client() for _ in range(8)) if client]
        self.assertEqual(len(again), 4)

    def test_the_limit_is_never_passed_by_a_crowd(self):
        served = []
        threads = [threading.Thread(target=lambda: served.append(self.try_client())) for _ in range(60)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        served = [client for client in served if client]
        self.assertLessEqual(len(served), self.LIMIT)
        self.assertGreaterEqual(len(served), 1)
        self.assertEqual(self.proxy.metrics().value("sessions_active"), len(served))


class DescriptorsTest(harness.Case):
    def served(self, clients):
        """Those of the clients that have their answer within a moment."""
        ready, _, _ = select.select(clients, [], [], 0.3)
        return ready

    def exhaust(self, proxy, count):
        """Clients that want an answer. One whose endpoint gets no descriptor is reset at once."""
        clients = []
        for _ in range(count):
            try:
                client = self.use(proxy.connect())
                client.sendall(b"x")
                clients.append(client)
            except (ConnectionResetError, BrokenPipeError):
                pass
        return clients

    def test_a_small_limit_pauses_accepting_and_closing_resumes_it(self):
        upstream = self.use(peers.EchoProcess())
        proxy = self.use(Millrace(config(upstream.address, workers={"count": 1}),
                                  prefix=(harness.need("prlimit"), "--nofile=120:120")))
        clients = self.exhaust(proxy, 100)
        proxy.wait_metric(1, "listener_paused", listener="main")
        self.assertGreater(proxy.metrics().value("transport_accept_failures_total"), 0)
        waiting = list(clients)
        while waiting:
            ready = harness.eventually(lambda: self.served(waiting), "more clients to be served")
            self.assertLess(len(ready), 60)
            for client in ready:
                self.assertEqual(peers.read_exactly(client, 1), b"x")
                client.close()
                waiting.remove(client)
        proxy.wait_metric(0, "listener_paused")
        self.assertEqual(proxy.metrics().value("listener_rejected_total"), 0)
        with proxy.connect() as client:
            self.assertEqual(peers.ask(client), b"ping")

    def test_the_kernel_refuses_a_descriptor(self):
        upstream = self.use(peers.EchoProcess())
        proxy = self.use(Millrace(config(upstream.address, upstream={"connect": {"attempts": 1}})))
        with proxy.connect() as client:
            peers.ask(client)
        proxy.wait_metric(0, "sessions_active")
        # An accept that the kernel holds goes by the limit of the time when it was made, so those of
        # io_uring go on, and it is the connects to the upstream that fail.
        accepts_fail = proxy.metrics().value("build_info", transport="io_uring") == 0
        _, hard = resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE)
        # From now on the limit is lower than what the program has planned with: EMFILE is real.
        room = proxy.descriptors() + 9
        resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (room, hard))
        clients = self.exhaust(proxy, 40)
        settled = harness.eventually(lambda: self.served(clients), "the first clients to be served")
        if accepts_fail:
            self.assertLess(len(settled), len(clients))
        # It does not spin: the time is what is measured here.
        before = proxy.cpu_seconds()
        time.sleep(1.5)
        self.assertLess(proxy.cpu_seconds() - before, 0.75)
        resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (hard, hard))

        def all_settled():
            return len(select.select(clients, [], [], 0.1)[0]) == len(clients)

        harness.eventually(all_settled, "every client to be served or reset")
        proxy.wait_metric(0, "listener_paused")
        cause = ({"name": "transport_accept_failures_total", "cause": "descriptors"} if accepts_fail
                 else {"name": "transport_connects_refused_total"})
        self.assertGreater(proxy.metrics().value(**cause), 0)
        with proxy.connect() as client:
            self.assertEqual(peers.ask(client), b"ping")


if __name__ == "__main__":
    harness.main()
