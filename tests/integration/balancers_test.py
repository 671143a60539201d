"""Every balancer of the configuration, over real connections and two workers."""

import collections

import harness
import peers
from harness import Millrace, config

SOURCES = [f"127.0.1.{i + 1}" for i in range(120)]


class BalancersTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.endpoints = [self.use(peers.Upstream(peers.named(b"%d" % number))) for number in range(4)]

    def start(self, balance, weights=(100, 100, 100, 100), workers=2):
        self.file = config(*[{"address": endpoint.address, "weight": weight}
                             for endpoint, weight in zip(self.endpoints, weights) if weight is not None],
                           upstream={"balance": balance}, workers={"count": workers})
        return self.use(Millrace(self.file))

    def choices(self, proxy, clients):
        """Who was chosen, one client after the other."""
        chosen = []
        for _ in range(clients):
            with proxy.connect() as client:
                chosen.append(int(peers.read_exactly(client, 1)))
        return chosen

    def choices_by_source(self, proxy):
        """Who was chosen for each of SOURCES; all at once, because the order cannot matter."""
        clients = [proxy.connect(source=source) for source in SOURCES]
        chosen = []
        for client in clients:
            with client:
                chosen.append(int(peers.read_exactly(client, 1)))
        return chosen

    def test_round_robin_goes_by_weight(self):
        proxy = self.start("round_robin", (100, 200, 0, 300), workers=1)
        self.assertEqual(collections.Counter(self.choices(proxy, 120)), {0: 20, 1: 40, 3: 60})

    def test_round_robin_on_two_workers(self):
        proxy = self.start("round_robin")
        counts = collections.Counter(self.choices(proxy, 200))
        # Each worker has its own turn: the sum is even up to one turn of each.
        for number in range(4):
            self.assertAlmostEqual(counts[number], 50, delta=4)

    def test_first(self):
        proxy = self.start("first")
        self.assertEqual(set(self.choices(proxy, 20)), {0})

    def test_random_two_reaches_everybody(self):
        counts = collections.Counter(self.choices(self.start("random_two"), 200))
        # Ended sessions weigh nothing: this is a fair draw of 50 each, 6 sigma wide.
        for number in range(4):
            self.assertGreater(counts[number], 10)

    def test_source_hash_is_sticky(self):
        self.assert_sticky("source_hash")

    def test_maglev_is_sticky(self):
        self.assert_sticky("maglev")

    def assert_sticky(self, balance):
        proxy = self.start(balance)
        first = self.choices_by_source(proxy)
        self.assertEqual(self.choices_by_source(proxy), first)
        counts = collections.Counter(first)
        for number in range(4):
            self.assertGreater(counts[number], 8)  # 30 each, more than 4 sigma wide.

        # Another instance makes the same choice.
        self.assertEqual(self.choices_by_source(self.start(balance)), first)

    def test_maglev_moves_few_clients_when_an_endpoint_goes(self):
        first = self.choices_by_source(self.start("maglev"))
        three = self.choices_by_source(self.start("maglev", (100, 100, 100, None)))
        kept = [now == before for now, before in zip(three, first) if before != 3]
        self.assertGreater(sum(kept) / len(kept), 0.9)


class LeastSessionsTest(harness.Case):
    def test_held_sessions_spread(self):
        endpoints = [self.use(peers.Upstream(peers.echo)) for _ in range(3)]
        proxy = self.use(Millrace(config(*[endpoint.address for endpoint in endpoints],
                                         upstream={"balance": "least_sessions"})))
        clients = []
        for _ in range(60):
            clients.append(self.use(proxy.connect()))
            peers.ask(clients[-1])
        metrics = proxy.metrics()
        for endpoint in endpoints:
            # Each worker counts its own: even up to one session of each worker.
            self.assertAlmostEqual(
                metrics.value("endpoint_sessions_active", endpoint=endpoint.address), 20, delta=2)


if __name__ == "__main__":
    harness.main()
