"""The package under a systemd that runs: the unit is ready when it says so, reloads, is restarted and watched; the sandbox holds and
is no obstacle; a socket unit keeps clients through a restart; upgrade, removal and purge do what an administrator expects.

Skipped where no systemd can be started in namespaces (containers without privileges)."""

import os
import pathlib
import re
import resource
import socket
import sys
import threading
import time

import debian_root
import harness
import peers
from systemd_root import System

CONFIG = "/etc/millrace/millrace.yaml"
UNIT = "millrace.service"
# Longer than the drain of the tests' configurations, much shorter than a test's patience.
WATCHDOG_S = 2


def config(port=8080, name="example", **more):
    return harness.json.dumps({
        "workers": {"count": 2}, "listeners": [{"name": name, "bind": f"127.0.0.1:{port}", "upstream": "example"}],
        "upstreams": [{"name": "example", "endpoints": [{"address": "127.0.0.1:8000"}]}],
        "shutdown": {"drain": "1s"}, **more}, indent=1)


class SystemdTest(harness.Case):
    @classmethod
    def setUpClass(cls):
        try:
            cls.system = System()
        except debian_root.Skip as reason:
            print(f"skipped: {reason}")
            sys.exit(harness.SKIPPED)
        cls.addClassCleanup(cls.system.close)
        cls.system.install(debian_root.DEB)
        # The configuration of the package, as it came.
        cls.system.wait_active()

    def setUp(self):
        super().setUp()
        self.use(peers.Upstream(peers.echo, port=8000))
        self.configure(config())
        self.system.run("systemctl", "restart", UNIT)
        self.system.wait_active()
        self.addCleanup(self.forget_drop_ins)

    def configure(self, text):
        self.system.file(CONFIG).write_text(text, encoding="utf-8")

    def forget_drop_ins(self):
        self.system.run("rm", "-rf", f"/etc/systemd/system/{UNIT}.d")
        self.system.run("systemctl", "daemon-reload")
        self.system.run("systemctl", "reset-failed")

    def ask(self, port=8080, message=b"through"):
        with harness.connect(f"127.0.0.1:{port}") as client:
            return peers.ask(client, message)

    @staticmethod
    def listens(port):
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    # --- the unit

    def test_it_is_ready_when_systemd_says_so(self):
        # `restart` came back, so clients are served without a second try.
        self.assertEqual(self.system.show("Type"), "notify")
        for _ in range(3):
            self.system.run("systemctl", "restart", UNIT)
            self.assertEqual(self.ask(), b"through")
        self.assertNotEqual(self.system.show("StatusText"), "")

    def test_the_process_has_one_capability_and_no_way_to_more(self):
        process = self.system.main_process()
        fields = dict(line.split(":\t", 1) for line in (process / "status").read_text(encoding="ascii").splitlines())
        uid = self.system.run("id", "-u", "millrace").strip()
        self.assertEqual(set(fields["Uid"].split()), {uid})
        for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"):
            self.assertEqual(int(fields[name], 16) & ~(1 << 10), 0, name)
        self.assertEqual(fields["NoNewPrivs"], "1")
        self.assertEqual(fields["Seccomp"], "2")
        limits = (process / "limits").read_text(encoding="ascii")
        for name, wanted, here in (("Max open files", 1048576, resource.RLIMIT_NOFILE),
                                   ("Max locked memory", 64 << 20, resource.RLIMIT_MEMLOCK)):
            # systemd comes as near as it may: without CAP_SYS_RESOURCE not above its own limit.
            hard = resource.getrlimit(here)[1]
            if not self.may_raise_limits() and hard != resource.RLIM_INFINITY:
                wanted = min(wanted, hard)
            self.assertRegex(limits, rf"{name} +{wanted} +{wanted} ")

    @staticmethod
    def may_raise_limits():
        with open("/proc/self/status", encoding="ascii") as status:
            return bool(int(re.search(r"^CapEff:\s+(\w+)$", status.read(), re.M)[1], 16) >> 24 & 1)

    def test_it_sees_no_homes_and_writes_only_where_it_should(self):
        process = self.system.main_process()
        mounts = (process / "mountinfo").read_text(encoding="utf-8")
        for folder in ("/run/millrace", "/var/lib/millrace", "/var/log/millrace"):
            self.assertRegex(mounts, rf" {folder} rw")
            self.assertEqual(self.system.run("stat", "-c", "%U:%G %a", folder).strip(), "millrace:millrace 750")
        root, = re.findall(r" / / (\S+) ", mounts)
        self.assertIn("ro", root.split(","))
        self.assertRegex(mounts, r" /root ro")
        self.assertEqual(set(os.listdir(process / "root/home")), set())

    def test_workers_are_pinned_and_io_uring_works_inside_the_sandbox(self):
        if harness.engines().get("io_uring"):
            self.skipTest("this machine refuses io_uring")
        for engine in ("epoll", "io_uring"):
            self.configure(config(transport=engine))
            self.system.run("systemctl", "restart", UNIT)
            big = os.urandom(4 << 20)
            with harness.connect("127.0.0.1:8080") as client:
                writer = threading.Thread(target=client.sendall, args=(big,))
                writer.start()
                self.assertEqual(peers.read_exactly(client, len(big)), big)
                writer.join()
            text = harness.http_get("http://127.0.0.1:9464/metrics")[1]
            metrics = harness.Metrics(text)
            self.assertEqual([line for line in text.splitlines()
                              if line.startswith("millrace_transport_refused_transports") and not line.endswith(" 0")], [])
            engines = {dict(labels)["transport"] for (name, labels), value in metrics.series.items()
                       if name == "millrace_transport_polls_total" and value}
            self.assertEqual(engines, {engine})
            process = self.system.main_process()
            allowed = [re.search(r"Cpus_allowed_list:\s+(\S+)", (task / "status").read_text(encoding="ascii"))[1]
                       for task in (process / "task").iterdir()]
            if os.cpu_count() > 1:
                self.assertGreaterEqual(len([cpus for cpus in allowed if cpus.isdigit()]), 2, allowed)

    def test_the_filter_of_its_own_loads_inside_that_of_the_unit(self):
        # `on`: it does not start without the filter.
        self.configure(config(security={"seccomp": "on"}))
        self.system.run("systemctl", "restart", UNIT)
        self.assertEqual(self.ask(), b"through")

    def test_a_port_below_1024(self):
        self.configure(config(port=80))
        self.system.run("systemctl", "restart", UNIT)
        self.assertEqual(self.ask(80), b"through")

    def test_the_installation_has_set_what_it_may_of_the_kernel(self):
        """Of this network namespace; the rest is read-only here, as in a container, and that is no error."""
        for name, value in (("core/somaxconn", "16384"), ("ipv4/tcp_max_syn_backlog", "16384"), ("ipv4/tcp_migrate_req", "1")):
            self.assertEqual(pathlib.Path("/proc/sys/net", name).read_text(encoding="ascii").strip(), value, name)
        self.assertNotEqual(self.system.attempt("sh", "-c", "echo 1 >/proc/sys/fs/pipe-user-pages-soft")[0], 0)

    def test_logrotate_and_the_signal_after_it(self):
        system = self.system
        system.run("apt-get", "-q", "-y", "--no-install-recommends", "--no-download", "install", "logrotate")
        system.run("setpriv", "--reuid=millrace", "--regid=millrace", "--clear-groups", "sh", "-c",
                   "echo a line >/var/log/millrace/access.log")
        pid = self.system.main_pid()
        system.run("logrotate", "-f", "/etc/logrotate.d/millrace")
        self.assertEqual(system.run("cat", "/var/log/millrace/access.log.1"), "a line\n")
        self.assertEqual(self.ask(), b"through")
        self.assertEqual(system.main_pid(), pid)

    # --- reload, crash, watchdog, stop

    def test_reload_keeps_the_process_and_refuses_a_file_with_errors(self):
        system = self.system
        pid = system.main_pid()
        with harness.connect("127.0.0.1:8080") as session:
            self.assertEqual(peers.ask(session, b"before"), b"before")
            self.configure(config(port=8081))
            system.run("systemctl", "reload", UNIT)
            harness.eventually(lambda: self.listens(8081), "the new listener")
            self.assertEqual(self.ask(8081), b"through")
            self.assertEqual(peers.ask(session, b"after"), b"after")
        self.configure(config(port=8082) + "nonsense: [")
        code, _ = system.attempt("systemctl", "reload", UNIT)
        self.assertNotEqual(code, 0)
        self.assertIn(f"{CONFIG}:", system.journal())
        system.wait_active()
        self.assertEqual(self.ask(8081), b"through")
        self.assertEqual(system.main_pid(), pid)

    def test_a_start_with_errors_in_the_file_says_them_and_starts_nothing(self):
        self.configure("listeners: 3\n")
        self.system.run("systemctl", "stop", UNIT)
        self.assertNotEqual(self.system.attempt("systemctl", "start", UNIT)[0], 0)
        self.assertRegex(self.system.journal(), rf"{CONFIG}:1:\d+: error: ")
        self.system.run("systemctl", "stop", UNIT)

    def test_a_crash_is_followed_by_a_restart(self):
        self.system.drop_in("fast", "[Service]\nRestartSec=100ms\n")
        pid = self.system.main_pid()
        self.system.run("kill", "-KILL", str(pid))
        harness.eventually(lambda: self.system.main_pid() not in (0, pid), "another process")
        self.system.wait_active()
        self.assertEqual(self.ask(), b"through")

    def test_a_process_that_hangs_is_replaced_by_the_watchdog(self):
        self.system.drop_in("watchdog", f"[Service]\nWatchdogSec={WATCHDOG_S}\nRestartSec=100ms\nLimitCORE=0\n")
        self.system.run("systemctl", "restart", UNIT)
        pid = self.system.main_pid()
        # It says that it lives, for longer than a silent one would be left alone.
        end = time.monotonic() + 2 * WATCHDOG_S
        harness.eventually(lambda: time.monotonic() > end, "two periods of the watchdog")
        self.assertEqual(self.system.main_pid(), pid)
        self.system.run("kill", "-STOP", str(pid))
        harness.eventually(lambda: self.system.main_pid() not in (0, pid), "another process")
        self.assertIn("watchdog", self.system.journal().lower())
        self.system.wait_active()
        self.assertEqual(self.ask(), b"through")

    def test_stop_drains(self):
        with harness.connect("127.0.0.1:8080") as session:
            self.assertEqual(peers.ask(session, b"before"), b"before")
            self.system.run("systemctl", "stop", "--no-block", UNIT)
            self.system.wait_active("deactivating")
            self.assertEqual(peers.ask(session, b"in the drain"), b"in the drain")
        self.system.wait_active("inactive")
        self.assertEqual(self.system.show("Result"), "success")
        self.assertEqual(self.system.show("ExecMainStatus"), "0")

    # --- socket activation

    def test_a_restart_behind_a_socket_unit_refuses_nobody(self):
        self.restart_behind_sockets(1)

    def test_nor_behind_a_socket_for_each_worker(self):
        self.restart_behind_sockets(2)

    def restart_behind_sockets(self, count):
        system = self.system
        system.run("cp", "/usr/share/doc/millrace/examples/millrace.socket", "/etc/systemd/system/")
        unit = system.file("/etc/systemd/system/millrace.socket")
        line = "ListenStream=127.0.0.1:8080\n"
        unit.write_text(unit.read_text(encoding="utf-8").replace(line, line * count), encoding="utf-8")
        self.addCleanup(system.run, "sh", "-c", "systemctl stop millrace.socket; rm /etc/systemd/system/millrace.socket;"
                        " systemctl daemon-reload")
        system.run("systemctl", "daemon-reload")
        system.run("systemctl", "stop", UNIT)
        system.run("systemctl", "start", "millrace.socket")
        # Nobody has started the service: the first client does.
        self.assertEqual(self.ask(message=b"first"), b"first")
        system.wait_active()
        listening = [line for line in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()
                     if " 0100007F:1F90 00000000:0000 0A " in line]
        self.assertEqual(len(listening), count)
        stop, answers, problems = threading.Event(), [], []

        def clients():
            while not stop.is_set():
                try:
                    answers.append(self.ask())
                except OSError as error:
                    problems.append(error)

        thread = threading.Thread(target=clients)
        thread.start()
        try:
            for _ in range(3):
                served = len(answers)
                system.run("systemctl", "restart", UNIT)
                harness.eventually(lambda: len(answers) > served + 10, f"clients are served; {problems[:3]}")
        finally:
            stop.set()
            thread.join()
        self.assertEqual(problems, [])
        self.assertEqual(set(answers), {b"through"})

    # --- the example for DPDK

    def test_the_looser_unit_is_enough_for_dpdk(self):
        if not debian_root.has_dpdk(debian_root.DEB):
            self.skipTest("the program is built without DPDK")
        system = self.system
        # The driver is a recommendation of the package's.
        system.run("apt-get", "-q", "-y", "--no-install-recommends", "--no-download", "install", *debian_root.DPDK_DRIVERS)
        self.run_program("ip", "link", "add", "mill0", "type", "veth", "peer", "name", "host0")
        self.addCleanup(self.run_program, "ip", "link", "del", "mill0")
        for interface in ("mill0", "host0"):
            self.run_program(harness.need("ethtool"), "-K", interface, "tx", "off")
            self.run_program("ip", "link", "set", interface, "up")
        self.run_program("ip", "address", "add", "192.0.2.1/24", "dev", "host0")
        self.use(peers.Upstream(peers.echo, address="192.0.2.1", port=8000))
        system.run("systemctl", "stop", UNIT)
        system.run("cp", "/usr/share/doc/millrace/examples/millrace-dpdk.service.example",
                   "/etc/systemd/system/millrace-dpdk.service")
        system.run("systemctl", "daemon-reload")
        system.file("/etc/millrace/dpdk.yaml").write_text(harness.json.dumps({
            "transport": "dpdk", "workers": {"count": 1},
            "dpdk": {"ports": ["net_af_packet0,iface=mill0"], "addresses": [{"address": "192.0.2.10/24"}], "idle": "sleep",
                     "sessions_max": 1000},
            "listeners": [{"name": "main", "bind": "192.0.2.10:80", "upstream": "up"}],
            "upstreams": [{"name": "up", "endpoints": [{"address": "192.0.2.1:8000"}]}],
            "shutdown": {"drain": "1s"}}), encoding="utf-8")
        self.addCleanup(system.run, "sh", "-c", "systemctl stop millrace-dpdk; rm /etc/systemd/system/millrace-dpdk.service"
                        " /etc/millrace/dpdk.yaml; systemctl daemon-reload")
        system.run("systemctl", "start", "millrace-dpdk.service")
        with harness.connect("192.0.2.10:80") as client:
            self.assertEqual(peers.ask(client, b"past the kernel"), b"past the kernel")
        self.assertIn("1 workers on dpdk", system.journal("millrace-dpdk.service"))

    # --- the package while the service runs

    def later(self, revision, changes=None):
        return debian_root.repackage(debian_root.DEB, self.folder(), revision, changes or {})

    def test_upgrades(self):
        system = self.system
        pid = system.main_pid()
        system.install(self.later("2"), "--force-confold")
        system.wait_active()
        second, process = system.main_pid(), system.main_process()
        self.assertNotEqual(second, pid)
        self.assertNotIn("deleted", os.readlink(process / "exe"))
        self.assertEqual(self.ask(), b"through")

        # A version that refuses the administrator's file: the old process goes on.
        refuses = b"#!/bin/sh\necho \"$3:1:1: error: not for this version\" >&2\nexit 2\n"
        said = system.install(self.later("3", {"usr/bin/millrace": lambda _: refuses}), "--force-confold")
        self.assertIn("not for this version", said)
        self.assertIn("the old one goes on", said)
        self.assertEqual(system.main_pid(), second)
        self.assertEqual(self.ask(), b"through")

        # Stopped by the administrator: an upgrade does not start it.
        system.run("systemctl", "stop", UNIT)
        system.install(self.later("4"), "--force-confold")
        self.assertEqual(system.show("ActiveState"), "inactive")
        # Disabled: neither.
        system.run("systemctl", "disable", UNIT)
        system.install(self.later("5"), "--force-confold")
        self.assertNotEqual(system.attempt("systemctl", "is-enabled", UNIT)[0], 0)
        system.run("systemctl", "enable", UNIT)

    def test_removal_stops_and_purge_forgets(self):
        system = self.system
        # For the tests after this one.
        self.addCleanup(lambda: (system.install(debian_root.DEB, "--force-confold"), system.wait_active()))
        system.run("dpkg", "-r", "millrace")
        self.assertFalse(self.listens(8080))
        self.assertEqual(system.show("LoadState"), "not-found")
        self.assertEqual(system.file(CONFIG).read_text(encoding="utf-8"), config())
        # Back: it starts, with the file that stayed.
        system.install(debian_root.DEB, "--force-confold")
        system.wait_active()
        self.assertEqual(self.ask(), b"through")
        system.run("dpkg", "-P", "millrace")
        self.assertEqual(system.run("find", "/", "-xdev", "-name", "*millrace*", "-not", "-path", "/root/*").split(), [])
        self.assertEqual(system.show("LoadState"), "not-found")


if __name__ == "__main__":
    debian_root.main()
