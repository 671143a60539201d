"""100,000 sessions opened and ended: the program is afterwards what it was before."""

import json
import subprocess

import harness
import loads
from harness import BENCH_LOAD, Millrace, config, scaled

SESSIONS = scaled(100_000, 8_000)  # A sanitizer's session costs ten times as much.
CLIENTS = 64
BATCH_S = 2
# What may stay with the allocator and the pages that were touched for the first time. A leak of
# 100 bytes a session would be 10 MB.
GROWTH_BYTES_MAX = scaled(4, 64) * (1 << 20)


class LeakTest(harness.Case):
    def batch(self, proxy):
        """One process whose sessions end with RST beside one whose sessions end with FIN."""
        processes = [subprocess.Popen([BENCH_LOAD, "connect", "--target", proxy.address(), "--connections",
                                       str(CLIENTS), "--seconds", str(BATCH_S), "--warmup", "0", *more],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
                     for more in ([], ["--fin"])]
        for process in processes:
            report = process.communicate(timeout=4 * harness.DEADLINE_S)[0]
            self.assertEqual(process.returncode, 0, report)
            self.assertEqual(json.loads(report)["errors"], 0, report)

    def settled(self, proxy):
        """(descriptors, resident bytes) when nothing is open."""
        proxy.wait_metric(0, "sessions_active")
        proxy.wait_metric(0, "transport_connections")
        return harness.eventually(lambda: proxy.descriptors(), "descriptors"), proxy.resident_bytes()

    def test_descriptors_and_memory_come_back(self):
        echo = self.use(loads.EchoServer())
        proxy = self.use(Millrace(config(echo.address, log={"access": False})))
        # The first batch fills what is kept on purpose: the slabs, the pipes, the buffers.
        self.batch(proxy)
        descriptors, resident = self.settled(proxy)
        before = proxy.metrics().value("listener_accepted_total")

        batches = 0
        while proxy.metrics().value("listener_accepted_total") - before < SESSIONS:
            self.batch(proxy)
            batches += 1
            self.assertLess(batches, 200, "too slow for this many sessions")

        descriptors_after, resident_after = self.settled(proxy)
        metrics = proxy.metrics()
        sessions = metrics.value("listener_accepted_total") - before
        print(f"{sessions:.0f} sessions: {descriptors} -> {descriptors_after} descriptors,"
              f" {resident} -> {resident_after} bytes resident")
        # One more or less is the scrape's own connection.
        self.assertLessEqual(abs(descriptors_after - descriptors), 1)
        self.assertLess(resident_after - resident, GROWTH_BYTES_MAX)
        ends = metrics.ends()
        self.assertEqual(sum(ends.values()), metrics.value("listener_accepted_total"))
        self.assertGreater(ends["client", "reset"], 0)
        self.assertGreater(ends["client", "eof"], 0)


if __name__ == "__main__":
    harness.main()
