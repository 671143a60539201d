"""The admin API of the real binary: every request it takes, over a UNIX socket and over TCP with a token, and
whatever a careless or hostile client may send, while sessions go on."""

import concurrent.futures
import json
import os
import socket
import stat
import sys
import urllib.parse

import admin_client
import harness
import peers
from admin_client import Api
from harness import Millrace, config, eventually

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is missing (deploy/install-dependencies --for test)")
    sys.exit(harness.SKIPPED)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOKEN = "integration-test-token-0123456789"
with open(os.path.join(ROOT, "docs", "admin-api.openapi.json"), encoding="utf-8") as _file:
    OPENAPI_BYTES = _file.read()
OPENAPI = json.loads(OPENAPI_BYTES)


def resolved(schema):
    """A schema of the document, which finds the others it refers to."""
    return {**schema, "components": OPENAPI["components"]}


def response_schema(path, method, status):
    response = OPENAPI["paths"][path][method.lower()]["responses"][str(status)]
    if "$ref" in response:
        response = OPENAPI["components"]["responses"][response["$ref"].rpartition("/")[2]]
    return response["content"]["application/json"]["schema"]


class AdminCase(harness.Case):
    def setUp(self):
        super().setUp()
        self.runtime = self.folder()
        self.upstream = self.use(peers.EchoProcess())

    def admin(self, tcp=False):
        if not tcp:
            return {"enable": "on", "bind": f"unix:{self.runtime}/admin.sock"}
        path = os.path.join(self.runtime, "token")
        with open(path, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as file:
            file.write(TOKEN + "\n")
        return {"enable": "on", "bind": "127.0.0.1:0", "token_file": path}

    def start(self, tcp=False, **changes):
        changes.setdefault("upstream", {"pool": {"idle": 1}})
        self.config = config(self.upstream.address, "127.0.0.1:9", admin=self.admin(tcp), **changes)
        self.proxy = self.use(Millrace(self.config))
        self.api = admin_client.of(self.proxy, TOKEN if tcp else None)

    def check(self, method, path, status=200, body=None, schema_of=None, **names):
        """Asks, and compares the answer with what the OpenAPI document says of it. schema_of: of that path."""
        target = path
        for name, value in names.items():
            target = target.replace("{" + name + "}", urllib.parse.quote(value, safe=""))
        got, document, headers = self.api.ask(method, target, body)
        self.assertEqual(got, status, f"{method} {target}: {document}")
        jsonschema.Draft202012Validator(resolved(response_schema(schema_of or path, method, status))).validate(document)
        self.assertEqual(headers["Cache-Control"], "no-store")
        return document

    def assert_alive(self):
        self.assertIsNone(self.proxy.process.poll())
        with self.proxy.connect() as client:
            peers.ask(client)
        self.check("GET", "/v1/status")


class EveryRouteTest(AdminCase):
    def test_over_a_unix_socket(self):
        self.start()
        mode = os.stat(self.api.address.removeprefix("unix:")).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode), 0o660)
        self.ask_everything()

    def test_over_tcp_with_the_token(self):
        self.start(tcp=True)
        self.ask_everything()

    def ask_everything(self):
        long_lived = self.use(self.proxy.connect())
        peers.ask(long_lived)
        asked = set()

        def check(method, path, *rest, **more):
            asked.add((method, path))
            return self.check(method, path, *rest, **more)

        status = check("GET", "/v1/status")
        self.assertEqual(status["pid"], self.proxy.pid)
        self.assertEqual(status["state"], "ready")
        for part in ("listeners", "upstreams", "workers"):
            self.assertEqual(len(check("GET", f"/v1/{part}")[part]), len(status[part]))
        self.assertEqual(check("GET", "/v1/upstreams/{name}", name="up")["name"], "up")
        self.assertEqual([endpoint["upstream"] for endpoint in check("GET", "/v1/endpoints")["endpoints"]],
                         ["up", "up"])
        self.assertEqual([pool["upstream"] for pool in check("GET", "/v1/pools")["pools"]], ["up"])
        shown = check("GET", "/v1/config")
        self.assertEqual((shown["generation"], shown["file"], shown["overrides"]), (1, self.proxy.path, []))
        self.endpoints(check)
        self.reload(check)
        self.sessions(check, long_lived)
        self.assertEqual(check("GET", "/v1/log"), {"level": "info"})
        self.assertEqual(check("PUT", "/v1/log", body={"level": "error"}), {"level": "error"})
        self.assertEqual(check("PUT", "/v1/log", body={"level": "info"}), {"level": "info"})
        self.assertEqual(check("GET", "/v1/openapi.json"), OPENAPI)
        self.assertEqual(peers.ask(long_lived, b"still here"), b"still here")
        log = self.proxy.wait_log("PUT /v1/log by " + ("127.0.0.1:" if self.api.token else f"uid {os.getuid()} pid "))
        self.assertNotIn(TOKEN, log)
        check("POST", "/v1/drain", body={"for": "forever"})
        check("POST", "/v1/drain", 409)
        self.check("POST", "/v1/reload", 503)
        self.assertEqual(self.check("GET", "/v1/status")["state"], "draining")
        self.assertEqual(asked, {(method.upper(), path) for path, operations in OPENAPI["paths"].items()
                                 for method in operations})
        long_lived.close()
        self.assertEqual(self.proxy.wait_exit(), 0)

    def endpoints(self, check):
        path = "/v1/upstreams/{name}/endpoints/{address}"
        first = self.upstream.address
        drained = check("POST", path, body={"state": "drain"}, name="up", address=first)
        self.assertEqual((drained["state"], drained["override"]), ("draining", {"state": "drain", "weight": None}))
        # What is left out stays as it was ordered.
        both = check("POST", path, body={"weight": 7}, name="up", address=first)
        self.assertEqual(both["override"], {"state": "drain", "weight": 7})
        self.assertEqual(self.check("GET", "/v1/config")["overrides"],
                         [{"upstream": "up", "endpoint": first, "state": "drain", "weight": 7}])
        self.assertEqual(self.check("GET", "/v1/status")["config"]["overrides"], 1)
        # An override survives a reload only if that is told to keep it.
        self.check("POST", "/v1/reload", body={"overrides": "keep"})
        self.assertEqual(len(self.check("GET", "/v1/config")["overrides"]), 1)
        self.check("POST", "/v1/reload")
        self.assertEqual(self.check("GET", "/v1/config")["overrides"], [])
        resting = check("POST", path, body={"state": "maintenance"}, name="up", address="127.0.0.1:9")
        self.assertEqual(resting["state"], "maintenance")
        back = check("POST", path, body={"state": "ready", "weight": None}, name="up", address="127.0.0.1:9")
        self.assertIsNone(back["override"])
        for upstream, address in (("up", "127.0.0.1:10"), ("none", first)):
            check("POST", path, 404, body={"state": "drain"}, name=upstream, address=address)
        for bad in ({}, {"state": "down"}, {"state": 1}, {"weight": 1001}, {"weight": -1}, {"weight": "1"},
                    {"weight": 1.5}, {"state": "drain", "x": 1}):
            check("POST", path, 400, body=bad, name="up", address=first)
        self.check("GET", "/v1/upstreams/{name}", 404, name="none")

    def sessions(self, check, long_lived):
        client = "%s:%d" % long_lived.getsockname()
        of_it = f"/v1/sessions?client={urllib.parse.quote(client)}"
        row = self.check("GET", of_it, schema_of="/v1/sessions")["sessions"][0]
        self.assertEqual(check("GET", "/v1/sessions")["sessions"][0]["id"], row["id"])
        self.assertEqual((row["state"], row["listener"], row["upstream"], row["endpoint"], row["client"]),
                         ("relaying", "main", "up", self.upstream.address, client))
        self.assertGreater(row["bytes_to_upstream"], 0)
        self.assertEqual(check("GET", "/v1/sessions/{id}", id=row["id"])["id"], row["id"])

        other = self.use(self.proxy.connect())
        peers.ask(other)
        other_client = "%s:%d" % other.getsockname()
        rows = check("GET", "/v1/sessions")["sessions"]
        found = next(each for each in rows if each["client"] == other_client)
        self.assertEqual(check("DELETE", "/v1/sessions/{id}", id=found["id"]), {"ended": 1})
        with self.assertRaises(ConnectionResetError):
            other.recv(1)
        eventually(lambda: self.api.ask("GET", f"/v1/sessions/{found['id']}")[0] == 404, "the session is gone")
        check("DELETE", "/v1/sessions/{id}", 404, id=found["id"])
        for bad in ("x", "1.2", "1.2.3.4", "-1.0.0", "0.0.99999999999"):
            check("GET", "/v1/sessions/{id}", 400, id=bad)
            check("DELETE", "/v1/sessions/{id}", 400, id=bad)
        check("GET", "/v1/sessions/{id}", 404, id="99.0.1")
        check("DELETE", "/v1/sessions", 400)

    def reload(self, check):
        generation = self.check("GET", "/v1/config")["generation"]
        candidate = json.loads(json.dumps(self.config))
        candidate["listeners"][0]["timeouts"] = {"idle": "20m"}
        candidate["listeners"].append({"name": "more", "bind": "127.0.0.1:0", "upstream": "up"})
        impact = check("POST", "/v1/config/diff", body=candidate)
        self.assertTrue(impact["valid"])
        self.assertEqual({(row["what"], row["name"], row["change"], tuple(row["fields"]), row["sessions"])
                          for row in impact["changes"]},
                         {("listener", "main", "changed", ("timeouts.idle",), 1), ("listener", "more", "added", (), 0)})
        bad = json.loads(json.dumps(self.config))
        bad["listeners"][0]["upstream"] = "nobody"
        bad["workers"]["count"] = "many"
        impact = self.check("POST", "/v1/config/diff", body=bad)
        self.assertFalse(impact["valid"])
        self.assertEqual(len(impact["problems"]), 2)
        elsewhere = json.loads(json.dumps(self.config))
        elsewhere["workers"]["count"] = 1
        self.assertEqual(len(self.check("POST", "/v1/config/diff", body=elsewhere)["needs_restart"]), 1)
        self.assertEqual(self.check("GET", "/v1/config")["generation"], generation, "a diff changes nothing")

        self.proxy.write(candidate)
        done = check("POST", "/v1/reload", body={})
        self.assertEqual(done, {"generation": generation + 1, "summary": "1 listener added, 1 listener changed"})
        self.proxy.write(bad)
        refused = check("POST", "/v1/reload", 409)
        self.assertEqual(len(refused["problems"]), 2)
        self.assertEqual(self.check("GET", "/v1/config")["generation"], generation + 1)
        self.proxy.write(candidate)
        check("POST", "/v1/reload", 400, body={"overrides": "maybe"})


