"""stderr that is slow, full or gone: lines are lost and counted, sessions are not."""

import json
import os

import harness
import loads
import peers
from harness import Millrace, config, scaled
from services import free_port


class BlockedLogTest(harness.Case):
    def start(self, stderr):
        self.upstream = self.use(peers.EchoProcess())
        port, metrics = free_port(), f"127.0.0.1:{free_port()}"
        self.address = f"127.0.0.1:{port}"
        return self.use(Millrace(config(self.upstream.address, listener={"bind": self.address},
                                        metrics={"bind": metrics}),
                                 stderr=stderr, metrics_address=metrics))

    def serve_many(self, proxy, count):
        load = self.use(loads.ShortSessions(self.address))
        load.wait(count)
        load.stop()
        self.assertEqual(load.failures, [])
        proxy.wait_metric(0, "sessions_active")
        return load.done

    def test_a_reader_that_does_not_read(self):
        # A pipe holds 64 KiB, about 250 lines; a worker's ring 4,096 more.
        sessions = 10_500
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        with open(writer, "wb") as stderr:
            proxy = self.start(stderr)
        done = self.serve_many(proxy, sessions)
        harness.eventually(lambda: proxy.metrics().value("access_log_dropped_total") > 0, "dropped lines")
        # SIGHUP writes to the log, too, and nobody may wait for it.
        proxy.reload()
        metrics = proxy.metrics()
        self.assertEqual(sum(metrics.ends().values()), done)
        self.assertLess(metrics.value("access_log_lines_total"), done)
        with harness.connect(self.address) as client:
            self.assertEqual(peers.ask(client), b"ping")
        proxy.close()  # And it must stop with the pipe still full.

    def test_a_full_disk(self):
        with open("/dev/full", "wb") as stderr:
            proxy = self.start(stderr)
        done = self.serve_many(proxy, scaled(500, 100))
        proxy.wait_metric(done, "access_log_dropped_total")
        self.assertEqual(proxy.metrics().value("access_log_lines_total"), 0)
        proxy.reload()

    def test_a_reader_that_has_gone(self):
        reader, writer = os.pipe()
        with open(writer, "wb") as stderr:
            proxy = self.start(stderr)
        os.close(reader)
        done = self.serve_many(proxy, scaled(500, 100))
        harness.eventually(lambda: proxy.metrics().value("access_log_dropped_total")
                           + proxy.metrics().value("access_log_lines_total") == done, "every line accounted for")
        self.assertGreater(proxy.metrics().value("access_log_dropped_total"), 0)


class FormatTest(harness.Case):
    def test_json_lines(self):
        upstream = self.use(peers.Upstream(peers.echo))
        proxy = self.use(Millrace(config(upstream.address, log={"format": "text"})))
        proxy.reload(config(upstream.address, log={"format": "json"}))
        with proxy.connect() as client:
            peers.ask(client)
        proxy.wait_log('"log":"access"')
        lines = proxy.log().splitlines()
        json_lines = [json.loads(line) for line in lines if line.startswith("{")]
        access = [line for line in json_lines if line.get("log") == "access"]
        self.assertEqual(len(access), 1)
        self.assertEqual({key: access[0][key] for key in ("listener", "upstream", "endpoint", "actor", "cause",
                                                          "bytes_to_upstream", "bytes_to_client", "attempts")},
                         {"listener": "main", "upstream": "up", "endpoint": upstream.address,
                          "actor": "client", "cause": "eof", "bytes_to_upstream": 4, "bytes_to_client": 4,
                          "attempts": 1})
        for key in ("ts", "client", "local", "setup", "connect", "total", "pool", "worker", "transport"):
            self.assertIn(key, access[0])
        self.assertEqual(access[0]["transport"], harness.TRANSPORT or access[0]["transport"])


if __name__ == "__main__":
    harness.main()
