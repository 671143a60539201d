"""deploy/install-dependencies on a machine that has nothing: dpkg's own database is an empty one here
(DPKG_ADMINDIR, dpkg(1)), and nothing is installed."""

import os
import pathlib
import subprocess

import harness

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "deploy/install-dependencies"


class InstallTest(harness.Case):
    def ask(self, *arguments, database=None):
        environment = dict(os.environ)
        if database is not None:
            environment["DPKG_ADMINDIR"] = database
        done = subprocess.run([SCRIPT, *arguments], env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split()

    def test_on_a_fresh_machine_everything_is_missing(self):
        empty = self.folder()
        open(os.path.join(empty, "status"), "w", encoding="ascii").close()
        for purpose in ("build", "dpdk", "test", "bench", "all"):
            wanted = self.ask("--for", purpose, "--list")
            self.assertIn("g++", wanted)
            self.assertEqual(self.ask("--for", purpose, "--missing", database=empty), wanted)

    def test_here_nothing_is_missing(self):
        # tests/run has installed them.
        self.assertEqual(self.ask("--for", "test", "--missing"), [])


if __name__ == "__main__":
    harness.main()
