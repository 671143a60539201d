"""deploy/ecmp/announce with a real BIRD and answers of /readyz that a test gives: when it announces, when it does not, and what
it says when it cannot."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import namespace

import fleet
import harness

ANNOUNCE = str(fleet.DEPLOY / "ecmp" / "announce")
READY, DRAINING = b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 503 Service Unavailable\r\n\r\n"
BIRD = """
log stderr all;
router id 10.0.0.1;
protocol device {}
protocol static millrace_v4 { disabled; ipv4; route 192.0.2.10/32 blackhole; }
protocol static millrace_v6 { disabled; ipv6; route 2001:db8::10/128 blackhole; }
protocol static elsewhere { ipv4; route 192.0.2.99/32 blackhole; }
"""


class Page:
    """What /readyz says; None: nothing, the connection stays open."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self.answer = READY
        self.asked = 0
        self._kept = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.asked += 1
            if self.answer is None:
                self._kept.append(connection)
                continue
            with connection:
                connection.recv(4096)
                connection.sendall(self.answer)

    def stop(self):
        """Nobody listens any more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def close(self):
        if self._listener.fileno() >= 0:
            self.stop()
        for connection in self._kept:
            connection.close()


class AnnounceTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.home = self.folder()
        self.socket = os.path.join(self.home, "bird.ctl")
        with open(os.path.join(self.home, "bird.conf"), "w", encoding="ascii") as file:
            file.write(BIRD)
        self.bird = self.start_bird()
        self.page = self.use(Page())

    def start_bird(self):
        bird = self.use(fleet.Daemon(self.home, "bird", harness.need("bird"), "-f", "-c", os.path.join(self.home, "bird.conf"), "-s",
                                     self.socket, "-P", os.path.join(self.home, "bird.pid")))
        bird.wait_log("Started")
        harness.eventually(lambda: self.birdc("show status")[0] == 0, "an answer of BIRD")
        return bird

    def birdc(self, command):
        done = subprocess.run([harness.need("birdc"), "-s", self.socket, *command.split()], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    def routes(self):
        return self.birdc("show route all")[1]

    def announced(self):
        text = self.routes()
        both = ["192.0.2.10/32" in text, "2001:db8::10/128" in text]
        self.assertIn("192.0.2.99/32", text)  # Nobody else's protocol is touched.
        return all(both) if both[0] == both[1] else None

    def wait_announced(self, wanted):
        harness.eventually(lambda: self.announced() is wanted, f"announced: {wanted}; {self.daemon.log()}")

    def words(self, *more):
        return ["--ready", self.page.address, "--bird", self.socket, "--folder", self.home, "--interval", "30ms", "--hold", "0", *more]

    def start(self, *more, environment=None):
        self.daemon = self.use(fleet.Daemon(self.home, "announce", sys.executable, "-B", ANNOUNCE, "run", *self.words(*more),
                                            environment=environment))
        return self.daemon

    def once(self, command, *more):
        """(exit code, what it said)."""
        done = subprocess.run([sys.executable, "-B", ANNOUNCE, command, *self.words(*more)], capture_output=True, text=True, check=False,
                              timeout=harness.DEADLINE_S)
        return done.returncode, done.stdout + done.stderr

    # --- when

    def test_the_address_is_announced_while_readyz_holds(self):
        self.start()
        self.wait_announced(True)
        self.assertEqual(self.once("status")[0], 0)
        self.page.answer = DRAINING
        self.wait_announced(False)
        self.assertEqual(self.once("status")[0], 1)
        self.page.answer = READY
        self.wait_announced(True)
        self.page.stop()
        self.wait_announced(False)
        self.assertIn("withdrawn: /readyz says 503", self.daemon.log())
        self.assertIn("Millrace does not run", self.daemon.log())

    def test_one_lost_answer_is_not_a_death(self):
        self.start("--timeout", "100ms", "--fall", "5")
        self.wait_announced(True)
        asked = self.page.asked
        self.page.answer = None
        harness.eventually(lambda: self.page.asked >= asked + 3, "three silent checks")
        self.page.answer = READY
        harness.eventually(lambda: self.page.asked >= asked + 8, "checks that pass")
        self.assertNotIn("withdrawn", self.daemon.log())
        self.page.answer = None
        self.wait_announced(False)
        self.assertIn("no answer within 0.1 s", self.daemon.log())

    def test_an_answer_that_is_not_http_is_no_answer(self):
        self.page.answer = b"SSH-2.0-OpenSSH_9.2\r\n"
        self.start("--fall", "2")
        harness.eventually(lambda: self.page.asked > 10, "checks")
        self.assertFalse(self.announced())

    def test_a_flapping_millrace_is_held_back(self):
        self.start("--hold", "600ms")
        self.wait_announced(True)
        self.page.answer = DRAINING
        self.wait_announced(False)
        gone = time.monotonic()
        self.page.answer = READY
        self.wait_announced(True)
        # The withdrawal was seen a little after it happened.
        self.assertGreater(time.monotonic() - gone, 0.3)

    # --- the operator

    def test_a_drain_holds_until_it_is_ended_and_outlives_the_announcer(self):
        self.start()
        self.wait_announced(True)
        begun = time.monotonic()
        code, said = self.once("drain", "--settle", "300ms")
        self.assertEqual((code, self.announced()), (0, False), said)
        self.assertGreaterEqual(time.monotonic() - begun, 0.3)
        asked = self.page.asked
        harness.eventually(lambda: self.page.asked > asked + 5, "checks that pass")
        self.assertFalse(self.announced())
        self.daemon.kill()
        self.start()
        asked = self.page.asked
        harness.eventually(lambda: self.page.asked > asked + 5, "checks by the second announcer")
        self.assertFalse(self.announced())
        self.assertIn("drained", self.once("status")[1])
        self.assertEqual(self.once("resume")[0], 0)
        self.wait_announced(True)

    def test_a_start_ends_the_drain_of_a_stop_and_no_other(self):
        self.start()
        self.wait_announced(True)
        stop, start = ("drain", "--settle", "0", "--until-start"), ("resume", "--until-start")
        self.assertEqual(self.once(*stop)[0], 0)
        self.assertFalse(self.announced())
        self.assertEqual(self.once(*start)[0], 0)
        self.wait_announced(True)
        self.assertEqual(self.once("drain", "--settle", "0")[0], 0)
        self.assertEqual(self.once(*stop)[0], 0)
        self.assertIn("stays so", self.once(*start)[1])
        asked = self.page.asked
        harness.eventually(lambda: self.page.asked > asked + 5, "checks that pass")
        self.assertFalse(self.announced())
        self.assertEqual(self.once("resume")[0], 0)
        self.wait_announced(True)

    def test_a_drain_works_without_an_announcer(self):
        self.birdc('enable "millrace_*"')
        self.assertTrue(self.announced())
        self.assertEqual(self.once("drain", "--settle", "0")[0], 0)
        self.assertFalse(self.announced())

    def test_an_announcer_that_is_stopped_leaves_nothing_announced(self):
        self.start()
        self.wait_announced(True)
        self.daemon.process.send_signal(signal.SIGTERM)
        self.daemon.succeed()
        self.assertFalse(self.announced())

    # --- trouble

    def test_a_bird_that_was_restarted_is_told_again(self):
        self.start()
        self.wait_announced(True)
        self.bird.close()
        harness.eventually(lambda: "cannot announce" in self.daemon.log(), "word of the trouble")
        harness.eventually(lambda: not os.path.exists(self.socket) or self.birdc("show status")[0], "BIRD gone")
        self.bird = self.start_bird()
        self.wait_announced(True)
        self.assertEqual(self.daemon.log().count("cannot announce"), 1)  # Said once, not with every check.

    def test_what_others_did_to_bird_is_put_right(self):
        self.start()
        self.wait_announced(True)
        self.birdc("disable millrace_v6")
        self.wait_announced(True)
        self.page.answer = DRAINING
        self.wait_announced(False)
        self.birdc("enable millrace_v4")
        self.wait_announced(False)

    def test_mistakes_are_named(self):
        for words, code, text in (
                (["--ready", "9464"], 2, "'9464' is not an address"),
                (["--ready", "127.0.0.1:70000"], 2, "is not an address"),
                (["--interval", "0"], 2, "not more than 0"),
                (["--interval", "fast"], 2, "'fast' is not a duration"),
                (["--rise", "0"], 2, "not a number from 1"),
                (["--protocols", 'a" ; disable all'], 2, "not a name of BIRD's protocols"),
                (["--state-file", "/x"], 2, "--state-file goes with --track-file"),
                (["--bird", "/x", "--track-file", "/y"], 2, "not allowed with"),
                (["--folder", "/nowhere/at/all"], 1, "/nowhere/at/all: No such file or directory")):
            with self.subTest(words=words):
                done, said = self.once("run", *words)
                self.assertEqual(done, code, said)
                self.assertIn(text, said)
        self.assertIn("BIRD has 'No protocols match' for 'zebra_*'", self.once("status", "--protocols", "zebra_*")[1])
        self.assertIn("No such file or directory", self.once("drain", "--bird", "/nowhere.ctl")[1])

    def test_it_needs_no_more_than_the_user_of_bird(self):
        if os.geteuid() != 0:
            self.skipTest("only root can become the user bird")
        home = self.folder()
        program, health = os.path.join(home, "announce"), os.path.join(home, "health")
        shutil.copy(ANNOUNCE, program)
        shutil.copy(os.path.join(self.home, "bird.conf"), home)
        with open(health, "w", encoding="ascii") as file:  # Root's, as from a keepalived that was first.
            file.write("1\n")
        os.chmod(health, 0o644)
        shutil.chown(home, "bird", "bird")
        unprivileged = [harness.need("setpriv"), "--reuid", "bird", "--regid", "bird", "--clear-groups", "--no-new-privs"]
        python = shutil.which("python3", path="/usr/bin")  # Another one may be in root's home.
        self.bird.close()
        bird = self.use(fleet.Daemon(home, "bird", harness.need("bird"), "-f", "-u", "bird", "-g", "bird", "-c",
                                     os.path.join(home, "bird.conf"), "-s", os.path.join(home, "ctl"), "-P", os.path.join(home, "pid")))
        bird.wait_log("Started")
        self.socket = os.path.join(home, "ctl")
        common = [*unprivileged, python, program, "run", "--ready", self.page.address, "--folder", home, "--interval", "30ms"]
        self.daemon = self.use(fleet.Daemon(home, "of-bird", *common, "--bird", self.socket))
        self.wait_announced(True)
        tracker = self.use(fleet.Daemon(home, "of-file", *common, "--track-file", health))
        tracker.wait_log("announced: ")
        with open(health, encoding="ascii") as file:
            self.assertEqual(file.read(), "0\n")

    # --- its manager, and keepalived's file

    def test_systemd_hears_of_every_check(self):
        path = os.path.join(self.home, "notify")
        manager = self.use(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        manager.bind(path)
        manager.settimeout(harness.DEADLINE_S)
        self.start(environment={"NOTIFY_SOCKET": path})
        for _ in range(3):
            self.assertEqual(manager.recv(100), b"READY=1\nWATCHDOG=1")

    def test_the_tracked_file_says_what_bird_would_be_told(self):
        health, state = os.path.join(self.home, "health"), os.path.join(self.home, "state")
        words = ["--track-file", health, "--state-file", state]
        plain = ["--ready", self.page.address, "--folder", self.home, "--interval", "30ms", "--hold", "0", *words]

        def value():
            try:
                with open(health, encoding="ascii") as file:
                    return file.read()
            except FileNotFoundError:
                return ""

        self.use(fleet.Daemon(self.home, "announce", sys.executable, "-B", ANNOUNCE, "run", *plain))
        harness.eventually(lambda: value() == "0\n", "well")
        self.page.answer = DRAINING
        harness.eventually(lambda: value() == "1\n", "ill")
        self.page.answer = READY
        harness.eventually(lambda: value() == "0\n", "well again")
        with open(state, "w", encoding="ascii") as file:
            file.write("MASTER\n")
        drain = self.use(fleet.Daemon(self.home, "drain", sys.executable, "-B", ANNOUNCE, "drain", "--settle", "0", *plain))
        harness.eventually(lambda: value() == "1\n", "ill by the drain")
        with self.assertRaises(subprocess.TimeoutExpired):
            drain.process.wait(0.3)  # keepalived is still the owner.
        with open(state, "w", encoding="ascii") as file:
            file.write("BACKUP\n")
        drain.succeed()


if __name__ == "__main__":
    fleet.can("bird", "birdc", "unshare")
    namespace.main()
