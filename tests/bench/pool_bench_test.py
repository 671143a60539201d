"""The tools around pools and health checks run and report; no figure is judged.

Run by ctest as: python3 pool_bench_test.py PATH_OF_MILLRACE PATH_OF_BENCH_LOAD"""

import os
import pathlib
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
import open_loop  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
TIMEOUT_S = 100
MILLRACE = BENCH_LOAD = ""


class PoolBenchTest(unittest.TestCase):
    def run_tool(self, name, *arguments):
        done = subprocess.run([sys.executable, HERE / name, "--millrace", MILLRACE, "--load", BENCH_LOAD, *arguments],
                              capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    @unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "pool_cost pins the proxy and the load to two CPUs")
    def test_pool_cost_compares_two_runs(self):
        self.assertIn("with a pool over without", self.run_tool("pool_cost", "--rounds", "1", "--seconds", "0.2"))

    def test_health_cost_counts_the_checks(self):
        out = self.run_tool("health_cost", "--seconds", "2")
        self.assertIn("tcp: ", out)
        self.assertIn("send and expect: ", out)

    def test_arrivals_are_even_or_random_and_never_go_back(self):
        self.assertEqual(open_loop.due_times(4, 1, "even"), [0, 0.25, 0.5, 0.75])
        drawn = open_loop.due_times(100, 10, "random")
        self.assertEqual(drawn, sorted(drawn))
        self.assertLess(drawn[-1], 10)

    def test_a_percentile_of_nothing_is_nothing(self):
        self.assertIsNone(open_loop.percentile([], 0.5))
        self.assertEqual(open_loop.percentile([3, 1, 2], 0.5), 2)


if __name__ == "__main__":
    BENCH_LOAD = sys.argv.pop()
    MILLRACE = sys.argv.pop()
    unittest.main()
