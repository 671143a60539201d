"""original_dst: clients that a firewall rule redirected reach where they were going."""

import namespace
from namespace import Addresses, Rules

import harness
import peers
from harness import Millrace, config


class OriginalDestinationTest(harness.Case):
    """Clients are told by their address, so that the rule leaves the proxy's own connects alone."""

    PORT = 8000

    def setUp(self):
        super().setUp()
        self.use(Addresses("10.55.0.1/32", "10.55.0.2/32", "10.55.0.3/32",
                           "fd55::1/128", "fd55::2/128", "fd55::3/128"))
        self.use(Rules(f"""
            table ip redirects {{
              chain output {{
                type nat hook output priority -100;
                ip saddr 10.55.0.9 tcp dport {self.PORT} redirect to :9000
              }}
            }}
            table ip6 redirects {{
              chain output {{
                type nat hook output priority -100;
                ip6 saddr fd55::9 tcp dport {self.PORT} redirect to :9000
              }}
            }}
        """))
        self.use(Addresses("10.55.0.9/32", "fd55::9/128"))

    def start(self):
        whole = config(listener={"bind": ["0.0.0.0:9000", "[::]:9000"]})
        whole["upstreams"] = [{"name": "up", "original_dst": True}]
        return self.use(Millrace(whole))

    def upstream(self, address):
        return self.use(peers.Upstream(peers.named(address.encode()), address, port=self.PORT))

    def test_each_client_reaches_its_own_destination(self):
        proxy = self.start()
        families = (("10.55.0.9", "10.55.0.1", "10.55.0.2"), ("fd55::9", "fd55::1", "fd55::2"))
        for source, *destinations in families:
            for address in destinations:
                upstream = self.upstream(address)
                for _ in range(3):
                    with harness.connect(upstream.address, source=source) as client:
                        self.assertEqual(peers.read_all(client), (address.encode(), "eof"))
        proxy.wait_ends({("upstream", "eof"): 12})
        lines = harness.eventually(lambda: len(proxy.access_lines()) == 12 and proxy.access_lines(), "lines")
        self.assertEqual({line["endpoint"] for line in lines},
                         {f"10.55.0.1:{self.PORT}", f"10.55.0.2:{self.PORT}",
                          f"[fd55::1]:{self.PORT}", f"[fd55::2]:{self.PORT}"})

    def test_a_destination_that_refuses(self):
        proxy = self.start()
        for source, address in (("10.55.0.9", "10.55.0.3:8000"), ("fd55::9", "[fd55::3]:8000")):
            try:
                with harness.connect(address, source=source) as client:
                    self.assertEqual(peers.read_all(client), (b"", "reset"))
            except ConnectionResetError:
                pass
        proxy.wait_ends({("upstream", "connect_refused"): 2})

    def test_a_client_that_was_not_redirected_makes_no_loop(self):
        proxy = self.start()
        for address in ("127.0.0.1:9000", "[::1]:9000"):
            try:
                with harness.connect(address) as client:
                    self.assertEqual(peers.read_all(client), (b"", "reset"))
            except ConnectionResetError:
                pass
        proxy.wait_ends({("proxy", "no_endpoint"): 2})
        self.assertEqual(proxy.metrics().value("listener_accepted_total"), 2)


if __name__ == "__main__":
    namespace.main()
