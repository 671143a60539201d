"""Which engine moves the bytes: what was asked for, what the machine refuses, and what is said about it."""

import os
import pathlib
import subprocess
import sys

import harness
import peers
from harness import Millrace, config

WITHOUT_IO_URING = (sys.executable, "-B",
                    os.fspath(pathlib.Path(__file__).resolve().parent / "without_io_uring.py"))


# Without CAP_SYS_ADMIN, CAP_IPC_LOCK and the rest; still the owner of the build's folder.
WITHOUT_RIGHTS = (() if os.geteuid() != 0 else
                  (harness.need("setpriv"), "--inh-caps=-all", "--bounding-set=-all"))


class EnginesCase(harness.Case):
    def start(self, transport, prefix=()):
        upstream = self.use(peers.Upstream(peers.echo))
        return self.use(Millrace(config(upstream.address, transport=transport), prefix=prefix))

    def serve(self, proxy):
        """The engine that the access log names for a session."""
        with proxy.connect() as client:
            self.assertEqual(peers.ask(client), b"ping")
        proxy.wait_ends({("client", "eof"): 1})
        return harness.eventually(proxy.access_lines, "the session's line")[0]["transport"]

    def of_workers(self, metrics):
        """The engines by the metrics' labels."""
        return {dict(labels)["transport"] for name, labels in metrics.series
                if name == "millrace_transport_polls_total"}

    def refusals(self, metrics):
        return {(dict(labels)["transport"], dict(labels)["cause"]): value
                for (name, labels), value in metrics.series.items()
                if name == "millrace_transport_refused_transports"}

    def warnings(self, proxy):
        return [line for line in proxy.log().splitlines() if "is not used" in line]


class EnginesTest(EnginesCase):
    def test_every_engine_of_this_machine_serves_under_its_name(self):
        # dpdk has network ports of its own: tests/net/dpdk_test.py.
        usable = [name for name, reason in harness.engines().items() if not reason and name != "dpdk"]
        self.assertIn("epoll", usable)
        for engine in usable:
            proxy = self.start(engine)
            self.assertEqual(self.serve(proxy), engine)
            metrics = proxy.metrics()
            self.assertEqual(self.of_workers(metrics), {engine})
            self.assertEqual(metrics.value("build_info", transport=engine), 1)
            self.assertEqual(self.refusals(metrics), {})
            self.assertNotIn("is not used", proxy.log())

    def test_auto_is_epoll_and_has_nothing_to_complain_about(self):
        for prefix in ((), WITHOUT_IO_URING):
            proxy = self.start("auto", prefix=prefix)
            self.assertEqual(self.serve(proxy), "epoll")
            self.assertEqual(self.refusals(proxy.metrics()), {})
            self.assertEqual(self.warnings(proxy), [])

    def test_a_container_without_io_uring_is_served_by_epoll_and_told_so_once(self):
        proxy = self.start("io_uring", prefix=WITHOUT_IO_URING)
        self.assertEqual(self.serve(proxy), "epoll")
        metrics = proxy.metrics()
        self.assertEqual(self.of_workers(metrics), {"epoll"})
        # Two workers and the monitor.
        self.assertEqual(self.refusals(metrics), {("io_uring", "denied"): 3})
        proxy.reload(config("127.0.0.1:9", transport="io_uring"))
        warnings = self.warnings(proxy)
        self.assertEqual(len(warnings), 1, warnings)
        self.assertRegex(warnings[0],
                         r"warning transport io_uring is not used: .+; 3 of 3 transports run on epoll$")


