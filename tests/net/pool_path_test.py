"""Pools and checks on bad paths: an endpoint that falls silent, and local ports that run out."""

import namespace
from namespace import Addresses, PortRange, Rules, fill, filter_output

import harness
import peers
from harness import Millrace, config, eventually

CHECKED = {"interval": "100ms", "timeout": "100ms", "fall": 2, "rise": 1}


class SilenceTest(harness.Case):
    def test_sessions_leave_an_endpoint_that_falls_silent_and_come_back(self):
        self.use(Addresses("10.66.0.1/32", "10.66.0.2/32"))
        first = self.use(peers.Upstream(peers.echo, "10.66.0.1"))
        second = self.use(peers.Upstream(peers.echo, "10.66.0.2"))
        proxy = self.use(Millrace(config(first.address, second.address, upstream={
            "balance": "first", "health": CHECKED, "pool": {"idle": 4}, "connect": {"timeout": "300ms"}})))
        proxy.wait_metric(8, "pool_connections", state="idle")
        with proxy.connect() as client:
            self.assertEqual(peers.ask(client), b"ping")
        rules = Rules(filter_output("ip daddr 10.66.0.1 drop"))
        proxy.wait_metric(0, "endpoint_healthy", endpoint=first.address)
        # Every worker has heard of it: no pooled connection to the silent one is handed out any more.
        proxy.wait_metric(4, "pool_connections", state="idle")
        for _ in range(20):
            with proxy.connect() as client:
                self.assertEqual(peers.ask(client), b"ping")
        accepted = first.accepted
        rules.close()
        proxy.wait_metric(1, "endpoint_healthy", endpoint=first.address)

        def served_by_first():
            with proxy.connect() as client:
                self.assertEqual(peers.ask(client), b"ping")
            return first.accepted > accepted

        eventually(served_by_first, "the first endpoint serves again")


class PortsTest(harness.Case):
    PORTS = 10

    def test_a_second_source_has_ports_of_its_own(self):
        upstream = self.use(peers.Manual())
        proxy = self.use(Millrace(config(upstream.address, upstream={
            "connect": {"source": ["127.0.0.7", "127.0.0.9"]}})))
        self.use(PortRange(50000, 50000 + self.PORTS - 1))
        fill(self, proxy.address(), 2 * self.PORTS + 2)
        eventually(lambda: upstream.accepted == 2 * self.PORTS, "as many sessions as ports of both")
        proxy.wait_metric(2, "sessions_total", actor="proxy", cause="resource")
        self.assertGreater(proxy.metrics().value("transport_sources_exhausted_total"), 0)


if __name__ == "__main__":
    namespace.main()
