"""Endpoints by DNS, asked of a real name server (NSD) on loopback, and of one that answers rubbish.

A test waits for what the metrics say and for nothing else: `refresh` is the shortest there is, so a
change of the zone is seen with one of the next lookups."""

import copy
import os
import re
import socket
import threading

import harness
import peers
import services
from harness import Millrace, config


def by_dns(names, port=None, **changes):
    """One listener before one upstream whose endpoints are those of app.example."""
    dns = {"name": "app.example", "refresh": "100ms", "timeout": "20s", "servers": [names.address],
           **changes.pop("dns", {})}
    if port:
        dns["port"] = port
    upstream = {"balance": "round_robin", "dns": dns, **changes.pop("upstream", {})}
    whole = config(upstream=upstream, **changes)
    del whole["upstreams"][0]["endpoints"]
    return whole


def port_of(upstream):
    return int(upstream.address.rpartition(":")[2])


class Rubbish:
    """A name server on loopback that answers with whatever make(question) returns; None: silence."""

    def __init__(self, make):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", services.free_port()))
        self.address = "{}:{}".format(*self._socket.getsockname())
        self._make = make
        self.questions = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            question, client = self._socket.recvfrom(4096)
            if question == b"stop":
                return
            self.questions += 1
            reply = self._make(question)
            if reply is not None:
                self._socket.sendto(reply, client)

    def close(self):
        if not self._thread.is_alive():
            return
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"stop", self._socket.getsockname())
        self._thread.join()
        self._socket.close()


class DnsCase(harness.Case):
    def upstreams(self, **by_address):
        """Upstreams that tell their names, all on the same port."""
        handlers = {address: peers.named(name.encode()) for name, address in by_address.items()}
        port, made = peers.on_one_port(services.free_port, handlers)
        for upstream in made:
            self.use(upstream)
        return port

    def served_by(self, proxy):
        """Who answers a session."""
        data, end = peers.fate(proxy)
        self.assertEqual(end, "eof", proxy.log()[-2000:])
        return data.decode()

    def wait_served_by(self, proxy, *expected):
        """Until sessions have been answered by just these, in as many sessions in a row as show it."""

        def all_of_them():
            return {self.served_by(proxy) for _ in range(8 * len(expected))} == set(expected)

        harness.eventually(all_of_them, f"served by {expected}:\n{proxy.log()[-2000:]}")

    def wait_lookups(self, proxy, count, **labels):
        """Until so many more lookups have ended."""
        before = proxy.metrics().value("dns_lookups_total", **labels)
        harness.eventually(
            lambda: proxy.metrics().value("dns_lookups_total", **labels) >= before + count,
            f"{count} lookups more: {labels}\n{proxy.log()[-2000:]}")


