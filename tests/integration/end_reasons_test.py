"""Every way a session can end is in the metric and in the access log, with its actor and cause."""

import socket

import harness
import peers
from harness import Millrace, config


class EndReasonsTest(harness.Case):
    def expect(self, proxy, actor, cause, **fields):
        """One session has ended, for this reason, and both places say so."""
        proxy.wait_ends({(actor, cause): 1})
        line = harness.eventually(proxy.access_lines, "an access line")
        self.assertEqual(len(line), 1)
        self.assertEqual((line[0]["actor"], line[0]["cause"]), (actor, cause), line[0])
        for name, value in fields.items():
            self.assertEqual(line[0][name], value, line[0])
        self.assertEqual(proxy.metrics().value("sessions_active"), 0)
        return line[0]

    def run_manual(self, **changes):
        upstream = self.use(peers.Manual())
        proxy = self.use(Millrace(config(upstream.address, **changes)))
        client = self.use(proxy.connect())
        return proxy, client, self.use(upstream.take()), upstream

    def test_the_client_closes_first(self):
        proxy, client, taken, upstream = self.run_manual()
        client.sendall(b"twelve bytes")
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(peers.read_all(taken), (b"twelve bytes", "eof"))
        taken.sendall(b"four")
        taken.close()
        self.assertEqual(peers.read_all(client), (b"four", "eof"))
        self.expect(proxy, "client", "eof", bytes_to_upstream="12", bytes_to_client="4",
                    endpoint=upstream.address, attempts="1", listener="main", upstream="up")

    def test_the_upstream_closes_first(self):
        proxy, client, taken, _ = self.run_manual()
        taken.close()
        self.assertEqual(peers.read_all(client), (b"", "eof"))
        client.close()
        self.expect(proxy, "upstream", "eof")

    def test_the_client_resets(self):
        proxy, client, taken, _ = self.run_manual()
        client.sendall(b"before")
        self.assertEqual(peers.read_exactly(taken, 6), b"before")
        peers.reset(client)
        self.assertEqual(peers.read_all(taken), (b"", "reset"))
        self.expect(proxy, "client", "reset", bytes_to_upstream="6")

    def test_the_upstream_resets(self):
        proxy, client, taken, _ = self.run_manual()
        taken.sendall(b"before")
        self.assertEqual(peers.read_exactly(client, 6), b"before")
        peers.reset(taken)
        self.assertEqual(peers.read_all(client), (b"", "reset"))
        self.expect(proxy, "upstream", "reset", bytes_to_client="6")

    def test_nothing_moves_for_the_idle_timeout(self):
        proxy, client, taken, _ = self.run_manual(
            listener={"timeouts": {"idle": "300ms"}})
        self.assertEqual(peers.read_all(client), (b"", "reset"))
        self.assertEqual(peers.read_all(taken), (b"", "reset"))
        line = self.expect(proxy, "proxy", "idle")
        self.assertGreaterEqual(float(line["total"]), 0.3)

    def test_traffic_keeps_the_idle_timeout_away_and_not_the_lifetime(self):
        upstream = self.use(peers.Upstream(peers.echo))
        proxy = self.use(Millrace(config(
            upstream.address, listener={"timeouts": {"idle": "700ms", "lifetime": "2s"}})))
        client = self.use(proxy.connect())
        client.settimeout(0.05)
        answers = 0

        def ended():
            nonlocal answers
            try:
                client.sendall(b"x")
                answers += len(client.recv(100))
            except socket.timeout:
                pass
            except OSError:
                return True
            return False

        harness.eventually(ended, "the end of the lifetime")
        self.assertGreater(answers, 1)
        line = self.expect(proxy, "proxy", "lifetime")
        self.assertGreaterEqual(float(line["total"]), 2)

    def test_a_half_closed_session_that_is_silent(self):
        proxy, client, taken, _ = self.run_manual(
            listener={"timeouts": {"half_close": "300ms"}})
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(peers.read_all(taken)[0], b"")
        self.assertEqual(peers.read_all(client), (b"", "reset"))
        self.expect(proxy, "proxy", "half_close_timeout")

    def test_the_endpoint_refuses(self):
        nobody = self.use(peers.Refusing())
        proxy = self.use(Millrace(config(nobody.address)))
        self.assertEqual(peers.fate(proxy), (b"", "reset"))
        self.expect(proxy, "upstream", "connect_refused", attempts="1", setup="-", connect="-",
                    endpoint=nobody.address)
        self.assertEqual(proxy.metrics().value(
            "upstream_connect_failures_total", upstream="up", endpoint=nobody.address,
            cause="connect_refused"), 1)

    def test_the_endpoint_answers_nothing(self):
        hole = self.use(peers.BlackHole())
        proxy = self.use(Millrace(config(
            hole.address, upstream={"connect": {"timeout": "400ms", "attempts": 1}})))
        self.assertEqual(peers.fate(proxy), (b"", "reset"))
        line = self.expect(proxy, "upstream", "connect_timeout")
        self.assertGreaterEqual(float(line["total"]), 0.4)

    def test_the_endpoint_is_a_path_that_is_not_there(self):
        proxy = self.use(Millrace(config(f"unix:{self.folder()}/nobody.sock")))
        self.assertEqual(peers.fate(proxy), (b"", "reset"))
        self.expect(proxy, "upstream", "connect_unreachable")

    def test_no_endpoint_takes_new_sessions(self):
        upstream = self.use(peers.Upstream(peers.echo))
        proxy = self.use(Millrace(config({"address": upstream.address, "weight": 0})))
        self.assertEqual(peers.fate(proxy), (b"", "reset"))
        self.expect(proxy, "proxy", "no_endpoint", attempts="0", endpoint="-")
        self.assertEqual(upstream.accepted, 0)

    def test_the_drain_deadline_passes(self):
        proxy, client, taken, _ = self.run_manual(shutdown={"drain": "300ms"})
        proxy.signal(harness.signal.SIGTERM)
        self.assertEqual(peers.read_all(client), (b"", "reset"))
        self.assertEqual(peers.read_all(taken), (b"", "reset"))
        self.assertEqual(proxy.wait_exit(), 0)
        self.assertEqual(len(proxy.access_lines(actor="admin", cause="drain")), 1)

    def test_a_client_that_resets_while_its_endpoint_is_being_dialled(self):
        hole = self.use(peers.BlackHole())
        proxy = self.use(Millrace(config(hole.address)))
        client = proxy.connect()
        proxy.wait_metric(1, "sessions_active")
        peers.reset(client)
        self.expect(proxy, "client", "reset")


