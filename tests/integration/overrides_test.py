"""What the admin API orders of endpoints, seen from both ends: who gets sessions, who is checked, whose
connections stand ready, and what a change of the DNS leaves of it."""

import collections
import urllib.parse

import admin_client
import harness
import peers
import services
from harness import Millrace, config, eventually

HEALTH = {"interval": "100ms", "timeout": "10s", "rise": 1, "fall": 3}


def speaker(name):
    """Says its name, then echoes."""

    def handle(connection):
        connection.sendall(name)
        peers.echo(connection)

    return handle


class OverridesCase(harness.Case):
    def start(self, whole):
        whole["admin"] = {"enable": "on", "bind": f"unix:{self.folder()}/admin.sock"}
        self.proxy = self.use(Millrace(whole))
        self.api = admin_client.of(self.proxy)

    def order(self, address, status=200, **what):
        path = f"/v1/upstreams/up/endpoints/{urllib.parse.quote(address, safe='')}"
        got, document, _ = self.api.ask("POST", path, what)
        self.assertEqual(got, status, document)
        return document

    def served_by(self, sessions=16):
        """{name: sessions} of clients one after the other."""
        found = collections.Counter()
        for _ in range(sessions):
            with self.proxy.connect() as client:
                found[peers.read_exactly(client, 3).decode()] += 1
        return found

    def value(self, name, **labels):
        return self.proxy.metrics().value(name, upstream="up", **labels)

    def checks(self, endpoint):
        return self.value("health_checks_total", endpoint=endpoint.address)


class OverridesTest(OverridesCase):
    def setUp(self):
        super().setUp()
        self.one = self.use(peers.Upstream(speaker(b"one")))
        self.two = self.use(peers.Upstream(speaker(b"two")))

    def serve(self, **upstream):
        self.start(config(self.one.address, self.two.address, upstream={"balance": "round_robin", **upstream}))

    def test_drain_leaves_sessions_and_checks(self):
        self.serve(health=HEALTH)
        open_here = {}
        while len(open_here) < 2:
            client = self.use(self.proxy.connect())
            open_here[peers.read_exactly(client, 3)] = client
        self.assertEqual(self.order(self.one.address, state="drain")["state"], "draining")
        self.assertEqual(set(self.served_by()), {"two"})
        self.assertEqual(peers.ask(open_here[b"one"], b"still"), b"still")
        before = self.checks(self.one)
        eventually(lambda: self.checks(self.one) >= before + 3, "checks go on")
        self.assertEqual(self.value("endpoint_admin_state", endpoint=self.one.address), 1)
        self.order(self.one.address, state="ready")
        self.assertEqual(set(self.served_by()), {"one", "two"})

    def test_maintenance_is_not_checked_and_begins_anew(self):
        self.serve(health={**HEALTH, "initial": "down"})
        self.proxy.wait_metric(1, "endpoint_healthy", endpoint=self.one.address)
        self.proxy.wait_metric(1, "endpoint_healthy", endpoint=self.two.address)
        self.order(self.one.address, state="maintenance")
        self.assertEqual(set(self.served_by()), {"two"})
        # The monitor hears of it on its own thread: until a round without a check of the first.
        def quiet():
            one, two = self.checks(self.one), self.checks(self.two)
            eventually(lambda: self.checks(self.two) >= two + 3, "checks of the other")
            return self.checks(self.one) == one

        eventually(quiet, "no more checks of the first")
        # Nobody listens there any more, and nobody minds.
        port = int(self.one.address.rpartition(":")[2])
        self.one.close()
        self.assertEqual(set(self.served_by()), {"two"})
        # Back too early: it has to pass a check first.
        self.order(self.one.address, state="ready")
        self.assertEqual(set(self.served_by()), {"two"})
        self.use(peers.Upstream(speaker(b"one"), port=port))
        eventually(lambda: "one" in self.served_by(4), "a session on the one that is back")

    def test_its_connections_that_stand_ready_go(self):
        self.serve(pool={"idle": 4, "idle_max": 8})
        eventually(lambda: self.one.open > 0 and self.two.open > 0, "a warm pool")
        for state in ("drain", "maintenance"):
            self.order(self.one.address, state=state)
            # Whoever was connected by now has been accepted before this one: the kernel's queue is in order.
            with harness.connect(self.one.address) as last:
                peers.read_exactly(last, 3)
            accepted = self.one.accepted
            eventually(lambda: self.one.open == 0, f"no connection to the endpoint that is in {state}")
            self.assertEqual(set(self.served_by()), {"two"})
            self.assertEqual(self.one.accepted, accepted, "none is made")
            self.order(self.one.address, state="ready")
            eventually(lambda: self.one.open > 0, "connections again")

    def test_weights_share_sessions(self):
        self.serve()
        self.order(self.one.address, weight=300)
        found = self.served_by(80)
        # Round robin on each of two workers: each is exact in rounds of four sessions.
        self.assertGreaterEqual(found["one"], 56)
        self.assertGreaterEqual(found["two"], 16)
        self.order(self.one.address, weight=0)
        self.assertEqual(set(self.served_by()), {"two"})
        self.order(self.one.address, weight=None)
        self.assertEqual(set(self.served_by()), {"one", "two"})

    def test_slow_start_begins_when_it_is_back(self):
        self.serve(slow_start="10m")
        self.order(self.one.address, state="drain")
        self.order(self.one.address, state="ready")
        found = self.served_by(100)
        self.assertLess(found["one"], 30, "its share grows over ten minutes")
        self.assertGreater(found["two"], 70)

    def test_with_nobody_left_sessions_are_refused(self):
        self.serve()
        for endpoint in (self.one, self.two):
            self.order(endpoint.address, state="drain")
        data, _ = peers.fate(self.proxy)
        self.assertEqual(data, b"")
        self.assertEqual(self.proxy.get("/readyz")[0], 200)
        self.order(self.two.address, state="ready")
        self.assertEqual(set(self.served_by()), {"two"})


class DnsTest(OverridesCase):
    def test_an_override_outlives_a_change_of_addresses(self):
        port, made = peers.on_one_port(services.free_port, {
            "127.0.0.2": speaker(b"one"), "127.0.0.3": speaker(b"two"), "::1": speaker(b"six")})
        for upstream in made:
            self.use(upstream)
        names = self.use(services.NameServer("app A 127.0.0.2", "app A 127.0.0.3"))
        whole = config(upstream={"balance": "round_robin", "dns": {
            "name": "app.example", "port": port, "refresh": "100ms", "timeout": "20s", "linger": "0s",
            "servers": [names.address]}})
        del whole["upstreams"][0]["endpoints"]
        self.start(whole)
        eventually(lambda: set(self.served_by()) == {"one", "two"}, "both addresses")
        self.order(f"127.0.0.2:{port}", state="drain")
        self.assertEqual(set(self.served_by()), {"two"})
        names.serve("app A 127.0.0.2", "app AAAA ::1")
        eventually(lambda: set(self.served_by()) == {"six"}, "the new address, and the drained one is left out")
        self.order(f"127.0.0.2:{port}", state="ready")
        eventually(lambda: set(self.served_by()) == {"one", "six"}, "both")
        self.order("127.0.0.9:1", status=404, state="drain")


if __name__ == "__main__":
    harness.main()
