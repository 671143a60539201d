"""Which engine moves the bytes: what was asked for, what the machine refuses, and what is said about it."""

import os
import pathlib
import sys

import harness
import peers
from harness import Millrace, config

WITHOUT_IO_URING = (sys.executable, "-B",
                    os.fspath(pathlib.Path(__file__).resolve().parent / "without_io_uring.py"))


class EnginesTest(harness.Case):
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

    def test_every_engine_of_this_machine_serves_under_its_name(self):
        usable = [name for name, reason in harness.engines().items() if not reason]
        self.assertIn("epoll", usable)
        for engine in usable:
            proxy = self.start(engine)
            self.assertEqual(self.serve(proxy), engine)
            metrics = proxy.metrics()
            self.assertEqual(self.of_workers(metrics), {engine})
            self.assertEqual(metrics.value("build_info", transport=engine), 1)
            self.assertEqual(self.refusals(metrics), {})
            self.assertNotIn("is not used", proxy.log())

    def test_auto_takes_the_first_that_this_machine_allows(self):
        usable = [name for name, reason in harness.engines().items() if not reason]
        proxy = self.start("auto")
        self.assertEqual(self.serve(proxy), usable[0])

    def test_a_container_without_io_uring_is_served_by_epoll_and_told_so_once(self):
        for transport in ("io_uring", "auto"):
            proxy = self.start(transport, prefix=WITHOUT_IO_URING)
            self.assertEqual(self.serve(proxy), "epoll")
            metrics = proxy.metrics()
            self.assertEqual(self.of_workers(metrics), {"epoll"})
            # Two workers and the monitor.
            self.assertEqual(self.refusals(metrics), {("io_uring", "denied"): 3})
            proxy.reload(config("127.0.0.1:9", transport=transport))
            warnings = [line for line in proxy.log().splitlines() if "is not used" in line]
            self.assertEqual(len(warnings), 1, warnings)
            self.assertRegex(warnings[0],
                             r"warning transport io_uring is not used: .+; 3 of 3 transports run on epoll$")


if __name__ == "__main__":
    harness.main()
