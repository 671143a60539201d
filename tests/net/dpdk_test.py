"""The engine that drives network ports itself, between real Linux TCP on both sides: veth pairs, with DPDK's
drivers over AF_PACKET and over AF_XDP. Each test runs once for each driver; at the end there is a table of
what was measured."""

import json
import os
import re
import socket
import struct
import time

import bypass
import namespace
import wires
from bypass import BYTES, PIECE, SECONDS, BypassTest, DualNginx, Greeter, both_ways, send_pieces, until_end
from namespace import run
from wires import counted

import harness
import peers
import services
from harness import Millrace, eventually, need, scaled


class Traffic:
    """For each driver: bytes."""

    def test_web_over_both_families(self):
        nginx = self.service(DualNginx)
        with open(os.path.join(nginx.folder, "files", "big"), "wb") as file:
            file.write(peers.pattern(8 << 20))
        proxy = self.start((wires.SERVER[0], nginx.port), (wires.SERVER[1], nginx.port))
        for front in (wires.FRONT[0], f"[{wires.FRONT[1]}]"):
            with self.subTest(front):
                url = f"http://{front}:8000"
                self.assertEqual(self.run_client(need("curl"), "-sS", "-m", "20", url + "/ok"), "ok\n")
                path = os.path.join(self.folder(), "got")
                self.run_client(need("curl"), "-sS", "-m", "60", "-o", path, url + "/big")
                with open(path, "rb") as file:
                    self.assertEqual(file.read(), peers.pattern(8 << 20))
        proxy.wait_metric(4, "sessions_total")
        for number in range(50):
            self.run_client(need("curl"), "-sS", "-m", "20", f"http://{wires.FRONT[0]}:8000/ok?{number}")
        proxy.wait_metric(54, "packets_counted_total", what="attached")
        numbers = proxy.metrics()
        self.assertEqual(counted(numbers, "cookies_accepted"), 54)
        for reason in ("bad_checksum", "bad_header", "bad_sequence", "table_full", "no_buffer", "bad_cookie"):
            self.assertEqual(numbers.value("packets_dropped_total", reason=reason), 0, reason)

    def test_every_byte_both_ways(self):
        for family, name in ((0, "IPv4"), (1, "IPv6")):
            with self.subTest(name):
                endpoint = self.serve(both_ways(BYTES), wires.SERVER[family])
                with self.start(endpoint) as proxy:
                    self.exchange_both_ways(wires.FRONT[family], name)
                    proxy.wait_metric(1, "packets_counted_total", what="closed")
                    numbers = proxy.metrics()
                    self.assertGreaterEqual(numbers.value("relay_bytes_total"), 2 * BYTES)
                    self.check_ports(numbers)

    def check_ports(self, numbers):
        for number in (0, 1):
            port = f"{self.driver}{number}"
            packets = BYTES // 1448
            self.assertGreater(numbers.value("port_packets_total", port=port, what="received"), packets)
            self.assertGreater(numbers.value("port_packets_total", port=port, what="sent"), packets)
            for what in ("received", "sent"):  # Each way crosses each port once.
                self.assertGreater(numbers.value("port_bytes_total", port=port, what=what), BYTES)
        sampled = counted(numbers, "sampled_packets")
        self.assertGreater(sampled, 0)
        self.figure("engine, ns a packet", f"{counted(numbers, 'sampled_nanoseconds') / sampled:.0f}")

    def iperf(self, *more):
        """Its report; nothing while the server is busy."""
        report = json.loads(self.run_client(need("iperf3"), "-c", wires.FRONT[0], "-p", "8000", "-J",
                                            "-t", str(SECONDS), *more))
        return None if "server is busy" in report.get("error", "") else report

    def test_iperf3(self):
        iperf = self.service(services.Iperf)
        self.start((wires.SERVER[0], iperf.port))
        for name, more in (("up", []), ("down", ["-R"]), ("4 up", ["-P", "4"])):
            # It serves one at a time, and the one before may not be over for it.
            report = eventually(lambda more=more: self.iperf(*more), "a server that is not busy")
            self.assertNotIn("error", report)
            rate = report["end"]["sum_received"]["bits_per_second"]
            self.assertGreater(rate, 1e6, report)
            self.figure(f"iperf3 {name}, Gbit/s", f"{rate * 1e-9:.2f}")

    def test_redis(self):
        redis = self.service(services.Redis)
        self.start((wires.SERVER[0], redis.port), upstream={"pool": {"idle": 8}})
        count = str(scaled(50_000, 5_000))
        for name, more in (("one at a time", ()), ("16 at a time", ("-P", "16"))):
            report = self.run_client(need("redis-benchmark"), "-h", wires.FRONT[0], "-p", "8000", "-c", "50",
                                     "-n", count, "-t", "set", "--csv", *more)
            rate = float(re.search(r'"SET","([\d.]+)"', report)[1])
            self.assertGreater(rate, 0)
            self.figure(f"redis {name}, requests/s", f"{rate:.0f}")

    def test_short_connections(self):
        nginx = self.service(services.Nginx)
        proxy = self.start((wires.SERVER[0], nginx.port), upstream={"pool": {"idle": 16, "idle_max": 64}})
        report = self.run_client(need("wrk"), "-t", "1", "-c", "50", "-d", f"{SECONDS}s", "-H", "Connection: close",
                                 f"http://{wires.FRONT[0]}:8000/ok")
        self.assertNotIn("Socket errors", report)
        self.assertNotIn("Non-2xx", report)
        self.figure("connect, ask, close, sessions/s", f"{services.number_before(report, 'requests in') / SECONDS:.0f}")
        # What was left of the last ones has gone, but for the pool; closed pairs linger for 5 s.
        proxy.wait_metric(0, "packets_held", what="pairs")

    def test_postgres(self):
        postgres = self.service(services.Postgres)
        self.start((wires.SERVER[0], postgres.port))
        rows = self.run_client(need("psql"), "-h", wires.FRONT[0], "-p", "8000", "-U", "tester", "-d", "postgres",
                               "-X", "-q", "-A", "-t", "-c", "select sum(length(repeat('x', n))) from "
                               "generate_series(1, 1000) n", "-c", "select repeat('y', 1000000)")
        self.assertEqual(rows.split(), ["500500", "y" * 1_000_000])

    def test_one_percent_loss(self):
        count = min(BYTES, scaled(32 << 20, 4 << 20))
        self.start(self.serve(both_ways(count)))
        for place in (self.wires.client, self.wires.server):
            with place:
                wires.drop("input", "numgen random mod 100 < 1")
        self.exchange_both_ways(wires.FRONT[0], "1 % lost", count)


    def test_two_workers_with_ports_of_their_own(self):
        self.wires.add_second_pairs()
        count = min(BYTES, scaled(16 << 20, 2 << 20))
        settings = wires.config_of_two_workers(self.driver, self.serve(both_ways(count)),
                                               self.serve(both_ways(count), "10.82.0.2"))
        proxy = self.use(Millrace(settings))
        for host in (wires.FRONT[0], "10.81.0.1"):
            self.exchange_both_ways(host, "one of two workers", count)
        for worker in ("0", "1"):
            proxy.wait_metric(1, "packets_counted_total", what="closed", worker=worker)

    def test_packets_are_captured(self):
        path = os.path.join(self.folder(), "packets.pcap")
        proxy = self.start(self.serve(peers.echo), changes={"capture": {"file": path, "one_in": 1}})
        with self.dial() as client:
            self.assertEqual(peers.ask(client, b"a needle in the wire"), b"a needle in the wire")
        proxy.wait_metric(1, "sessions_total")
        proxy.close()
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        with open(path, "rb") as file:
            data = file.read()
        self.assertEqual(data[:4], struct.pack("<I", 0xa1b23c4d))
        # There and back, on both ports, in and out is the same frame: four times.
        self.assertGreaterEqual(data.count(b"a needle in the wire"), 4)


