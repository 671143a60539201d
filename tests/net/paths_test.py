"""Bad paths between Millrace and its endpoints or clients: no route, filters, loss, silence, no ports."""

import time

import namespace
from namespace import Addresses, PortRange, Rules, fill, filter_output, run

import harness
import peers
from harness import Millrace, config, need, scaled


class UnreachableTest(harness.Case):
    def expect(self, proxy, cause, actor="upstream"):
        self.assertEqual(peers.fate(proxy), (b"", "reset"))
        proxy.wait_ends({(actor, cause): 1})

    def test_no_route(self):
        proxy = self.use(Millrace(config("198.51.100.1:80")))
        self.expect(proxy, "connect_unreachable")

    def test_a_router_says_unreachable(self):
        # No wait for the connect timeout of 5 s (C3.35).
        self.use(Addresses("10.66.0.1/32"))
        for code in ("host-unreachable", "net-unreachable", "admin-prohibited"):
            rules = Rules(filter_output(
                f"ip daddr 10.66.0.1 tcp dport 80 reject with icmp {code}"))
            proxy = self.use(Millrace(config("10.66.0.1:80", upstream={"connect": {"timeout": "1h"}})))
            self.expect(proxy, "connect_unreachable")
            rules.close()

    def test_a_filter_that_drops(self):
        self.use(Addresses("10.66.0.1/32"))
        self.use(Rules(filter_output("ip daddr 10.66.0.1 tcp dport 80 drop")))
        upstream = self.use(peers.Upstream(peers.echo))
        proxy = self.use(Millrace(config("10.66.0.1:80", upstream={"connect": {"timeout": "500ms"}})))
        began = time.monotonic()
        self.expect(proxy, "connect_timeout")
        self.assertGreaterEqual(time.monotonic() - began, 0.5)
        # With another endpoint beside it the session is served.
        proxy.reload(config("10.66.0.1:80", upstream.address,
                            upstream={"balance": "first", "connect": {"timeout": "300ms"}}))
        with proxy.connect() as client:
            self.assertEqual(peers.ask(client), b"ping")

    def test_no_local_port_is_left(self):
        upstream = self.use(peers.Manual())
        proxy = self.use(Millrace(config(upstream.address, upstream={"connect": {"source": "127.0.0.7"}})))
        address = proxy.address()
        self.use(PortRange(50000, 50009))
        fill(self, address, 12)
        harness.eventually(lambda: upstream.accepted == 10, "as many sessions as ports")
        proxy.wait_metric(2, "sessions_total", actor="proxy", cause="resource")


class RoughPathTest(harness.Case):
    SIZE = scaled(2 << 20, 200_000)

    def exchange(self):
        upstream = self.use(peers.Upstream(peers.echo))
        proxy = self.use(Millrace(config(upstream.address)))
        with proxy.connect() as client:
            sent = peers.pattern(self.SIZE)
            sender = peers.threading.Thread(target=client.sendall, args=(sent,), daemon=True)
            sender.start()
            self.assertTrue(peers.read_exactly(client, len(sent)) == sent, "other bytes")
            sender.join()
        proxy.wait_ends({("client", "eof"): 1})

    def test_one_packet_of_twenty_is_lost(self):
        self.use(Rules(filter_output("meta l4proto tcp tcp dport != 1 numgen random mod 100 < 5 drop")))
        # The metrics port loses packets, too; TCP mends that.
        self.exchange()

    def test_a_small_mtu(self):
        run(need("ip"), "link", "set", "lo", "mtu", "576")
        self.addCleanup(run, need("ip"), "link", "set", "lo", "mtu", "65536")
        self.exchange()


class DeadPeerTest(harness.Case):
    def test_keepalive_finds_a_client_that_vanished(self):
        upstream = self.use(peers.Upstream(peers.echo))
        proxy = self.use(Millrace(config(
            upstream.address,
            listener={"tcp": {"keepalive": {"idle": "1s", "interval": "1s", "probes": 1}}})))
        client = self.use(proxy.connect())
        peers.ask(client)
        port = client.getsockname()[1]
        self.use(Rules(filter_output(f"tcp sport {port} drop\n tcp dport {port} drop")))
        proxy.wait_ends({("client", "reset"): 1})


if __name__ == "__main__":
    namespace.main()