class AnswersTest(AdminCase):
    def test_each_path_takes_the_methods_that_the_document_says(self):
        self.start()
        served = self.api.ask("GET", "/v1/openapi.json")[1]
        self.assertEqual(served, OPENAPI)
        for path, operations in OPENAPI["paths"].items():
            target = path.replace("{name}", "up").replace("{address}", "127.0.0.1:9").replace("{id}", "0.0.0")
            status, document, headers = self.api.ask("PATCH", target)
            self.assertEqual(status, 405, path)
            allowed = {method.upper() for method in operations}
            self.assertEqual(set(headers["Allow"].split(", ")) - {"HEAD"}, allowed)
            self.assertIn(headers["Allow"], document["error"])
        self.assertEqual(self.api.ask("HEAD", "/v1/status")[0], 200)

    def test_the_two_servers_do_not_serve_each_other(self):
        self.start()
        for path in ("/", "/metrics", "/healthz", "/readyz", "/status.json", "/status.css"):
            self.assertIn(self.api.ask("GET", path)[0], (400, 404), path)
        for path in ("/v1/status", "/v1/config", "/v1/openapi.json"):
            self.assertEqual(self.proxy.get(path)[0], 404, path)

    def test_tricks_with_paths(self):
        self.start()
        for target, status in (("/v1/../v1/status", 400), ("/v1/%2e%2e/status", 400), ("//v1/status", 400),
                               ("/v1//status", 400), ("/v1/status/", 400), ("/v1/status%00", 400),
                               ("/v1/status%0d%0aX:y", 400), ("/v1/stat%75s", 200), ("/v1/status?x=1", 400),
                               ("/v1/status?", 200), ("http://millrace/v1/status", 400), ("*", 400), ("/V1/status", 404),
                               ("/v1/upstreams/..%2fstatus", 404), ("/v1/" + "a" * 5000, 400), ("/v1/%", 400)):
            got, document, _ = self.api.ask("GET", target)
            self.assertEqual(got, status, f"{target[:60]}: {document}")
            if status != 200:
                self.assertEqual(document["status"], status)
        answer = self.api.raw(b"GET /v1/status\0x HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertNotIn(b'"pid"', answer)
        self.assertIn(self.api.raw(b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")[:12],
                      (b"HTTP/1.1 414", b"HTTP/1.1 413", b"HTTP/1.1 431", b"HTTP/1.0 414", b""))
        self.assert_alive()

    def test_bodies_that_are_wrong(self):
        self.start()
        for body in ("{", "[]", "null", "{\"level\":}", "{\"level\":\"loud\"}", "{\"level\":\"debug\",\"level\":\"info\"}",
                     "{\"level\":1e999}", "{\"level\":" * 1000, "[" * 60_000, "\xff", "\0", "{\"levle\":\"info\"}"):
            status, document, _ = self.api.ask("PUT", "/v1/log", body.encode("latin-1"))
            self.assertEqual(status, 400, body[:40])
            self.assertTrue(document["error"])
        self.assertIn("line 2, column 3", self.api.ask("PUT", "/v1/log", b"{\n  x}")[1]["error"])
        for path, most in (("/v1/log", 64 << 10), ("/v1/config/diff", 8 << 20)):
            method = "PUT" if path == "/v1/log" else "POST"
            with self.api.connect() as client:  # It answers before the body comes.
                client.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {most + 1}\r\n\r\n".encode())
                self.assertTrue(client.recv(65536).startswith(b"HTTP/1.1 413 "))
            self.assertNotIn(self.api.ask(method, path, b" " * most)[0], (413, 503), "the most it says it takes")
        huge = self.api.raw(b"PUT /v1/log HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n")
        self.assertRegex(huge[:13], rb"HTTP/1.1 4(00|13) ")
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        self.assertEqual(self.api.raw(b"PUT /v1/log HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 2
                                      + b"0\r\n\r\n"), b"", "a chunked body that is too long is cut")
        for garbage in (b"\0" * 1000, b"\xff" * 1000, b"GET\r\n\r\n", b"\r\n" * 1000, b"PUT /v1/log HTTP/9.9\r\n\r\n"):
            self.assertNotIn(b"HTTP/1.1 200", self.api.raw(garbage))
        self.assert_alive()
        refused = self.proxy.metrics()
        self.assertEqual(refused.value("admin_requests_refused_total", reason="body_too_long"), 2)
        self.assertGreater(refused.value("admin_requests_refused_total", reason="syntax"), 10)


class SessionsTest(AdminCase):
    def ask(self, query, status=200, method="GET"):
        return self.check(method, "/v1/sessions" + query, status, schema_of="/v1/sessions")

    def crowd(self, count):
        clients = [self.use(self.proxy.connect()) for _ in range(count)]
        for client in clients:
            peers.ask(client)
        return clients

    def test_pages_show_each_once(self):
        self.start()
        clients = {"%s:%d" % client.getsockname() for client in self.crowd(120)}
        seen, cursor = [], ""
        for _ in range(100):
            page = self.ask("?limit=7" + cursor)
            self.assertLessEqual(len(page["sessions"]), 7)
            seen += [row["client"] for row in page["sessions"]]
            if page["next"] is None:
                break
            cursor = "&cursor=" + page["next"]
        self.assertIsNone(page["next"])
        self.assertEqual(len(seen), len(set(seen)))
        self.assertEqual(set(seen), clients)

    def test_filters(self):
        self.start()
        client = "%s:%d" % self.crowd(3)[0].getsockname()
        for query, count in ((f"?client={client}", 1), ("?client=127.0.0.1", 3), ("?client=%5B::1%5D", 0), ("?client=::1", 0),
                             ("?listener=main", 3), ("?listener=none", 0), ("?upstream=up&listener=main", 3),
                             (f"?endpoint={self.upstream.address}", 3), ("?endpoint=127.0.0.1:9", 0)):
            self.assertEqual(len(self.ask(query)["sessions"]), count, query)
        for query in ("?client=somebody", "?client=127.0.0.1:x", "?client=unix:/x", "?limit=0", "?limit=1001", "?limit=-1",
                      "?limit=1x", "?cursor=x", "?cursor=1", "?listener=", "?state=relaying", "?limit=1&limit=2"):
            self.ask(query, 400)
        self.assertEqual(self.ask("?cursor=99.0"), {"sessions": [], "next": None})

    def test_the_end_of_all_of_an_endpoint(self):
        self.start()
        clients = self.crowd(150)
        endpoint = urllib.parse.quote(self.upstream.address)
        self.ask("?upstream=up", 400, "DELETE")
        self.ask(f"?endpoint={endpoint}", 400, "DELETE")
        self.ask("?upstream=up&endpoint=127.0.0.1:10", 404, "DELETE")
        self.assertEqual(self.ask("?upstream=up&endpoint=127.0.0.1:9", 200, "DELETE"), {"ended": 0})
        self.assertEqual(self.ask(f"?upstream=up&endpoint={endpoint}", 200, "DELETE"), {"ended": 150})
        for client in clients:
            with self.assertRaises(ConnectionResetError):
                client.recv(1)
        eventually(lambda: self.proxy.metrics().value("sessions_total", listener="main", upstream="up", actor="admin",
                                                      cause="reset") == 150, "all are counted")
        self.assert_alive()


class TokenTest(AdminCase):
    def test_without_it_there_is_nothing(self):
        self.start(tcp=True)
        for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN},
                       {"Authorization": "Basic " + TOKEN}, {"Authorization": "Bearer " + TOKEN + "0"},
                       {"Authorization": "Bearer " + TOKEN[:-1]}, {"Authorization": "Bearer " + "x" * 5000}):
            for method, target in (("GET", "/v1/status"), ("POST", "/v1/drain"), ("GET", "/v1/nothing"), ("GET", "//")):
                status, document, headers = Api(self.api.address).ask(method, target, headers=header)
                self.assertEqual((status, document["status"]), (401, 401))
                self.assertTrue(headers["WWW-Authenticate"].startswith("Bearer"))
        self.assertEqual(self.proxy.metrics().value("admin_requests_refused_total", reason="token"), 28)
        self.assertEqual(self.check("GET", "/v1/status")["state"], "ready")

    def test_is_read_again_by_a_reload(self):
        self.start(tcp=True)
        path = self.config["admin"]["token_file"]
        with open(path, "w", encoding="ascii") as file:
            file.write("another-token-of-the-test-98765\n")
        os.chmod(path, 0o644)
        self.check("POST", "/v1/reload")
        self.assertEqual(self.api.ask("GET", "/v1/status")[0], 401)
        self.proxy.wait_log("is open to others")
        self.api.token = "another-token-of-the-test-98765"
        with open(path, "w", encoding="ascii") as file:
            file.write("short")
        self.check("POST", "/v1/reload")
        self.proxy.wait_log("the token stays as it was")
        self.check("GET", "/v1/status")


