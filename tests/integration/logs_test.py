"""stderr that is slow, full or gone: lines are lost and counted, sessions are not."""

import json
import os
import pathlib
import signal

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


class AccessFileTest(harness.Case):
    """log.access_output: file:PATH."""

    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.folder(), "access.log")
        self.upstream = self.use(peers.EchoProcess())

    def start(self, **log):
        self.address = f"127.0.0.1:{free_port()}"
        return self.use(Millrace(self.file(**log)))

    def file(self, **log):
        return config(self.upstream.address, listener={"bind": self.address},
                      log={"access_output": f"file:{self.path}", **log})

    def serve(self, proxy, count):
        """One session after the other, until they are accounted for."""
        before = sum(proxy.metrics().ends().values())
        for _ in range(count):
            with harness.connect(self.address) as client:
                self.assertEqual(peers.ask(client), b"ping")
        harness.eventually(lambda: sum(proxy.metrics().ends().values()) == before + count, "the ends")

    def accounted(self, proxy):
        metrics = proxy.metrics()
        return sum(metrics.value(name) for name in
                   ("access_log_lines_total", "access_log_dropped_total", "access_log_left_out_total"))

    def lines(self, path=None):
        with open(path or self.path, encoding="utf-8") as file:
            return file.readlines()

    def test_a_rotation_under_load_loses_no_line(self):
        proxy = self.start()
        load = self.use(loads.ShortSessions(self.address))
        parts = []
        for number in range(5):
            load.wait(scaled(200, 40) * (number + 1))
            parts.append(f"{self.path}.{number}")
            os.rename(self.path, parts[-1])
            proxy.signal(signal.SIGUSR1)
            harness.eventually(lambda: os.path.exists(self.path), "a new file")
        load.stop()
        proxy.wait_metric(0, "sessions_active")
        ended = sum(proxy.metrics().ends().values())
        harness.eventually(lambda: self.accounted(proxy) == ended, "every line accounted for")
        self.assertEqual(proxy.metrics().value("access_log_dropped_total"), 0)
        found = sum(len(self.lines(part)) for part in [*parts, self.path])
        self.assertEqual(found, ended)
        harness.eventually(lambda: proxy.log().count("access log opened again") == 5, "five lines that say so")
        self.assertNotIn(" cause=", proxy.log(), "stderr has the control log only")
        self.assertEqual(os.stat(self.path).st_mode & 0o137, 0)

    def test_a_file_that_cannot_be_opened_again_stays_open(self):
        proxy = self.start()
        os.rename(self.path, self.path + ".1")
        os.mkdir(self.path)
        proxy.signal(signal.SIGUSR1)
        proxy.wait_log("what is open stays open")
        self.serve(proxy, 3)
        harness.eventually(lambda: len(self.lines(self.path + ".1")) == 3, "lines in the old file")

    def test_a_path_that_cannot_be_written_to_is_an_error_of_the_file(self):
        self.address = f"127.0.0.1:{free_port()}"
        good = self.path
        self.path = "/no/such/folder/access.log"
        self.refused_start(self.file(), 1, "error: the access log: cannot write to /no/such/folder/access.log: "
                           "No such file or directory (ENOENT)")
        self.path = good
        proxy = self.use(Millrace(self.file()))
        self.path = "/no/such/folder/access.log"
        proxy.reload(self.file(), result="refused")
        self.path = good
        self.serve(proxy, 1)
        harness.eventually(lambda: len(self.lines()) == 1, "the old file still in use")

    def test_a_full_disk_is_counted(self):
        self.path = "/dev/full"
        proxy = self.start()
        self.serve(proxy, 5)
        proxy.wait_metric(5, "access_log_dropped_total")

    def test_a_sample_and_a_rate_are_counted(self):
        proxy = self.start(access_sample=10)
        self.serve(proxy, 40)
        harness.eventually(lambda: self.accounted(proxy) == 40, "every line accounted for")
        left_out = proxy.metrics().value("access_log_left_out_total", reason="sample")
        self.assertEqual(len(self.lines()), 40 - left_out)
        self.assertGreaterEqual(left_out, 40 - 2 * 5)  # Two workers, each with a sample of its own.
        proxy.reload(self.file(access_rate="1/s"))
        self.serve(proxy, 40)
        harness.eventually(lambda: self.accounted(proxy) == 80, "every line accounted for")
        self.assertGreater(proxy.metrics().value("access_log_left_out_total", reason="rate"), 0)

    def test_syslog_that_is_not_there_costs_lines_and_nothing_else(self):
        if os.path.exists("/dev/log"):
            self.skipTest("a syslog runs here")
        self.path = None
        self.address = f"127.0.0.1:{free_port()}"
        proxy = self.use(Millrace(config(self.upstream.address, listener={"bind": self.address},
                                         log={"access_output": "syslog"})))
        self.serve(proxy, 5)
        proxy.wait_metric(5, "access_log_dropped_total")


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
        self.assert_fits_the_schema(access[0])

    def assert_fits_the_schema(self, line):
        """The published schema, by Debian's validator: another Python need not have the module."""
        schema = pathlib.Path(__file__).parents[2] / "docs" / "access-log.schema.json"
        code = "import json, sys, jsonschema; jsonschema.validate(json.loads(sys.argv[2]), json.load(open(sys.argv[1])))"
        self.run_program("/usr/bin/python3", "-c", code, schema, json.dumps(line))


if __name__ == "__main__":
    harness.main()