class Manners:
    """For each driver: what TCP's ends do to one another."""

    def test_a_server_that_speaks_first(self):
        greeting = b"220 ready\r\n"
        with self.subTest("connected when the client comes"):
            with self.start(self.serve(Greeter(greeting))):
                client = self.dial()
                self.assertEqual(peers.read_exactly(client, len(greeting)), greeting)
                self.assertEqual(peers.ask(client), b"ping")
                client.close()
        with self.subTest("parked before the client comes"):
            proxy = self.start(self.serve(Greeter(greeting)), upstream={"pool": {"idle": 4}})
            proxy.wait_metric(4, "pool_connections", state="idle")
            began = time.monotonic()
            client = self.dial()
            self.assertEqual(peers.read_exactly(client, len(greeting)), greeting)
            self.figure("greeting from a pool, ms", f"{(time.monotonic() - began) * 1e3:.1f}")
            self.assertEqual(peers.ask(client), b"ping")
            self.assertEqual(counted(proxy.metrics(), "headers_failed"), 0)

    def test_half_close(self):
        count = min(BYTES, 8 << 20)
        proxy = self.start(self.serve(until_end))
        client = self.dial()
        digest = send_pieces(client, count)
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(peers.read_all(client), (digest.encode(), "eof"))
        client.close()
        proxy.wait_ends({("client", "eof"): 1})

    def test_resets_go_through(self):
        upstream, endpoint = self.manual()
        proxy = self.start(endpoint)
        client = self.dial()
        self.assertEqual(client.send(b"ping"), 4)
        server = self.use(upstream.take())
        self.assertEqual(peers.read_exactly(server, 4), b"ping")
        peers.reset(server)
        self.assertEqual(peers.read_all(client), (b"", "reset"))
        proxy.wait_metric(1, "sessions_total", actor="upstream", cause="reset")
        client = self.dial()
        client.send(b"ping")
        server = self.use(upstream.take())
        self.assertEqual(peers.read_exactly(server, 4), b"ping")
        peers.reset(client)
        self.assertEqual(peers.read_all(server), (b"", "reset"))
        proxy.wait_metric(1, "sessions_total", actor="client", cause="reset")

    def test_nobody_listens_at_the_endpoint(self):
        proxy = self.start((wires.SERVER[0], 9))
        try:
            self.assertEqual(peers.read_all(self.dial()), (b"", "reset"))
        except ConnectionResetError:
            pass  # Before connect() returned.
        proxy.wait_ends({("upstream", "connect_refused"): 1})

    def test_clients_without_window_scaling_or_selective_acknowledgements(self):
        count = min(BYTES, scaled(16 << 20, 2 << 20))
        self.start(self.serve(both_ways(count)))
        for name in ("tcp_window_scaling", "tcp_sack", "tcp_timestamps"):
            with self.subTest(name), self.wires.client:
                wires.setting(f"ipv4/{name}", 0)
                self.exchange_both_ways(wires.FRONT[0], f"without {name[4:]}", count)
                wires.setting(f"ipv4/{name}", 1)

    def test_no_client_overtakes_its_reader(self):
        # A reader that stops is felt by the sender: nothing is kept in between.
        upstream, endpoint = self.manual()
        self.start(endpoint)
        client = self.dial(timeout=2)
        sent = 0
        try:
            while sent < 1 << 30:
                sent += client.send(bytes(PIECE))
        except TimeoutError:
            pass
        self.assertLess(sent, 64 << 20)
        client.settimeout(harness.DEADLINE_S)
        server = self.use(upstream.take())
        peers.read_exactly(server, sent)
        self.assertEqual(client.send(b"end"), 3)
        self.assertEqual(peers.read_exactly(server, 3), b"end")