class RecordsTest(DnsCase):
    def test_addresses_of_both_families_and_their_change(self):
        port = self.upstreams(two="127.0.0.2", three="127.0.0.3", six="::1")
        names = self.use(services.NameServer("app A 127.0.0.2", "app AAAA ::1"))
        proxy = self.use(Millrace(by_dns(names, port, dns={"linger": "0s"})))
        self.wait_served_by(proxy, "two", "six")
        names.serve("app A 127.0.0.3")
        self.wait_served_by(proxy, "three")
        names.serve("app AAAA ::1", "app A 127.0.0.2", "app A 127.0.0.3")
        self.wait_served_by(proxy, "two", "three", "six")
        metrics = proxy.metrics()
        self.assertEqual(metrics.value("dns_addresses", upstream="up"), 3)
        self.assertGreater(metrics.value("dns_last_success_timestamp_seconds", upstream="up"), 1.5e9)
        # It is the same configuration.
        self.assertEqual(metrics.value("config_generation"), 1)
        self.assertEqual(metrics.value("config_reloads_total"), 0)

    def test_an_alias_is_followed(self):
        port = self.upstreams(two="127.0.0.2")
        names = self.use(services.NameServer("app CNAME real", "real A 127.0.0.2"))
        proxy = self.use(Millrace(by_dns(names, port)))
        self.wait_served_by(proxy, "two")

    def test_weights_ports_and_priorities_of_services(self):
        first, second, backup = (self.use(peers.Upstream(peers.named(name)))
                                 for name in (b"first", b"second", b"backup"))
        names = self.use(services.NameServer(
            f"app SRV 1 30 {port_of(first)} one", f"app SRV 1 10 {port_of(second)} one",
            f"app SRV 2 99 {port_of(backup)} two", "one A 127.0.0.1", "two A 127.0.0.1"))
        # One worker: its turns are in the proportion of the weights exactly.
        proxy = self.use(Millrace(by_dns(names, dns={"type": "srv", "startup": "fail", "linger": "0s"},
                                         workers={"count": 1})))
        served = [self.served_by(proxy) for _ in range(40)]
        self.assertEqual({name: served.count(name) for name in set(served)}, {"first": 30, "second": 10})
        names.serve(f"app SRV 7 0 {port_of(backup)} two", "two A 127.0.0.1")
        self.wait_served_by(proxy, "backup")

    def test_five_hundred_addresses(self):
        upstream = self.use(peers.Upstream(peers.named(b"one"), "0.0.0.0"))
        names = self.use(services.NameServer(
            *(f"app A 127.{1 + i // 250}.0.{1 + i % 250}" for i in range(500))))
        proxy = self.use(Millrace(by_dns(names, port_of(upstream), dns={"startup": "fail"})))
        for _ in range(20):
            self.assertEqual(self.served_by(proxy), "one")
        metrics = proxy.metrics()
        self.assertEqual(metrics.value("dns_addresses"), 256)
        self.assertGreaterEqual(metrics.value("dns_addresses_ignored_total", cause="too_many"), 244)
        proxy.wait_log("244 addresses of app.example are ignored: too_many")

    def test_our_own_listener_is_not_an_endpoint(self):
        port = self.upstreams(two="127.0.0.2")
        names = self.use(services.NameServer("app A 127.0.0.1", "app A 127.0.0.2", "app A 224.0.0.1"))
        proxy = self.use(Millrace(by_dns(names, port, dns={"startup": "fail"},
                                         listener={"bind": f"127.0.0.1:{port}"})))
        for _ in range(8):
            self.assertEqual(self.served_by(proxy), "two")
        metrics = proxy.metrics()
        self.assertEqual(metrics.value("dns_addresses"), 1)
        self.assertGreaterEqual(metrics.value("dns_addresses_ignored_total", cause="own_listener"), 1)
        self.assertGreaterEqual(metrics.value("dns_addresses_ignored_total", cause="unusable"), 1)
        names.serve("app A 127.0.0.1")
        self.wait_lookups(proxy, 1, result="empty")
        self.assertEqual(self.served_by(proxy), "two")

    def test_the_time_to_live_counts_within_bounds(self):
        port = self.upstreams(two="127.0.0.2")
        names = self.use(services.NameServer("long 3600 A 127.0.0.2", "short 0 A 127.0.0.2"))
        whole = by_dns(names, port, dns={"name": "long.example", "refresh_max": "1h"})
        pattern = whole["upstreams"][0]
        for name, record, longest in (("short", "short", "1h"), ("capped", "long", "100ms")):
            upstream = copy.deepcopy(pattern)
            upstream["name"] = name
            upstream["dns"].update(name=f"{record}.example", refresh_max=longest)
            whole["upstreams"].append(upstream)
        proxy = self.use(Millrace(whole))
        self.wait_lookups(proxy, 10, upstream="short")
        self.wait_lookups(proxy, 5, upstream="capped")
        self.assertEqual(proxy.metrics().value("dns_lookups_total", upstream="up"), 1)


