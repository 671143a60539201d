"""compare runs what is installed, reports it, and leaves no process behind. No times are judged.

Run by ctest as: python3 compare_test.py PATH_OF_MILLRACE PATH_OF_BENCH_LOAD"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import processes  # noqa: E402
import proxies  # noqa: E402
import report  # noqa: E402
import system_calls  # noqa: E402
import works  # noqa: E402

COMPARE = pathlib.Path(__file__).with_name("compare")
TIMEOUT_S = 100
MILLRACE = BENCH_LOAD = ""


def processes_that_mention(text):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if text.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def start(directory, *arguments):
    """compare with its files and its load under a directory of ours, which the command line of every
    process that it starts therefore names."""
    load = pathlib.Path(directory, "bench_load")
    load.symlink_to(BENCH_LOAD)
    command = [sys.executable, COMPARE, "--millrace", MILLRACE, "--load", load, *arguments]
    if len(os.sched_getaffinity(0)) < 2:
        cpu = min(os.sched_getaffinity(0))
        command += ["--cpus", f"{cpu},{cpu}"]
    environment = dict(os.environ, TMPDIR=directory)
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class Compare(unittest.TestCase):
    def test_every_kind_of_work_runs_and_nothing_is_left_behind(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "out.json")
            run = start(
                directory, "--quick", "--seconds", "0.1", "--only", "pingpong-64,connect,bulk,half-load",
                "--proxies", "nginx,haproxy,haproxy-splice,direct", "--json", path, "--markdown",
            )
            out, err = run.communicate(timeout=TIMEOUT_S)
            self.assertEqual(run.returncode, 0, err)
            samples = json.loads(path.read_text(encoding="utf-8"))["samples"]
            self.assertEqual(set(samples), {"pingpong-64", "connect", "bulk-up", "bulk-down", "half-load"})
            for work, by_proxy in samples.items():
                self.assertIn("direct", by_proxy)
                for runs in by_proxy.values():
                    self.assertEqual(len(runs), 1)
                    self.assertEqual(runs[0]["errors"], 0)
                self.assertIn(f"### {work}:", out)
            self.assertEqual(processes_that_mention(directory), [])

    def test_each_kernel_engine_is_a_proxy_of_its_own_and_its_system_calls_are_counted(self):
        wanted = [name for name, engine in proxies.ENGINES.items() if not proxies.refusal_of(MILLRACE, engine)]
        refusal = system_calls.refusal()
        if proxies.SESSIONS_MAX < 1000:
            refusal = f"{proxies.DESCRIPTORS} descriptors are too few for 1,000 sessions"
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "out.json")
            run = start(
                directory, "--quick", "--seconds", "0.1", "--only", "pingpong-64" if refusal else "pingpong-64,syscalls",
                "--proxies", ",".join([*proxies.ENGINES, "direct"]), "--json", path,
            )
            out, err = run.communicate(timeout=TIMEOUT_S)
            self.assertEqual(run.returncode, 0, err)
            content = json.loads(path.read_text(encoding="utf-8"))
            samples = content["samples"]
            self.assertEqual(set(samples["pingpong-64"]), {*wanted, "direct"}, err)
            self.assertEqual(processes_that_mention(directory), [])
        if refusal:
            self.skipTest(refusal)
        self.assertEqual(set(samples["syscalls-1000"]), set(wanted))
        for (sample,) in samples["syscalls-1000"].values():
            calls = sum(sample["system_calls"].values())
            self.assertEqual(sample["system_calls_per_operation"], calls / sample["operations"])
            self.assertNotIn("cpu_us_per_operation", sample)
        if len(wanted) < len(proxies.ENGINES):
            self.skipTest(f"of the engines this machine has only {', '.join(wanted)}")
        against = {(row["work"], row["proxy"], row["against"]) for row in content["ratios"]}
        self.assertEqual(against, {(work, works.IO_URING, works.EPOLL) for work in samples})
        self.assertIn("system calls per round trip", out)

    def test_an_engine_that_the_machine_refuses_is_left_out_with_the_reason(self):
        with tempfile.TemporaryDirectory() as directory:
            binary = pathlib.Path(directory, "millrace")
            engines = json.dumps({"engines": [{"name": "io_uring", "reason": "denied"}]})
            binary.write_text(f"#!/bin/sh\necho '{engines}'\n", encoding="ascii")
            binary.chmod(0o755)
            for name, reason in (("millrace-io_uring", "denied"), ("millrace-epoll", f"{binary} has no engine epoll")):
                with self.assertRaises(processes.BenchError) as caught:
                    proxies.find(name, binary, 0)
                self.assertEqual(str(caught.exception), reason)

    def test_a_run_on_another_engine_than_its_name_says_fails(self):
        script = (
            "import socket, sys\n"
            "print('io_uring is not used', flush=True)\n"
            "server = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
            "while True: server.accept()\n"
        )
        proxy = proxies.Proxy(
            "fake", "1.0", lambda _, port, __: [sys.executable, "-c", script, str(port)], None, "is not used"
        )
        with tempfile.TemporaryDirectory() as directory:
            with self.assertRaisesRegex(processes.BenchError, "it was not fake:\nio_uring is not used"):
                with proxy.running(directory, 0):
                    pass

    @unittest.skipUnless(proxies.find_program("haproxy"), "haproxy is not installed")
    def test_ctrl_c_and_a_kill_end_every_process(self):
        for end, exit_code in ((signal.SIGINT, 1), (signal.SIGTERM, 143)):
            with tempfile.TemporaryDirectory() as directory:
                run = start(directory, "--proxies", "haproxy", "--only", "pingpong-64", "--seconds", "30")
                # compare, its server, the proxy and the load: a run is under way.
                while len(processes_that_mention(directory)) < 4:
                    self.assertIsNone(run.poll())
                run.send_signal(end)
                run.communicate(timeout=TIMEOUT_S)
                self.assertEqual(run.returncode, exit_code)
                self.assertEqual(processes_that_mention(directory), [])


class Ratios(unittest.TestCase):
    def test_are_paired_by_round_and_skip_failed_runs(self):
        mine = [{"x": 1.0}, None, {"x": 3.0}, {"x": 8.0}]
        theirs = [{"x": 2.0}, {"x": 2.0}, {"x": 3.0}, {"x": 4.0}]
        found = report.ratio(mine, theirs, "x")
        self.assertEqual(found, {"median": 1.0, "lowest": 0.5, "highest": 2.0, "rounds": 3})

    def test_say_nothing_without_a_round_that_has_both(self):
        self.assertIsNone(report.ratio([None], [{"x": 1.0}], "x"))

    def rows(self, work_name, **figures):
        """{(proxy, against): (target, verdict)} of one round."""
        work = works.choose([work_name])[0]
        names = {"epoll": works.EPOLL, "io_uring": works.IO_URING}
        samples = {names.get(name, name): [{work.figure: figure}] for name, figure in figures.items()}
        return {
            (row["proxy"].partition("-")[2], row["against"]): (row["at_most"], row["verdict"])
            for row in report.ratios_of(work, samples)
        }

    def test_carry_the_target_and_whether_it_is_met(self):
        rows = self.rows("connect", epoll=8.0, nginx=10.0, haproxy=10.0)
        self.assertEqual(rows, {("epoll", "nginx"): (0.92, "met"), ("epoll", "haproxy"): (0.75, "NOT MET")})

    def test_of_io_uring_have_its_own_targets_first_and_one_against_our_epoll(self):
        self.assertEqual(self.rows("pingpong-1000", epoll=9.0, io_uring=8.5, nginx=10.0, haproxy=12.0), {
            ("epoll", "nginx"): (0.90, "met"), ("epoll", "haproxy"): (0.75, "met"),
            ("io_uring", works.EPOLL): (0.93, "NOT MET"), ("io_uring", "nginx"): (0.82, "NOT MET"),
            ("io_uring", "haproxy"): (0.75, "met"),
        })
        self.assertEqual(self.rows("bulk-down", epoll=9.0, io_uring=9.0), {("io_uring", works.EPOLL): (1.0, "met")})
        self.assertEqual(self.rows("syscalls", epoll=4.0, io_uring=1.1, nginx=4.0), {
            ("epoll", "nginx"): (None, ""),
            ("io_uring", works.EPOLL): (0.25, "NOT MET"), ("io_uring", "nginx"): (None, ""),
        })

    def test_an_absolute_target_is_for_both_engines(self):
        rows = self.rows("idle", epoll=500.0, io_uring=600.0)
        self.assertEqual(rows[("epoll", "absolute")], (512, "met"))
        self.assertEqual(rows[("io_uring", "absolute")], (512, "NOT MET"))

    def test_at_half_load_the_better_peer_is_the_one_that_counts(self):
        rows = self.rows("half-load", epoll=9.0, io_uring=11.0, nginx=20.0, haproxy=10.0)
        self.assertEqual(rows[("epoll", "haproxy (better peer)")], (1.0, "met"))
        self.assertEqual(rows[("io_uring", "haproxy (better peer)")], (1.0, "NOT MET"))
        self.assertEqual(rows[("epoll", "nginx")], (None, ""))


class SystemCalls(unittest.TestCase):
    def test_of_a_table_are_read_with_and_without_errors(self):
        row = "{:>6} {:>11} {:>11} {:>9} {:>9} {}\n".format
        table = "strace: Process 7 detached\n" + row("54.88", "0.413529", 4753, 87, 43, "futex")
        table += row("32.63", "0.245828", 11, 21660, "", "sendto") + row("0.00", "0.000000", 0, 1, 1, "restart_syscall")
        total = row("100.00", "0.753484", 17, 21748, 44, "total")
        self.assertEqual(system_calls.parse(table + total), {"futex": 87, "sendto": 21660, "restart_syscall": 1})
        with self.assertRaises(processes.BenchError):
            system_calls.parse(table + total.replace("21748", "21749"))
        with self.assertRaises(processes.BenchError):
            system_calls.parse("strace: Process 7 detached\n")

    def test_are_those_of_the_block_and_of_every_thread(self):
        if reason := system_calls.refusal():
            self.skipTest(reason)
        # One thread answers each line with a getppid(2); main hands it the lines.
        script = (
            "import os, queue, sys, threading\n"
            "lines = queue.SimpleQueue()\n"
            "def answer():\n"
            "    while lines.get(): os.getppid(); os.write(1, b'x\\n')\n"
            "thread = threading.Thread(target=answer, daemon=True)\n"
            "thread.start()\n"
            "while line := os.read(0, 1): lines.put(line)\n"
        )
        command = [sys.executable, "-c", script]
        child = processes.start(command, None, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        try:
            lines = processes.Lines(child, "the child")

            def ask(times):
                for _ in range(times):
                    child.stdin.write(b"\n")
                    lines.next(TIMEOUT_S)

            ask(3)
            with system_calls.counted(child.pid, None) as counts:
                ask(5)
            ask(1)
        finally:
            processes.stop(child)
        self.assertEqual(counts["getppid"], 5)

    def test_cannot_be_counted_of_what_has_ended(self):
        if reason := system_calls.refusal():
            self.skipTest(reason)
        child = processes.start(["true"], None)
        child.wait(TIMEOUT_S)
        with self.assertRaises(processes.BenchError):
            with system_calls.counted(child.pid, None):
                pass


if __name__ == "__main__":
    MILLRACE = sys.argv.pop(1)
    BENCH_LOAD = sys.argv.pop(1)
    unittest.main(verbosity=2)
