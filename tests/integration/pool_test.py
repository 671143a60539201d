"""Connections that stand ready: hits are counted, greetings kept, dead ones replaced."""

import socket
import threading

import harness
import peers
from harness import Millrace, config


class PoolTest(harness.Case):
    IDLE = 8

    def serve(self, greeting=b""):
        """An echoing upstream that speaks first if it has something to say, and a proxy with a pool."""
        self.parked = []
        lock = threading.Lock()

        def handle(connection):
            with lock:
                self.parked.append(connection)
            if greeting:
                connection.sendall(greeting)
            peers.echo(connection)

        self.upstream = self.use(peers.Upstream(handle))
        self.proxy = self.use(Millrace(config(
            self.upstream.address, upstream={"pool": {"idle": self.IDLE, "idle_max": 32}})))
        self.wait_warm()

    def wait_warm(self):
        harness.eventually(lambda: self.idle() >= self.IDLE, "a warm pool")

    def idle(self):
        return self.proxy.metrics().value("pool_connections", upstream="up", state="idle")

    def checkouts(self, result):
        return self.proxy.metrics().value("pool_checkouts_total", upstream="up", result=result)

    def test_it_is_warm_before_the_first_client_and_hits_are_counted(self):
        self.serve()
        harness.eventually(lambda: self.upstream.accepted == self.IDLE, "nobody else's connections")
        clients = 10
        for _ in range(clients):
            self.wait_warm()
            with self.proxy.connect() as client:
                self.assertEqual(peers.ask(client), b"ping")
        harness.eventually(lambda: self.checkouts("hit") + self.checkouts("miss") == clients,
                           "every session counted")
        self.assertGreaterEqual(self.checkouts("hit"), 1)
        metrics = self.proxy.metrics()
        self.assertEqual(metrics.value("session_setup_seconds_count", pool="hit"), self.checkouts("hit"))
        self.assertGreater(metrics.value("pool_saved_seconds_total", upstream="up"), 0)

    def test_a_greeting_waits_for_its_client(self):
        self.serve(b"220 hello\r\n")
        for _ in range(4):
            with self.proxy.connect() as client:
                self.assertEqual(peers.read_exactly(client, 11), b"220 hello\r\n")
                self.assertEqual(peers.ask(client), b"ping")
        self.assertEqual(self.proxy.metrics().value("pool_discarded_total", cause="closed"), 0)

    def test_what_the_service_closes_is_replaced_and_no_client_notices(self):
        self.serve()
        harness.eventually(lambda: len(self.parked) >= self.IDLE, "the upstream's side of them all")
        closed = list(self.parked)
        for connection in closed:
            # Not close(): the thread that reads it would keep it open.
            connection.shutdown(socket.SHUT_RDWR)
        harness.eventually(
            lambda: self.proxy.metrics().value("pool_discarded_total", cause="closed") >= len(closed),
            "the dead ones thrown away")
        self.wait_warm()
        for _ in range(4):
            with self.proxy.connect() as client:
                self.assertEqual(peers.ask(client), b"ping")

    def test_a_reload_takes_the_pool_away(self):
        self.serve()
        self.proxy.reload(config(self.upstream.address))
        harness.eventually(lambda: self.idle() == 0, "an empty pool")
        with self.proxy.connect() as client:
            self.assertEqual(peers.ask(client), b"ping")


if __name__ == "__main__":
    harness.main()
