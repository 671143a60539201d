"""`millrace ctl` with a running proxy: every command, as tables and as JSON, over the socket and over TCP, and
what it says when something is not as it should be."""

import json
import os
import subprocess

import admin_client
import harness
import peers
from harness import BINARY, Millrace, config, eventually

TOKEN = "integration-test-token-0123456789"


class CtlCase(harness.Case):
    def start(self, **changes):
        self.runtime = self.folder()
        self.socket = f"{self.runtime}/admin.sock"
        self.upstream = self.use(peers.EchoProcess())
        admin = {"enable": "on", "bind": f"unix:{self.socket}"}
        self.config = config(self.upstream.address, "127.0.0.1:9", **{
            "upstream": {"pool": {"idle": 1}}, "admin": admin, **changes})
        self.proxy = self.use(Millrace(self.config))
        self.proxy.wait_log("admin API: ")
        self.where = ["--socket", self.socket]

    def run_ctl(self, *words, code=0, stdin=None):
        """(stdout, stderr) of a command that ends with this exit code."""
        done = subprocess.run([BINARY, "ctl", *self.where, *words], capture_output=True, text=True,
                              timeout=harness.DEADLINE_S, input=stdin, check=False)
        self.assertEqual(done.returncode, code, f"{words}: {done.stdout}{done.stderr}")
        return done.stdout, done.stderr

    def ctl(self, *words, **more):
        return self.run_ctl(*words, **more)[0]

    def as_json(self, *words):
        return json.loads(self.ctl("--json", *words))

    def rows(self, *words):
        """The lines of a table under its titles."""
        return self.ctl(*words).splitlines()[1:]


