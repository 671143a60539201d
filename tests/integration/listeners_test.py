"""Where Millrace can listen, and what it says where it cannot."""

import os
import shutil
import socket
import stat

import harness
import peers
from harness import Millrace, config, need
from services import free_port

FAILED = 1
WRONG_CONFIGURATION = 2


class ServingTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.upstream = self.use(peers.Upstream(peers.echo))

    def serve(self, *binds, **changes):
        return self.use(Millrace(config(self.upstream.address, listener={"bind": list(binds)}, **changes)))

    def ask(self, address):
        with harness.connect(address) as client:
            return peers.ask(client, address.encode())

    def test_several_addresses_of_one_listener(self):
        path = f"unix:{self.folder()}/m.sock"
        proxy = self.serve("127.0.0.1:0", "127.0.0.2:0", "[::1]:0", path)
        addresses = proxy.addresses()
        self.assertEqual(len(addresses), 4)
        for address in addresses:
            self.assertEqual(self.ask(address), address.encode())
        proxy.wait_ends({("client", "eof"): 4})
        self.assertEqual(proxy.metrics().value("listener_accepted_total", listener="main"), 4)

    def test_dual_stack(self):
        port = free_port()
        proxy = self.serve(f"[::]:{port}")
        for address in (f"[::1]:{port}", f"127.0.0.1:{port}"):
            self.assertEqual(self.ask(address), address.encode())
        proxy.wait_ends({("client", "eof"): 2})
        # A v4 client is a v4 client in the log, not ::ffff:127.0.0.1.
        lines = harness.eventually(lambda: len(proxy.access_lines()) == 2 and proxy.access_lines(), "lines")
        clients = sorted(line["client"].rpartition(":")[0] for line in lines)
        self.assertEqual(clients, ["127.0.0.1", "[::1]"])

    def test_both_wildcards_of_one_port(self):
        port = free_port()
        proxy = self.serve(f"0.0.0.0:{port}", f"[::]:{port}")
        for address in (f"[::1]:{port}", f"127.0.0.1:{port}"):
            self.assertEqual(self.ask(address), address.encode())
        proxy.wait_ends({("client", "eof"): 2})

    def test_endpoints_of_every_family(self):
        path = f"unix:{self.folder()}/u.sock"
        for where in ("127.0.0.1", "::1", path):
            upstream = self.use(peers.Upstream(peers.echo, where))
            proxy = self.use(Millrace(config(upstream.address)))
            self.assertEqual(self.ask(proxy.address()), proxy.address().encode())
            self.assertEqual(upstream.accepted, 1)

    def test_the_source_of_connects(self):
        seen = []

        def note(connection):
            with connection:
                seen.append(connection.getpeername()[0])

        upstream = self.use(peers.Upstream(note))
        proxy = self.use(Millrace(config(upstream.address, upstream={"connect": {"source": "127.0.0.9"}})))
        self.assertEqual(peers.fate(proxy), (b"", "eof"))
        self.assertEqual(seen, ["127.0.0.9"])

    def test_abstract_sockets(self):
        name = f"@millrace-test-{os.getpid()}"
        proxy = self.serve(f"unix:{name}")
        client = self.use(socket.socket(socket.AF_UNIX))
        client.settimeout(harness.DEADLINE_S)
        client.connect("\0" + name[1:])
        self.assertEqual(peers.ask(client), b"ping")
        self.assertIn(name, proxy.log())


class UnixPathTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.upstream = self.use(peers.Upstream(peers.echo))
        self.path = os.path.join(self.folder(), "m.sock")
        self.file = config(self.upstream.address, listener={"bind": "unix:" + self.path})

    def test_the_file_comes_and_goes_with_the_listener(self):
        with Millrace(self.file) as proxy:
            self.assertTrue(stat.S_ISSOCK(os.stat(self.path).st_mode))
            proxy.reload(config(self.upstream.address))
            harness.eventually(lambda: not os.path.exists(self.path), "the file to go")
            proxy.reload(self.file)
            with proxy.connect() as client:
                self.assertEqual(peers.ask(client), b"ping")
        self.assertFalse(os.path.exists(self.path))

    def test_a_socket_left_behind_is_replaced(self):
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(self.path)
        with Millrace(self.file) as proxy, proxy.connect() as client:
            self.assertEqual(peers.ask(client), b"ping")

    def test_a_socket_that_is_served_is_left_alone(self):
        other = self.use(peers.Upstream(peers.echo, "unix:" + self.path))
        self.refused_start(self.file, FAILED, f"cannot listen on unix:{self.path}", "another process")
        with harness.connect(other.address) as client:
            self.assertEqual(peers.ask(client), b"ping")

    def test_a_file_in_the_way_is_left_alone(self):
        with open(self.path, "w", encoding="ascii") as file:
            file.write("precious")
        self.refused_start(self.file, FAILED, f"cannot listen on unix:{self.path}", "not a socket")
        with open(self.path, encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")

    def test_a_folder_that_is_not_there(self):
        self.path = "/nonexistent/m.sock"
        self.refused_start(config(self.upstream.address, listener={"bind": "unix:" + self.path}), FAILED,
                           "cannot listen on unix:/nonexistent/m.sock", "directory", "does not exist")


class RefusedStartTest(harness.Case):
    """Each with the place in the file, the address, and what to do about it."""

    def test_a_port_in_use(self):
        holder = self.use(socket.create_server(("127.0.0.1", 0)))
        address = "{}:{}".format(*holder.getsockname())
        self.refused_start(config("127.0.0.1:9", listener={"bind": address}), FAILED, "FILE:8:",
                           f"error: cannot listen on {address}: another process is listening there", "ss -ltnp")

    def test_a_second_instance_on_the_same_port(self):
        upstream = self.use(peers.Upstream(peers.echo))
        proxy = self.use(Millrace(config(upstream.address)))
        second = config(upstream.address, listener={"bind": proxy.address()})
        self.refused_start(second, FAILED, f"cannot listen on {proxy.address()}: another process")
        for _ in range(8):
            with proxy.connect() as client:
                self.assertEqual(peers.ask(client), b"ping")

    def test_the_metrics_port_in_use(self):
        holder = self.use(socket.create_server(("127.0.0.1", 0)))
        address = "{}:{}".format(*holder.getsockname())
        self.refused_start(config("127.0.0.1:9", metrics={"bind": address}), FAILED, "FILE:", address)

    def test_every_address_that_fails_is_named(self):
        holders = [self.use(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        addresses = ["{}:{}".format(*holder.getsockname()) for holder in holders]
        self.refused_start(config("127.0.0.1:9", listener={"bind": addresses}), FAILED, *addresses)

    def test_an_address_that_is_not_ours(self):
        self.refused_start(config("127.0.0.1:9", listener={"bind": "192.0.2.1:8080"}), FAILED,
                           "cannot listen on 192.0.2.1:8080: no interface of this machine has that address")

    def test_a_privileged_port_without_the_right(self):
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as limit:
            if int(limit.read()) <= 81:
                self.skipTest("every user may bind port 81 here")
        prefix = ()
        if os.geteuid() == 0:
            prefix = (need("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups",
                      "--inh-caps=-all", "--bounding-set=-all")
        # Nobody may not be allowed to look into the build's folder.
        copy = os.path.join(self.folder(), "millrace")
        os.chmod(os.path.dirname(copy), 0o755)
        shutil.copy(harness.BINARY, copy)
        original, harness.BINARY = harness.BINARY, copy
        try:
            self.refused_start(config("127.0.0.1:9", listener={"bind": "127.0.0.1:81"}), FAILED,
                               "cannot listen on 127.0.0.1:81: no permission", "CAP_NET_BIND_SERVICE",
                               "ip_unprivileged_port_start", prefix=prefix, readable_by_all=True)
        finally:
            harness.BINARY = original

    def test_a_bad_file(self):
        log = self.refused_start("listners: []\nworkers: {count: none}\n", WRONG_CONFIGURATION,
                                 "FILE:1:1: error:", "FILE:2:18: error:")
        self.assertIn("listeners", log)


if __name__ == "__main__":
    harness.main()