class TroubleTest(DnsCase):
    def setUp(self):
        super().setUp()
        self.port = self.upstreams(two="127.0.0.2", three="127.0.0.3")

    def test_the_last_good_addresses_outlive_a_name_that_has_gone(self):
        names = self.use(services.NameServer("app A 127.0.0.2"))
        proxy = self.use(Millrace(by_dns(names, self.port, dns={"linger": "0s", "startup": "fail"})))
        names.serve("other A 127.0.0.3")
        self.wait_lookups(proxy, 3, result="nxdomain")
        self.assertEqual(self.served_by(proxy), "two")
        names.serve("app TXT nothing")
        self.wait_lookups(proxy, 3, result="empty")
        self.assertEqual(self.served_by(proxy), "two")
        names.close()
        self.wait_lookups(proxy, 1)
        self.assertEqual(self.served_by(proxy), "two")
        log = proxy.wait_log("NXDOMAIN")
        self.assertEqual(log.count("NXDOMAIN"), 1, log)

    def test_they_do_not_outlive_it_for_longer_than_told(self):
        names = self.use(services.NameServer("app A 127.0.0.2"))
        proxy = self.use(Millrace(by_dns(names, self.port, dns={"stale": "0s", "startup": "fail"})))
        self.assertEqual(self.served_by(proxy), "two")
        names.serve("other A 127.0.0.3")
        proxy.wait_metric(0, "dns_addresses")
        harness.eventually(lambda: peers.fate(proxy) == (b"", "reset"), "no endpoint left")
        self.assertGreaterEqual(proxy.metrics().ends()["proxy", "no_endpoint"], 1)
        names.serve("app A 127.0.0.3")
        proxy.wait_metric(1, "dns_addresses")
        harness.eventually(lambda: peers.fate(proxy) == (b"three", "eof"), "an endpoint again")

    def test_an_answer_that_flaps_ends_no_session(self):
        echoes = [peers.Upstream(peers.echo, "127.0.0.4")]
        echoes.append(peers.Upstream(peers.echo, "127.0.0.5", port=port_of(echoes[0])))
        for echo in echoes:
            self.use(echo)
        names = self.use(services.NameServer("app A 127.0.0.4", "app A 127.0.0.5"))
        proxy = self.use(Millrace(by_dns(names, port_of(echoes[0]),
                                         dns={"startup": "fail", "linger": "10m"},
                                         upstream={"on_remove": "close"}, workers={"count": 1})))
        sessions = [self.use(proxy.connect()) for _ in range(4)]
        for session in sessions:
            peers.ask(session)
        for i in range(6):
            names.serve(f"app A 127.0.0.{4 + i % 2}")
            self.wait_lookups(proxy, 2, result="ok")
            self.assertEqual(proxy.metrics().value("dns_addresses"), 2)
            for session in sessions:
                self.assertEqual(peers.ask(session, b"still here"), b"still here")
        self.assertEqual(proxy.metrics().ends(), {})
        self.assertEqual({echo.accepted for echo in echoes}, {2})

    def test_the_sessions_of_an_address_that_has_gone_follow_on_remove(self):
        echoes = [peers.Upstream(peers.echo, "127.0.0.4")]
        echoes.append(peers.Upstream(peers.echo, "127.0.0.5", port=port_of(echoes[0])))
        for echo in echoes:
            self.use(echo)
        names = self.use(services.NameServer("app A 127.0.0.4"))
        whole = by_dns(names, port_of(echoes[0]), dns={"startup": "fail", "linger": "0s"},
                       upstream={"on_remove": "close"})
        proxy = self.use(Millrace(whole))
        session = self.use(proxy.connect())
        peers.ask(session)
        names.serve("app A 127.0.0.5")
        self.assertIn(peers.read_all(session), ((b"", "reset"), (b"", "eof")))
        proxy.wait_ends({("admin", "removed"): 1})
        with proxy.connect() as other:
            peers.ask(other)
        self.assertEqual(echoes[1].accepted, 1)

    def test_rubbish_is_not_believed(self):
        def cut(question):  # The right identifier, and an answer that ends too early.
            return question[:2] + b"\x85\x80" + question[4:6] + b"\0\3" + question[8:] + b"\xc0\x0c\0"

        for make in (lambda _: os.urandom(200), lambda question: question[:2] + os.urandom(300), cut,
                     lambda _: b"", lambda question: question):
            names = self.use(Rubbish(make))
            proxy = self.use(Millrace(by_dns(names, self.port, dns={"timeout": "300ms"})))
            harness.eventually(
                lambda: sum(proxy.metrics().value("dns_lookups_total", result=result)
                            for result in ("timeout", "error", "empty")) >= 2, "failed lookups")
            self.assertEqual(proxy.metrics().value("dns_lookups_total", result="ok"), 0)
            self.assertEqual(peers.fate(proxy), (b"", "reset"))
            self.assertEqual(proxy.get("/healthz")[0], 200)
            proxy.close()


