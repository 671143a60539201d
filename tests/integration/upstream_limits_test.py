"""Limits of an upstream, the queue before it, and what a reload does to both."""

import select

import harness
import peers
from harness import Millrace, config


class UpstreamLimitsTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.upstream = self.use(peers.Upstream(peers.echo))

    def config(self, **limits):
        return config(self.upstream.address, upstream={"limits": limits})

    def start(self, **limits):
        self.proxy = self.use(Millrace(self.config(**limits)))

    def served(self):
        client = self.use(self.proxy.connect())
        peers.ask(client)
        return client

    def wait_in_queue(self, number):
        """Clients that have asked, and wait until somebody goes."""
        clients = []
        for _ in range(number):
            client = self.use(self.proxy.connect())
            client.sendall(b"ping")
            clients.append(client)
        self.proxy.wait_metric(number, "upstream_queue_length", upstream="up")
        return clients

    def next_answers(self, clients, number):
        """The first of the clients that get their answers."""
        answered = []
        while len(answered) < number:
            ready, _, _ = select.select(set(clients) - set(answered), [], [], harness.DEADLINE_S)
            self.assertTrue(ready, "nobody else is served")
            for client in ready:
                self.assertEqual(peers.read_exactly(client, 4), b"ping")
                answered.append(client)
        return answered

    def test_who_comes_too_many_waits_and_is_served_in_turn(self):
        self.start(max_sessions=2, queue=4, queue_timeout="1m")
        inside = [self.served(), self.served()]
        waiting = self.wait_in_queue(4)
        self.assertEqual(peers.fate(self.proxy), (b"", "reset"))
        self.assertEqual(self.upstream.accepted, 2)
        while waiting:
            inside.pop(0).close()
            inside += self.next_answers(waiting, 1)
            waiting.remove(inside[-1])
            self.proxy.wait_metric(len(waiting), "upstream_queue_length", upstream="up")
            self.assertEqual(self.proxy.metrics().value("upstream_sessions_active", upstream="up"), 2)
        for client in inside:
            client.close()
        self.proxy.wait_ends({("client", "eof"): 6, ("proxy", "queue_full"): 1})
        self.assertEqual(self.proxy.metrics().value("upstream_queue_seconds_count", upstream="up"), 4)

    def test_without_a_queue_and_after_its_timeout_sessions_end(self):
        self.start(max_sessions=1)
        inside = self.served()
        self.assertEqual(peers.fate(self.proxy), (b"", "reset"))
        self.proxy.wait_ends({("proxy", "limit"): 1})
        self.proxy.reload(self.config(max_sessions=1, queue=1, queue_timeout="100ms"))
        self.assertEqual(peers.fate(self.proxy), (b"", "reset"))
        self.proxy.wait_ends({("proxy", "limit"): 1, ("proxy", "queue_timeout"): 1})
        peers.ask(inside)

    def test_a_reload_that_lifts_the_limit_serves_everybody(self):
        self.start(max_sessions=1, queue=10, queue_timeout="1m")
        self.served()
        waiting = self.wait_in_queue(5)
        self.proxy.reload(self.config())
        self.next_answers(waiting, 5)

    def test_sessions_of_a_removed_endpoint_are_closed_when_that_is_asked_for(self):
        self.start()
        inside = [self.served() for _ in range(5)]
        other = self.use(peers.Upstream(peers.echo))
        self.proxy.reload(config(other.address, upstream={"on_remove": "close"}))
        for client in inside:
            self.assertEqual(peers.read_all(client), (b"", "reset"))
        self.proxy.wait_ends({("admin", "removed"): 5})
        self.served()


if __name__ == "__main__":
    harness.main()