class Faults:
    """For each driver: what goes wrong around it."""

    SESSIONS = scaled(1000, 200)
    KILLS_MAX = 8

    def open_sessions(self, upstream):
        pairs = []
        for _ in range(self.SESSIONS):
            client = self.dial()
            client.send(b"!")
            server = self.use(upstream.take())
            self.assertEqual(peers.read_exactly(server, 1), b"!")
            pairs.append((client, server))
        return pairs

    def test_the_proxy_is_killed_and_servers_keep_its_connections(self):
        upstream, endpoint = self.manual()
        proxy = self.start(endpoint)
        stale = self.open_sessions(upstream)
        # Of 64,512 local ports some are those of before: mostly at once, sooner or later for sure.
        for _ in range(self.KILLS_MAX):
            proxy.kill()
            proxy = self.start(endpoint)
            fresh = self.open_sessions(upstream)
            if counted(proxy.metrics(), "stale_answers") > 0:
                break
        else:
            self.fail("no answer of an old socket")
        # An old client hears that nobody knows it any more.
        stale[0][0].send(b"ping")
        self.assertEqual(peers.read_all(stale[0][0]), (b"", "reset"))
        self.assertEqual(fresh[0][0].send(b"x"), 1)
        self.assertEqual(peers.read_exactly(fresh[0][1], 1), b"x")

    def test_a_server_forgets_its_connections(self):
        upstream, endpoint = self.manual()
        proxy = self.start(endpoint)
        client = self.dial()
        client.send(b"ping")
        server = self.use(upstream.take())
        with self.wires.server:
            wires.drop("output", 'oifname "ss" ip protocol tcp')
            peers.reset(server)  # It goes, and nobody hears of it.
            wires.forgive()
        client.send(b"are you there")
        self.assertEqual(peers.read_all(client), (b"", "reset"))
        proxy.wait_ends({("upstream", "reset"): 1})

    def test_a_smaller_mtu_behind_a_gateway(self):
        count = min(BYTES, 8 << 20)
        proxy = self.start(self.serve(both_ways(count), wires.FAR, self.wires.far))
        self.exchange_both_ways(wires.FRONT[0], f"MTU {wires.FAR_MTU}", count)
        eventually(lambda: counted(proxy.metrics(), "icmp_passed") > 0, "an ICMP error that was passed on")

    def test_a_link_goes_down_and_comes_back(self):
        self.start(self.serve(peers.echo))
        client = self.dial()
        self.assertEqual(peers.ask(client), b"ping")
        for place, device in ((self.wires.client, "cc"), (self.wires.server, "ss")):
            with place:
                run(need("ip"), "link", "set", device, "down")
            client.send(b"pong") if device == "ss" else None
            with place:
                run(need("ip"), "link", "set", device, "up")
            expected = b"pong" if device == "ss" else b"ping"
            if device == "cc":
                client.send(b"ping")
            self.assertEqual(peers.read_exactly(client, 4), expected)
        self.assertEqual(peers.ask(self.dial()), b"ping")

    def test_checksums_that_are_left_to_a_card_are_counted(self):
        proxy = self.start(self.serve(peers.echo))
        with self.wires.client:
            run(need("ethtool"), "-K", "cc", "tx", "on")
        with self.assertRaises(TimeoutError):
            self.dial(timeout=0.5)
        eventually(lambda: proxy.metrics().value("packets_dropped_total", reason="bad_checksum") > 0, "a drop")
        with self.wires.client:
            run(need("ethtool"), "-K", "cc", "tx", "off")
        self.assertEqual(peers.ask(self.dial()), b"ping")

    def test_health_checks_go_through_the_kernel(self):
        health = {"health": {"interval": "100ms", "timeout": "100ms", "fall": 2, "rise": 1}}
        endpoint = self.serve(peers.echo)
        proxy = self.start(endpoint, upstream=health)
        proxy.wait_metric(1, "endpoint_healthy", endpoint="%s:%d" % endpoint)
        self.assertEqual(peers.ask(self.dial()), b"ping")
        with self.wires.server:
            wires.drop("input", f"ip saddr 10.73.0.1 tcp dport {endpoint[1]}")
        proxy.wait_metric(0, "endpoint_healthy", endpoint="%s:%d" % endpoint)
        try:
            self.assertEqual(peers.read_all(self.dial()), (b"", "reset"))
        except ConnectionResetError:
            pass  # Before connect() returned.
        proxy.wait_metric(1, "sessions_total", cause="no_endpoint")

    def test_a_clean_stop_resets_what_is_left(self):
        upstream, endpoint = self.manual()
        proxy = self.start(endpoint)
        client = self.dial()
        client.send(b"ping")
        server = self.use(upstream.take())
        self.assertEqual(peers.read_exactly(server, 4), b"ping")
        proxy.close()
        self.assertEqual(peers.read_all(client), (b"", "reset"))
        self.assertEqual(peers.read_all(server), (b"", "reset"))