class StartTest(DnsCase):
    def setUp(self):
        super().setUp()
        self.port = self.upstreams(two="127.0.0.2")

    def test_waits_for_a_name_server_that_comes_later(self):
        silent = self.use(Rubbish(lambda _: None))
        proxy = self.use(Millrace(by_dns(silent, self.port, dns={"timeout": "1s"})))
        self.assertEqual(peers.fate(proxy), (b"", "reset"))
        proxy.wait_ends({("proxy", "no_endpoint"): 1})
        port = port_of(silent)
        silent.close()
        names = self.use(services.NameServer("app A 127.0.0.2", port=port))
        harness.eventually(lambda: proxy.metrics().value("dns_addresses") == 1, names.log())
        harness.eventually(lambda: peers.fate(proxy) == (b"two", "eof"), "served")

    def test_every_balancer_gets_on_without_an_endpoint(self):
        names = self.use(services.NameServer("other A 127.0.0.2"))
        whole = by_dns(names, self.port, dns={"stale": "0s", "linger": "0s"})
        balancers = ("round_robin", "least_sessions", "random_two", "source_hash", "maglev", "first")
        upstream = whole["upstreams"][0]
        whole["upstreams"] = [{**upstream, "name": name, "balance": name} for name in balancers]
        whole["listeners"] = [{"name": name, "bind": "127.0.0.1:0", "upstream": name} for name in balancers]
        proxy = self.use(Millrace(whole))
        for records, addresses, fate in (((), 0, (b"", "reset")),
                                         (("app A 127.0.0.2",), len(balancers), (b"two", "eof")),
                                         ((), 0, (b"", "reset"))):
            names.serve(*records)
            proxy.wait_metric(addresses, "dns_addresses")
            for name in balancers:
                self.assertEqual(peers.fate(proxy, name), fate, name)  # The workers have it before the metric.

    def test_serves_from_the_first_session_when_the_dns_is_well(self):
        names = self.use(services.NameServer("app A 127.0.0.2"))
        proxy = self.use(Millrace(by_dns(names, self.port, dns={"startup": "fail"})))
        self.assertEqual(self.served_by(proxy), "two")

    def test_fails_with_the_place_in_the_file_where_it_is_told_to(self):
        place = re.compile(r"FILE:\d+:\d+: error: upstream 'up': no address for 'app.example': ")
        silent = self.use(Rubbish(lambda _: None))
        names = self.use(services.NameServer("other A 127.0.0.2"))
        for asked, timeout, reason in ((silent, "300ms", "no answer in time"), (names, "20s", "NXDOMAIN")):
            log = self.refused_start(
                by_dns(asked, self.port, dns={"startup": "fail", "timeout": timeout}), 1, reason)
            self.assertRegex(log, place)

    def test_a_reload_with_a_name_without_addresses_is_refused_and_changes_nothing(self):
        names = self.use(services.NameServer("app A 127.0.0.2"))
        whole = by_dns(names, self.port, dns={"startup": "fail"})
        proxy = self.use(Millrace(whole))
        changed = copy.deepcopy(whole)
        changed["upstreams"][0]["dns"]["name"] = "no.example"
        proxy.reload(changed, result="refused")
        proxy.wait_log("no address for 'no.example'")
        self.assertEqual(proxy.metrics().value("dns_addresses"), 1)
        self.assertEqual(proxy.metrics().value("config_generation"), 1)
        self.assertEqual(self.served_by(proxy), "two")
        changed["upstreams"][0]["dns"]["startup"] = "wait"
        proxy.reload(changed)
        self.assertEqual(proxy.metrics().value("dns_addresses"), 0)
        proxy.reload(whole)
        self.assertEqual(self.served_by(proxy), "two")

    def test_stops_while_lookups_are_under_way(self):
        silent = self.use(Rubbish(lambda _: None))
        proxy = self.use(Millrace(by_dns(silent, self.port, dns={"timeout": "30s"})))
        harness.eventually(lambda: silent.questions, "a question")
        proxy.close()


if __name__ == "__main__":
    harness.main()