class Sysctl:
    """A setting of the machine that has another value until close(), and never for longer than this process
    lives: a shell whose stdin ends with us puts it back."""

    SHELL = 'trap "" HUP INT TERM; echo "$1" >"$0" && echo set; cat; echo "$2" >"$0"'

    def __init__(self, path, value):
        with open(path, encoding="ascii") as file:
            before = file.read().strip()
        self._shell = subprocess.Popen(["/bin/sh", "-c", self.SHELL, path, value, before], text=True,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        if self._shell.stdout.readline() != "set\n":
            self.close()
            raise PermissionError(f"{path} cannot be written")

    def close(self):
        self._shell.communicate(timeout=harness.DEADLINE_S)


class RefusedTest(EnginesCase):
    """Every way in which a machine says no: it is told once, counted, and epoll serves."""

    DISABLED = "/proc/sys/kernel/io_uring_disabled"
    TOO_LITTLE_MEMORY = "the limit of locked memory (RLIMIT_MEMLOCK) is too low, or there is no memory"

    def setUp(self):
        super().setUp()
        refused = harness.engines()["io_uring"]
        if refused:
            self.skipTest(f"this machine refuses io_uring: {refused}")

    def assert_told(self, proxy, cause, reason, told):
        """The metric, and one line; later traffic, a reload and scrapes add nothing."""
        transports = int(told.split()[0])
        self.assertEqual(self.refusals(proxy.metrics()), {("io_uring", cause): transports})
        proxy.reload()
        self.assertEqual(self.refusals(proxy.metrics()), {("io_uring", cause): transports})
        warnings = self.warnings(proxy)
        self.assertEqual(len(warnings), 1, warnings)
        self.assertEqual(warnings[0].split(" ", 1)[1],
                         f"warning transport io_uring is not used: {reason}; {told} on epoll")

    def assert_refused_to_all(self, proxy, cause, reason):
        self.assertEqual(self.serve(proxy), "epoll")
        self.assertEqual(self.of_workers(proxy.metrics()), {"epoll"})
        self.assert_told(proxy, cause, reason, "3 of 3 transports run")

    def start_with_sysctl(self, value, prefix=()):
        """Only the start sees the value: this is everybody's machine."""
        setting = self.use(Sysctl(self.DISABLED, value))
        try:
            return self.start("io_uring", prefix)
        finally:
            setting.close()

    def need_sysctl(self):
        # Root without the right to write it is what a container has, access(2) does not tell.
        try:
            with open(self.DISABLED, "r+", encoding="ascii") as file:
                file.write(file.read())
        except OSError as error:
            self.skipTest(f"kernel.io_uring_disabled cannot be written here: {error}")

    def test_the_machine_disables_it_for_everybody(self):
        self.need_sysctl()
        proxy = self.start_with_sysctl("2")
        self.assert_refused_to_all(proxy, "disabled", "kernel.io_uring_disabled is 2"
                                   " (Operation not permitted (EPERM))")

    def test_the_machine_disables_it_for_those_without_rights(self):
        self.need_sysctl()
        proxy = self.start_with_sysctl("1", WITHOUT_RIGHTS)
        self.assert_refused_to_all(proxy, "disabled", "kernel.io_uring_disabled is 1, and this process has no"
                                   " CAP_SYS_ADMIN and is not in kernel.io_uring_group"
                                   " (Operation not permitted (EPERM))")
        # Root gives its rights up before the workers make rings; the group is for it, too.
        root = self.start_with_sysctl("1")
        self.assert_refused_to_all(root, "disabled", "kernel.io_uring_disabled is 1, and this process has no"
                                   " CAP_SYS_ADMIN and is not in kernel.io_uring_group"
                                   " (Operation not permitted (EPERM))")
        self.use(Sysctl(self.DISABLED.replace("disabled", "group"), str(os.getegid())))
        privileged = self.start_with_sysctl("1")
        self.assertEqual(self.serve(privileged), "io_uring")
        self.assertEqual(self.refusals(privileged.metrics()), {})

    def test_a_filter_says_no(self):
        proxy = self.start("io_uring", WITHOUT_IO_URING)
        self.assert_refused_to_all(proxy, "denied", "a seccomp filter or a security module forbids it, as"
                                   " container runtimes do by default (Operation not permitted (EPERM))")

    def test_a_filter_says_that_there_is_no_such_call(self):
        proxy = self.start("io_uring", (*WITHOUT_IO_URING, "--error", "ENOSYS"))
        self.assert_refused_to_all(proxy, "not_in_kernel", "this kernel has no io_uring, or a seccomp filter"
                                   " hides it (Function not implemented (ENOSYS))")

    def start_with_locked_memory(self, limit_bytes):
        limit = f"--memlock={limit_bytes}:{limit_bytes}"
        return self.start("io_uring", (*WITHOUT_RIGHTS, harness.need("prlimit"), limit))

    def test_no_memory_may_be_locked(self):
        # Linux 5.12 to 6.13 charge rings to the control group and not to this limit: then there is nothing
        # to refuse. 6.14 charges them to both.
        proxy = self.start_with_locked_memory(0)
        if not self.refusals(proxy.metrics()):
            self.assertEqual(self.serve(proxy), "io_uring")
            self.assertEqual(self.warnings(proxy), [])
            print("this kernel counts no ring as locked memory")
            return
        self.assert_refused_to_all(proxy, "memory",
                                   f"{self.TOO_LITTLE_MEMORY} (Cannot allocate memory (ENOMEM))")

    def test_locked_memory_that_is_enough_for_some(self):
        # Some 88 KiB a transport, of which the limit allows two; which of them, and whether what the trial
        # at start had is free again by then, is the kernel's affair. The limit counts for all processes of
        # the user that have no CAP_IPC_LOCK: others can only make it less.
        proxy = self.start_with_locked_memory(220 * 1024)
        self.assertIn(self.serve(proxy), ("io_uring", "epoll"))
        refusals = self.refusals(proxy.metrics())
        if not refusals:
            print("this kernel counts no ring as locked memory")
            return
        transports = int(refusals[("io_uring", "memory")])
        self.assertIn(transports, (1, 2, 3))
        self.assert_told(proxy, "memory", f"{self.TOO_LITTLE_MEMORY} (Cannot allocate memory (ENOMEM))",
                         f"{transports} of 3 transports {'runs' if transports == 1 else 'run'}")

    def test_one_worker_gets_no_ring(self):
        # The trial at start, the monitor, then the workers in either order.
        for call in ("3", "4"):
            proxy = self.start("io_uring", (*WITHOUT_IO_URING, "--error", "ENOMEM", "--call", call))
            self.assert_told(proxy, "memory", f"{self.TOO_LITTLE_MEMORY} (Cannot allocate memory (ENOMEM))",
                             "1 of 3 transports runs")
            self.assertEqual(self.of_workers(proxy.metrics()), {"io_uring", "epoll"})
            self.assert_both_serve(proxy)

    def assert_both_serve(self, proxy):
        def engines_that_served():
            with proxy.connect() as client:
                self.assertEqual(peers.ask(client), b"ping")
            return {line["transport"] for line in proxy.access_lines()} == {"io_uring", "epoll"}

        harness.eventually(engines_that_served, "a session on each worker")
        metrics = harness.eventually(
            lambda: (now := proxy.metrics()).value("sessions_active") == 0 and now, "the sessions' ends")
        ends = metrics.ends()
        self.assertEqual(set(ends), {("client", "eof")})
        self.assertEqual(metrics.value("listener_accepted_total"), sum(ends.values()))

    def test_the_monitor_gets_no_ring(self):
        upstream = self.use(peers.Upstream(peers.echo))
        checked = config(upstream.address, transport="io_uring", upstream={"health": {"interval": "50ms"}})
        proxy = self.use(Millrace(checked, prefix=(*WITHOUT_IO_URING, "--error", "ENOMEM", "--call", "2")))
        self.assertEqual(self.serve(proxy), "io_uring")
        harness.eventually(lambda: proxy.metrics().value("health_checks_total", result="passed") > 2, "checks")
        self.assert_told(proxy, "memory", f"{self.TOO_LITTLE_MEMORY} (Cannot allocate memory (ENOMEM))",
                         "1 of 3 transports runs")


if __name__ == "__main__":
    harness.main()