class CommandsTest(CtlCase):
    def setUp(self):
        super().setUp()
        self.start()
        self.client = self.use(self.proxy.connect())
        peers.ask(self.client)

    def test_what_is_there(self):
        text = self.ctl("status")
        self.assertIn(f"process {self.proxy.pid}, ", text)
        self.assertRegex(text, r"(?m)^sessions +1 open; ")
        self.assertRegex(text, r"(?m)^endpoints +2 of 2 up$")
        self.assertEqual(self.as_json("status")["pid"], self.proxy.pid)
        for words, count in ((["listeners"], 1), (["upstreams"], 1), (["endpoints"], 2), (["endpoints", "up"], 2),
                             (["pools"], 1), (["workers"], 2)):
            self.assertEqual(len(self.rows(*words)), count, words)
            self.assertTrue(self.as_json(*words), words)
        self.assertIn(self.upstream.address, self.ctl("endpoints"))
        self.assertIn("generation", self.as_json("config", "show"))
        # What is shown is a configuration, comments and all.
        shown = os.path.join(self.runtime, "shown.yaml")
        with open(shown, "w", encoding="utf-8") as file:
            file.write(self.ctl("config", "show"))
        subprocess.run([BINARY, "check", "-c", shown], check=True, capture_output=True)
        self.assertEqual(self.ctl("config", "diff", shown), "a reload would change nothing\n")

    def test_orders_to_an_endpoint(self):
        def endpoint():
            return self.as_json("endpoints", "up")["endpoints"][0]

        address = self.upstream.address
        self.assertRegex(self.ctl("endpoint", "up", address, "drain"), rf"(?m)^up +{address} +draining ")
        self.assertEqual(endpoint()["override"], {"state": "drain", "weight": None})
        self.ctl("endpoint", "up", address, "weight", "7")
        self.assertEqual(endpoint()["override"], {"state": "drain", "weight": 7})
        self.assertIn(f"# Not in the file: upstream up, endpoint {address}: drain, weight 7\n",
                      self.ctl("config", "show"))
        self.ctl("reload", "--keep-overrides")
        self.assertEqual(endpoint()["override"], {"state": "drain", "weight": 7})
        self.ctl("endpoint", "up", address, "maintenance")
        self.assertEqual(endpoint()["state"], "maintenance")
        self.ctl("endpoint", "up", address, "ready")
        self.ctl("endpoint", "up", address, "weight", "default")
        self.assertIsNone(endpoint()["override"])
        self.ctl("endpoint", "up", address, "drain")
        self.assertEqual(self.ctl("reload"), "configuration 3 is in force: no changes\n")
        self.assertIsNone(endpoint()["override"])

    def test_sessions(self):
        others = [self.use(self.proxy.connect()) for _ in range(20)]
        for other in others:
            peers.ask(other)
        name = "%s:%d" % self.client.getsockname()
        row, = self.rows("sessions", "--client", name)
        session = row.split()[0]
        self.assertRegex(self.ctl("session", "show", session), rf"(?m)^client +{name}$")
        self.assertEqual(self.as_json("session", "show", session)["client"], name)
        self.assertEqual(len(self.rows("sessions")), 21)
        shown, note = self.run_ctl("sessions", "--limit", "5")
        self.assertEqual(len(shown.splitlines()), 6)
        self.assertIn("--all", note)
        self.assertEqual(len(self.as_json("sessions", "--limit", "5")["sessions"]), 5)
        everything = self.as_json("sessions", "--all", "--listener", "main", "--upstream", "up")
        self.assertEqual((len(everything["sessions"]), everything["next"]), (21, None))
        self.run_ctl("sessions", "end", "--upstream", "up", "--endpoint", self.upstream.address, "--limit", "1", code=2)
        self.assertEqual(len(self.rows("sessions")), 21)
        self.assertEqual(self.ctl("session", "end", session), "1 session ended\n")
        self.assertEqual(peers.read_all(self.client)[1], "reset")
        self.assertEqual(self.ctl("sessions", "end", "--upstream", "up", "--endpoint", self.upstream.address),
                         "20 sessions ended\n")
        eventually(lambda: not self.rows("sessions"), "no session is left")

    def test_a_candidate(self):
        candidate = json.loads(json.dumps(self.config))
        candidate["listeners"][0]["timeouts"] = {"idle": "20m"}
        text = self.ctl("config", "diff", "-", stdin=json.dumps(candidate))
        self.assertRegex(text, r"(?m)^listener +main +- +changed +1 +\S+ +timeouts.idle$")
        path = os.path.join(self.runtime, "bad.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("listeners: 5\n")
        text = self.ctl("config", "diff", path, code=1)
        self.assertIn(f"{path}:1:12: error: ", text)
        self.assertIn("cannot read", self.run_ctl("config", "diff", "/nonexistent", code=2)[1])
        with open(self.proxy.path, "w", encoding="utf-8") as file:
            file.write("listeners: 5\n")
        said = self.run_ctl("reload", code=1)[1]
        self.assertIn(":1:12: error: ", said)
        self.assertIn("reload refused: configuration 1 stays in force", said)

    def test_the_log_and_the_end(self):
        self.assertEqual(self.ctl("log-level"), "info\n")
        self.assertEqual(self.ctl("log-level", "error"), "error\n")
        self.assertEqual(self.as_json("log-level"), {"level": "error"})
        self.assertEqual(self.ctl("drain", "--for", "forever"), "draining\n")
        self.assertIn("draining already", self.run_ctl("drain", code=1)[1])
        self.client.close()
        self.assertEqual(self.proxy.wait_exit(), 0)
        self.assertIn("is millrace running", self.run_ctl("status", code=1)[1])


class TroubleTest(CtlCase):
    def test_over_tcp_it_needs_the_token(self):
        token = os.path.join(self.folder(), "token")
        with open(token, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as file:
            file.write(TOKEN + "\n")
        self.start(admin={"enable": "on", "bind": "127.0.0.1:0", "token_file": token})
        self.where = ["--url", admin_client.of(self.proxy).address]
        if not self.where[1].startswith("http://"):
            self.where[1] = "http://" + self.where[1]
        self.assertIn("asks for a token: --token-file FILE", self.run_ctl("status", code=1)[1])
        self.assertIn("ready", self.ctl("--token-file", token, "status"))
        with open(token, "w", encoding="ascii") as file:
            file.write("another-token-that-is-wrong\n")
        self.assertIn("another token than", self.run_ctl("status", "--token-file", token, code=1)[1])
        self.run_ctl("status", "--token-file", "/nonexistent", code=2)

    def test_what_the_api_refuses_is_said(self):
        self.start()
        for words, said in ((["endpoints", "none"], "no upstream has that name"),
                            (["endpoint", "up", "10.9.9.9:1", "drain"], "has no endpoint 10.9.9.9:1"),
                            (["sessions", "--client", "x"], "'client' is an IP address"),
                            (["session", "show", "1.2"], "WORKER.SLOT.GENERATION"),
                            (["session", "end", "0.0.77"], "no session has that id"),
                            (["drain", "--for", "soon"], "'for'")):
            self.assertIn(said, self.run_ctl(*words, code=1)[1])
            text, note = self.run_ctl("--json", *words, code=1)
            self.assertIn(said, note)
            if words[0] != "sessions":
                self.assertIn(said, json.loads(text)["error"])

    def test_files_that_are_none(self):
        self.start()
        self.assertIn("EISDIR", self.run_ctl("config", "diff", self.runtime, code=2)[1])
        self.assertIn("at most", self.run_ctl("config", "diff", "/dev/zero", code=1)[1])

    def test_an_answer_that_nobody_takes(self):
        """Neither a reader that has gone nor a full disk is a reason to abort, and the latter is said."""
        self.start()
        for _ in range(100):
            peers.ask(self.use(self.proxy.connect()))
        for words in (["sessions", "--all"], ["--json", "sessions", "--all"], ["workers"]):
            command = [BINARY, "ctl", *self.where, *words]
            reader, writer = os.pipe()
            os.close(reader)
            with open(writer, "wb") as gone, open("/dev/full", "wb") as full:
                done = subprocess.run(command, stdout=gone, stderr=subprocess.PIPE, check=False)
                self.assertEqual((done.returncode, done.stderr), (1, b""), words)
                done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
            self.assertEqual(done.returncode, 1, words)
            self.assertIn(b"cannot write the answer: No space left", done.stderr)

    def test_an_answer_of_another_shape(self):
        self.runtime = self.folder()
        body = b'{"listeners": [1], "endpoints": [{"override": 5}], "effective": 5, "sessions": [], "next": ""}'

        def answer(connection):
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

        stranger = self.use(peers.Upstream(answer))
        self.where = ["--url", f"http://{stranger.address}"]
        for words in (["listeners"], ["endpoints"], ["config", "show"]):
            self.assertIn("another shape", self.run_ctl(*words, code=1)[1])
            self.assertEqual(json.loads(self.ctl("--json", *words))["effective"], 5)
        self.assertIn("do not go on", self.run_ctl("sessions", "--all", code=1)[1])

    def test_an_address_where_something_else_listens(self):
        self.runtime = self.folder()
        stranger = self.use(peers.Upstream(peers.named(b"220 hello\r\n")))
        self.where = ["--url", f"http://{stranger.address}"]
        self.assertIn("not HTTP", self.run_ctl("status", code=1)[1])
        self.where = ["--url", "tcp://nowhere"]
        self.assertIn("http://127.0.0.1:9464", self.run_ctl("status", code=2)[1])


if __name__ == "__main__":
    harness.main()