class AfPacketTest(Traffic, Manners, Faults, BypassTest):
    driver = "net_af_packet"


class AfXdpTest(Traffic, Manners, Faults, BypassTest):
    driver = "net_af_xdp"


class StartTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.use(wires.Wires())

    def test_a_port_that_is_not_there(self):
        bad = wires.config("net_af_packet", (wires.SERVER[0], 80))
        bad["dpdk"]["ports"][1] = "net_af_packet1,iface=nothing0"
        log = self.refused_start(bad, 1, "transport dpdk: cannot attach port net_af_packet1")
        self.assertIn("No such device", log)

    def test_a_driver_that_is_not_there(self):
        bad = wires.config("net_of_fishes", (wires.SERVER[0], 80))
        self.refused_start(bad, 1, "transport dpdk: cannot attach port net_of_fishes0")

    def test_arguments_that_dpdk_does_not_know(self):
        bad = wires.config("net_af_packet", (wires.SERVER[0], 80), changes={"eal": ["--no-such-word"]})
        self.refused_start(bad, 1, "transport dpdk: cannot start DPDK")

    def test_no_huge_pages(self):
        for choice, said in (("off", "without huge pages, as configured"), ("auto", "huge pages")):
            settings = wires.config("net_af_packet", (wires.SERVER[0], 80), changes={"hugepages": choice})
            with self.subTest(choice), Millrace(settings) as proxy:
                if choice == "off" or not self.free_huge_pages():
                    proxy.wait_log(said)

    @staticmethod
    def free_huge_pages():
        with open("/proc/meminfo", encoding="ascii") as file:
            return int(re.search(r"HugePages_Free:\s+(\d+)", file.read())[1])


def tearDownModule():
    bypass.print_figures()


if __name__ == "__main__":
    refused = harness.engines()["dpdk"] if harness.BINARY else ""
    if refused:
        print(f"skipped: dpdk in {harness.BINARY}: {refused}")
        raise SystemExit(harness.SKIPPED)
    namespace.main()