class RetryTest(harness.Case):
    def test_the_next_endpoint_is_tried_when_one_refuses(self):
        nobody = self.use(peers.Refusing())
        upstream = self.use(peers.Upstream(peers.echo))
        proxy = self.use(Millrace(config(nobody.address, upstream.address,
                                         upstream={"balance": "first"})))
        with proxy.connect() as client:
            self.assertEqual(peers.ask(client, b"early bytes"), b"early bytes")
        proxy.wait_ends({("client", "eof"): 1})
        line = harness.eventually(proxy.access_lines, "an access line")[0]
        self.assertEqual((line["attempts"], line["endpoint"]), ("2", upstream.address))
        self.assertEqual(proxy.metrics().value("upstream_connect_failures_total",
                                               endpoint=nobody.address), 1)

    def test_the_next_endpoint_is_tried_when_one_answers_nothing(self):
        hole = self.use(peers.BlackHole())
        upstream = self.use(peers.Upstream(peers.echo))
        proxy = self.use(Millrace(config(
            hole.address, upstream.address,
            upstream={"balance": "first", "connect": {"timeout": "300ms"}})))
        with proxy.connect() as client:
            self.assertEqual(peers.ask(client), b"ping")
        proxy.wait_ends({("client", "eof"): 1})

    def test_no_more_endpoints_than_attempts_are_tried(self):
        nobodies = [self.use(peers.Refusing()) for _ in range(4)]
        proxy = self.use(Millrace(config(*[nobody.address for nobody in nobodies],
                                         upstream={"connect": {"attempts": 3}})))
        self.assertEqual(peers.fate(proxy), (b"", "reset"))
        proxy.wait_ends({("upstream", "connect_refused"): 1})
        self.assertEqual(proxy.metrics().value("upstream_connect_failures_total"), 3)

    def test_endpoints_that_come_back_are_used_without_a_restart(self):
        nobody = peers.Refusing()
        proxy = self.use(Millrace(config(nobody.address)))
        self.assertEqual(peers.fate(proxy)[1], "reset")
        nobody.close()
        port = int(nobody.address.rpartition(":")[2])
        self.use(peers.Upstream(peers.echo, port=port))
        with proxy.connect() as client:
            self.assertEqual(peers.ask(client), b"ping")


if __name__ == "__main__":
    harness.main()
