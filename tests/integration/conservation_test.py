"""The numbers add up: every client is accounted for once, every byte is what both ends counted."""

import random
import threading

import harness
import peers
from harness import Millrace, config, scaled


class ConservationTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.lock = threading.Lock()
        self.received = 0  # By the upstream,
        self.sent = 0      # and from it.

    def count_and_answer(self, connection):
        """Reads to the end, then answers with a third of it."""
        with connection:
            data, end = peers.read_all(connection)
            answer = data[:len(data) // 3]
            if end == "eof":
                connection.sendall(answer)
            with self.lock:
                self.received += len(data)
                self.sent += len(answer) if end == "eof" else 0

    def test_sessions_and_bytes(self):
        upstream = self.use(peers.Upstream(self.count_and_answer))
        proxy = self.use(Millrace(config(upstream.address, listener={"max_sessions": 12})))
        seed = random.SystemRandom().randrange(1 << 32)
        totals = {"clients": 0, "sent": 0, "read": 0}

        def client(number):
            rng = random.Random(seed + number)
            for _ in range(scaled(60, 15)):
                size = rng.choice([0, 1, 1000, 50_000, 700_000])
                sent, read = self.one_client(proxy, peers.pattern(size, number), rng.random() < 0.15)
                with self.lock:
                    totals["clients"] += 1
                    totals["sent"] += sent
                    totals["read"] += read

        threads = [threading.Thread(target=client, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        proxy.wait_metric(0, "sessions_active")

        metrics = proxy.metrics()
        ended = sum(metrics.ends().values())
        rejected = metrics.value("listener_rejected_total")
        self.assertEqual(metrics.value("listener_accepted_total"), totals["clients"], f"seed {seed}")
        self.assertEqual(totals["clients"], ended + rejected, f"seed {seed}: {metrics.ends()}")
        # A client that resets at once may end its session before the handshake with the upstream is
        # through: the last packet of it waits for the client's bytes.
        self.assertLessEqual(upstream.accepted, ended)
        self.assertGreaterEqual(upstream.accepted, metrics.ends()["client", "eof"])
        self.assertEqual(metrics.value("session_duration_seconds_count"), ended)
        self.assertEqual(metrics.value("endpoint_sessions_active"), 0)
        self.assertEqual(metrics.value("worker_sessions_active"), 0)
        harness.eventually(lambda: len(proxy.access_lines()) == ended, "an access line for each session")

        # The upstream's threads may be a moment behind.
        relayed = metrics.value("relay_bytes_total", direction="to_upstream")
        harness.eventually(lambda: self.received >= relayed, f"{relayed} bytes at the upstream")
        self.assertEqual(relayed, self.received)
        self.assertEqual(metrics.value("relay_bytes_total", direction="to_client"), self.sent)
        self.assertEqual(totals["read"], self.sent)
        self.assertEqual(metrics.value("relay_method_bytes_total"), self.received + self.sent)
        for direction in ("to_upstream", "to_client"):
            self.assertEqual(sum(int(line["bytes_" + direction]) for line in proxy.access_lines()),
                             metrics.value("relay_bytes_total", direction=direction))

    @staticmethod
    def one_client(proxy, data, ends_with_reset):
        """(bytes sent, bytes read); a rejected client sends none that count."""
        try:
            with proxy.connect() as client:
                client.sendall(data)
                if ends_with_reset:
                    peers.reset(client)
                    return len(data), 0
                client.shutdown(harness.socket.SHUT_WR)
                answer, end = peers.read_all(client)
                return len(data), len(answer) if end == "eof" else 0
        except (ConnectionResetError, BrokenPipeError, OSError):
            return 0, 0


if __name__ == "__main__":
    harness.main()