class CrowdTest(AdminCase):
    def test_slow_requests_do_not_keep_good_ones_out(self):
        self.start()
        for half in (b"", b"GET /v1/sta", b"PUT /v1/log HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{\"lev"):
            for _ in range(30):
                self.use(self.api.connect()).sendall(half)
        self.assert_alive()

    def test_a_hundred_at_once_are_all_answered(self):
        self.start()
        session = self.use(self.proxy.connect())
        with concurrent.futures.ThreadPoolExecutor(100) as pool:
            paths = ("/v1/status", "/v1/config", "/v1/endpoints", "/v1/log")
            answers = list(pool.map(lambda i: self.api.ask("GET", paths[i % len(paths)])[0], range(400)))
        self.assertEqual(set(answers), {200})
        self.assertEqual(peers.ask(session, b"meanwhile"), b"meanwhile")

    def test_reloads_at_once_are_all_answered(self):
        self.start()
        session = self.use(self.proxy.connect())
        peers.ask(session)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = [each[1]["generation"] for each in pool.map(lambda _: self.api.ask("POST", "/v1/reload"), range(8))]
        self.assertEqual(sorted(answers), list(range(2, 10)))
        self.assertEqual(peers.ask(session, b"meanwhile"), b"meanwhile")


class StartTest(AdminCase):
    def start_with(self, enable):
        admin = {"enable": enable, "bind": f"unix:{self.runtime}/no-such-folder/admin.sock"}
        return self.use(Millrace(config(self.upstream.address, admin=admin), wait=enable != "on"))

    def test_where_the_address_cannot_be_had(self):
        warned = self.start_with("auto").wait_log("no admin API: cannot listen on unix:")
        self.assertEqual(warned.count("no admin API"), 1)
        refused = self.start_with("on")
        refused.expect_exit = (1,)
        self.assertEqual(refused.wait_exit(), 1)
        self.assertIn("error: cannot listen on unix:", refused.log())

    def test_the_abstract_namespace_needs_a_token(self):
        admin = {"enable": "on", "bind": f"unix:@millrace-test-{os.getpid()}"}
        refused = self.use(Millrace(config(self.upstream.address, admin=admin), wait=False))
        refused.expect_exit = (1, 2)
        self.assertIn(refused.wait_exit(), (1, 2))
        self.assertIn("needs a token_file", refused.log())

    def test_stopping_with_clients_that_wait(self):
        self.start()
        half = self.use(self.api.connect())
        half.sendall(b"PUT /v1/log HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n")
        path = self.api.address.removeprefix("unix:")
        self.assertEqual(self.api.ask("POST", "/v1/drain", {"for": "0"})[:2], (200, {"state": "draining"}))
        self.assertEqual(self.proxy.wait_exit(), 0)
        eventually(lambda: not os.path.exists(path), "the socket's file is gone")


if __name__ == "__main__":
    harness.main()
