"""Backups: endpoints that serve while the better ones cannot."""

import harness
import peers
from harness import Millrace, config


class PrioritiesTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.backup = self.use(peers.Upstream(peers.named(b"b")))

    def start(self, *best, **upstream):
        endpoints = [{"address": address} for address in best]
        endpoints.append({"address": self.backup.address, "priority": 1})
        self.proxy = self.use(Millrace(config(*endpoints, upstream=upstream)))

    def test_a_backup_is_idle_while_the_better_ones_serve(self):
        best = [self.use(peers.Upstream(peers.named(b"a"))) for _ in range(2)]
        self.start(*[endpoint.address for endpoint in best])
        for _ in range(20):
            self.assertEqual(peers.fate(self.proxy), (b"a", "eof"))
        self.assertEqual(self.backup.accepted, 0)

    def test_a_session_that_every_better_one_refused_goes_to_the_backup(self):
        refusing = [self.use(peers.Refusing()) for _ in range(2)]
        self.start(*[endpoint.address for endpoint in refusing])
        for _ in range(10):
            self.assertEqual(peers.fate(self.proxy), (b"b", "eof"))
        made = self.proxy.metrics().value("upstream_retries_total", upstream="up", result="made")
        self.assertEqual(made, 20)

    def test_weight_zero_by_reload_takes_an_endpoint_out_and_keeps_its_sessions(self):
        best = self.use(peers.Upstream(peers.echo))
        self.start(best.address)
        inside = self.use(self.proxy.connect())
        peers.ask(inside)
        self.proxy.reload(config({"address": best.address, "weight": 0},
                                 {"address": self.backup.address, "priority": 1}))
        self.assertEqual(peers.fate(self.proxy), (b"b", "eof"))
        peers.ask(inside)


if __name__ == "__main__":
    harness.main()
