"""bench_load does its work, counts it right, and notices when the work was not done. No times are judged.

Run by ctest as: python3 bench_load_test.py PATH_OF_BENCH_LOAD"""

import json
import socket
import subprocess
import sys
import threading
import unittest

BENCH_LOAD = ""
TIMEOUT_S = 60
MESSAGE_BYTES = 64


def run(*arguments, expect=0):
    """The JSON line of a run that must end with the given exit code."""
    done = subprocess.run([BENCH_LOAD, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode != expect:
        raise AssertionError(f"exit code {done.returncode}, not {expect}: {done.stdout}{done.stderr}")
    lines = done.stdout.splitlines()
    if len(lines) != 1:
        raise AssertionError(f"not one line: {done.stdout}")
    return json.loads(lines[0])


class LyingServer:
    """Answers the first byte as it should, and everything else as the given function says."""

    def __init__(self, answer):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.serve, args=(answer,), daemon=True).start()

    def serve(self, answer):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve_one, args=(connection, answer), daemon=True).start()

    @staticmethod
    def serve_one(connection, answer):
        with connection:
            try:
                connection.sendall(connection.recv(1))
                answer(connection)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


class EveryMode(unittest.TestCase):
    def check_latency(self, result):
        self.assertGreater(result["p50_us"], 0)
        self.assertLessEqual(result["p50_us"], result["p99_us"])
        self.assertLessEqual(result["p99_us"], result["p99.9_us"])
        self.assertLessEqual(result["p99.9_us"], result["max_us"])

    def check_counts(self, result):
        self.assertEqual(result["errors"], 0)
        self.assertGreater(result["operations"], 0)
        self.assertGreater(result["seconds"], 0)
        self.assertEqual(result["bytes"], result["operations"] * MESSAGE_BYTES)

    def test_ping_pong_counts_each_round_trip_and_its_bytes(self):
        result = run("pingpong", "--connections", "10", "--seconds", "0.1", "--warmup", "0.05")
        self.check_counts(result)
        self.check_latency(result)
        self.assertGreaterEqual(result["operations"], 10)

    def test_ping_pong_at_a_rate_sends_exactly_what_was_due(self):
        result = run("pingpong", "--connections", "7", "--seconds", "0.2", "--rate", "1000")
        self.check_counts(result)
        self.check_latency(result)
        self.assertEqual(result["operations"], 200)

    def test_a_stall_is_charged_to_every_message_it_delayed(self):
        # One connection, 100 messages due within 0.1 s, and a server that stops for 0.3 s at the first.
        def stall_once(connection):
            message = connection.recv(MESSAGE_BYTES, socket.MSG_WAITALL)
            threading.Event().wait(0.3)
            while message:
                connection.sendall(message)
                message = connection.recv(MESSAGE_BYTES, socket.MSG_WAITALL)

        with LyingServer(stall_once) as server:
            result = run(
                "pingpong", "--target", server.address, "--connections", "1", "--seconds", "0.1", "--rate", "1000"
            )
        self.assertEqual(result["operations"], 100)
        # The stall is 0.3 s and the last message was due after 0.1 s: none waited less than 0.2 s.
        self.assertGreater(result["p50_us"], 200_000)

    def test_connect_exchange_with_reset_and_with_fin(self):
        for arguments, close in (((), "reset"), (("--fin",), "fin")):
            result = run("connect", "--connections", "8", "--seconds", "0.1", *arguments)
            self.check_counts(result)
            self.check_latency(result)
            self.assertEqual(result["close"], close)

    def test_bulk_ends_agree_about_the_bytes_of_every_stream(self):
        for mode in ("bulk-up", "bulk-down"):
            result = run(mode, "--connections", "3", "--seconds", "0.1")
            self.assertEqual(result["errors"], 0)
            self.assertEqual(result["operations"], 3)
            self.assertGreater(result["bytes"], 1_000_000)
            self.assertNotIn("p50_us", result)

    def test_idle_holds_every_session(self):
        result = run("idle", "--connections", "50", "--seconds", "0.05")
        self.assertEqual((result["operations"], result["bytes"], result["errors"]), (50, 50, 0))

    def test_the_handshake_waits_for_its_driver(self):
        command = [BENCH_LOAD, "idle", "--connections", "2", "--seconds", "0", "--handshake"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:
            self.assertEqual(json.loads(load.stdout.readline()), {"event": "ready"})
            load.stdin.write("\n")
            load.stdin.flush()
            self.assertEqual(json.loads(load.stdout.readline())["operations"], 2)
            self.assertIsNone(load.poll())
            load.stdin.write("\n")
            load.stdin.flush()
            self.assertEqual(load.wait(TIMEOUT_S), 0)

    def test_a_server_of_its_own_serves_another_process(self):
        with subprocess.Popen([BENCH_LOAD, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            address = json.loads(server.stdout.readline())["address"]
            result = run("connect", "--target", address, "--connections", "4", "--seconds", "0.1")
            self.check_counts(result)
            server.stdin.close()
            self.assertEqual(server.wait(TIMEOUT_S), 0)


class FailedWork(unittest.TestCase):
    def test_a_refused_connection_fails_every_mode(self):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            address = "127.0.0.1:%d" % probe.getsockname()[1]
        for mode in ("pingpong", "connect", "bulk-up", "bulk-down", "idle"):
            result = run(mode, "--target", address, "--connections", "2", "--seconds", "0.1", expect=1)
            self.assertGreater(result["errors"], 0, mode)
            self.assertIn("ECONNREFUSED", result["first_error"])

    def test_a_changed_reply_is_an_error(self):
        def change(connection):
            while message := connection.recv(MESSAGE_BYTES, socket.MSG_WAITALL):
                connection.sendall(message[:-1] + b"?")

        with LyingServer(change) as server:
            result = run(
                "pingpong", "--target", server.address, "--connections", "1", "--seconds", "0.1", expect=1
            )
        self.assertEqual(result["first_error"], "a wrong reply")

    def test_a_session_that_ends_early_is_an_error(self):
        with LyingServer(lambda connection: connection.recv(10)) as server:
            result = run("connect", "--target", server.address, "--connections", "1", "--seconds", "0.1", expect=1)
        self.assertGreater(result["errors"], 0)

    def test_lost_bulk_bytes_are_an_error(self):
        def lose(connection):
            count = 0
            while received := connection.recv(1 << 20):
                count += len(received)
            connection.sendall((count - 1).to_bytes(8, "big"))

        with LyingServer(lose) as server:
            result = run("bulk-up", "--target", server.address, "--connections", "1", "--seconds", "0.1", expect=1)
        self.assertEqual(result["first_error"], "the ends disagree about the bytes")

    def test_a_held_session_that_ends_is_an_error(self):
        with LyingServer(lambda connection: None) as server:
            result = run("idle", "--target", server.address, "--connections", "1", "--seconds", "1", expect=1)
        self.assertEqual(result["first_error"], "a held session ended")


if __name__ == "__main__":
    BENCH_LOAD = sys.argv.pop(1)
    unittest.main(verbosity=2)
