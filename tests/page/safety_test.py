"""What the status page cannot be made to do: run a script or load anything that is not its own, take a name for
markup, change anything. Its answers are looked at without a browser, too."""

import gzip
import http.client
import http.server
import json
import re
import threading
import urllib.parse

import browser
import harness
from page_case import PageCase
from scene import Scene, UnixConnection

PATHS = ("/", "/status.css", "/status.js", "/figures.js", "/widgets.js", "/lists.js", "/icon.svg")
MARKUP = ("<b>bold</b>", "<img src=x onerror=window.hit=1>", "<script>window.hit=1</script>", "\"'><svg/onload=window.hit=1>",
          "&lt;i&gt;", "${window.hit=1}", "javascript:window.hit=1")


class Answer:
    def __init__(self, address, path, method="GET", headers=None):
        connection = http.client.HTTPConnection(address, timeout=harness.DEADLINE_S)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            self.status, self.headers, self.body = answer.status, answer.headers, answer.read()
        finally:
            connection.close()


class Relay:
    """In front of a metrics port: the page as it is, and the status document as `change` makes it."""

    def __init__(self, address, change):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802
                answer = Answer(address, self.path)
                body = answer.body
                if self.path == "/status.json":
                    document = json.loads(body)
                    change(document)
                    body = json.dumps(document).encode()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    if name.lower() not in ("content-length", "date", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/" % self._listening.server_address[1]
        self._thread = threading.Thread(target=self._listening.serve_forever, daemon=True)
        self._thread.start()

    def close(self):
        self._listening.shutdown()
        self._listening.server_close()
        self._thread.join()


class PolicyTest(PageCase):
    def setUp(self):
        super().setUp()
        self.scene = self.use(Scene({"redis": 1}))

    def test_every_answer_forbids_what_the_page_does_not_need(self):
        for path in PATHS:
            headers = Answer(self.scene.proxy.metrics_address, path).headers
            policy = {words[0]: words[1:] for part in headers["Content-Security-Policy"].split(";") if (words := part.split())}
            self.assertEqual(policy["default-src"], ["'none'"], path)
            for kind in ("script-src", "style-src", "img-src", "connect-src"):
                self.assertEqual(policy.pop(kind), ["'self'"], path)
            for kind in ("base-uri", "form-action", "frame-ancestors", "trusted-types"):
                self.assertEqual(policy[kind], ["'none'"], path)
            self.assertEqual(policy["require-trusted-types-for"], ["'script'"], path)
            self.assertNotRegex(headers["Content-Security-Policy"], r"unsafe|\*|http:|https:|data:|blob:")
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff", path)
            self.assertEqual(headers["Referrer-Policy"], "no-referrer", path)
            self.assertEqual(headers["Cross-Origin-Resource-Policy"], "same-origin", path)
            self.assertIsNone(headers["Set-Cookie"])
            self.assertIsNone(headers["Access-Control-Allow-Origin"])

    def test_the_browser_enforces_it(self):
        """Else that no test sees a violation would say nothing."""
        self.show(self.scene.url)
        self.wait_text("#headline", "^All well")
        outside = "http://127.0.0.1:9/"
        self.browser.script("""
            window.violations = [];
            document.addEventListener('securitypolicyviolation', (event) => window.violations.push(event.effectiveDirective));
            const add = (tag, fill) => { const it = document.createElement(tag); fill(it); document.body.append(it); };
            add('script', (it) => { try { it.textContent = 'window.hit = 1'; } catch { window.violations.push('text'); } });
            add('style', (it) => { it.textContent = 'body { display: none }'; });
            add('p', (it) => it.setAttribute('style', 'color: red'));
            add('img', (it) => { it.src = arguments[0] + 'x.png'; });
            add('iframe', (it) => { it.src = arguments[0]; });
            try { document.body.insertAdjacentHTML('beforeend', '<b id=injected>x</b>'); } catch { window.violations.push('markup'); }
            // Later: what DevTools itself runs may.
            setTimeout(() => { try { eval('window.hit = 1'); } catch { window.violations.push('eval'); } });
            fetch(arguments[0]).catch(() => {});""", outside)
        wanted = {"style-src-elem", "style-src-attr", "img-src", "frame-src", "connect-src", "markup", "eval", "require-trusted-types-for"}
        self.browser.eventually(f"return {json.dumps(sorted(wanted))}.every((it) => window.violations.includes(it))")
        self.assertIsNone(self.browser.script("return window.hit ?? null"))
        self.assertIsNone(self.browser.script("return document.querySelector('#injected')"))
        self.assertEqual(self.browser.script("return getComputedStyle(document.body).display"), "block")
        self.expected_messages = r"violates the following|requires 'Trusted|Content Security Policy|requires a TrustedS|Failed to load resource"
        asked = [url for url in self.requested(self.browser.network()) if url.startswith(outside)]
        console = [entry["message"] for entry in self.browser.console()]
        self.assertGreaterEqual(len([it for it in console if "violates the following" in it]), 4, console)
        # Chromium notes what it then blocks: none of it left the browser.
        self.assertEqual([url for url in asked if not any(url in it for it in console)], [])

    def test_nothing_can_be_sent_and_nothing_comes_from_elsewhere(self):
        self.show(self.scene.url)
        self.wait_text("#headline", "^All well")
        for selector in ("form", "iframe", "object", "embed", "[style]:not(.bar > span, .strip > span)", "script:not([src])", "[onclick]"):
            self.assertEqual(self.browser.script("return [...document.querySelectorAll(arguments[0])].map((it) => it.outerHTML.slice(0, 99))", selector),
                             [], selector)
        links = self.browser.script("return [...document.querySelectorAll('a, link, script, img')].map((it) => it.href ?? it.src ?? '').concat([...document.scripts].map((it) => it.src))")
        self.assertGreater(len(links), 10)
        for link in links:
            if link:
                self.assertEqual(urllib.parse.urlsplit(link).netloc, self.scene.proxy.metrics_address, link)
        methods = {parameters["request"]["method"] for method, parameters in self.browser.network()
                   if method == "Network.requestWillBeSent"}
        self.assertEqual(methods, {"GET"})


class NamesTest(PageCase):
    def test_a_configuration_has_no_markup_in_names(self):
        self.use(Scene({"A-z_0.9": 1}))
        for name in MARKUP:
            self.refused_start(harness.config("127.0.0.1:9", listener={"name": name}), 2, "takes a name of 1 to 64 characters")

    def test_what_looks_like_markup_is_text(self):
        """Whatever a document may say some day: each word of it is shown as it is."""
        def change(document):
            document["version"] = MARKUP[1]
            for listener, name in zip(document["listeners"], MARKUP):
                listener.update(name=name, upstream=name, binds=[MARKUP[2]])
            for upstream, name in zip(document["upstreams"], MARKUP):
                upstream.update(name=name, balance=MARKUP[0])
                for endpoint in upstream["endpoints"]:
                    endpoint.update(address=name, state="down")
            document["workers"][0]["engine"] = MARKUP[2]
            document["ends"] = [{"actor": MARKUP[0], "cause": MARKUP[1], "count": 1}]

        names = [f"u{i}" for i in range(len(MARKUP))]
        scene = self.use(Scene(dict.fromkeys(names, 1)))
        relay = self.use(Relay(scene.proxy.metrics_address, change))
        self.show(relay.url)
        self.wait_text("#headline", re.escape(f"Upstream {MARKUP[0]} has no usable endpoint."))
        for selector in ("#upstreams h3", "#upstreams tbody th", "#listeners tbody th > span:first-of-type"):
            shown = self.browser.script("return [...document.querySelectorAll(arguments[0])].map((it) => it.textContent)", selector)
            self.assertEqual(shown, list(MARKUP), selector)
        self.assertIn(MARKUP[1], self.text("#program"))
        self.assertIn(MARKUP[2], self.text("#workers"))
        self.assertIn(MARKUP[0], self.text("#ends"))
        self.browser.press("/")
        for key in "<img":
            self.browser.press(key)
        self.wait_text("#filter-result", "^1 of 7 endpoints, ")
        self.assertIsNone(self.browser.script("return window.hit ?? null"))
        self.assertEqual(self.browser.script("return document.querySelectorAll('main img, main script, main b:not(.fact b)').length"), 0)


class ReadOnlyTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.scene = self.use(Scene({"redis": 1}))
        self.address = self.scene.proxy.metrics_address

    def test_other_methods_are_refused(self):
        for path in (*PATHS, "/status.json", "/metrics", "/healthz", "/readyz"):
            for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
                answer = Answer(self.address, path, method)
                self.assertEqual((answer.status, answer.headers["Allow"]), (405, "GET, HEAD"), f"{method} {path}")
            head = Answer(self.address, path, "HEAD")
            self.assertEqual((head.status, head.body), (200, b""), path)

    def test_compressed_is_the_same(self):
        for path in PATHS:
            plain = Answer(self.address, path)
            small = Answer(self.address, path, headers={"Accept-Encoding": "gzip, deflate, br"})
            self.assertIsNone(plain.headers["Content-Encoding"], path)
            self.assertEqual(small.headers["Content-Encoding"], "gzip", path)
            self.assertEqual(gzip.decompress(small.body), plain.body, path)
            self.assertEqual(small.headers["Content-Type"], plain.headers["Content-Type"], path)
            self.assertEqual((plain.headers["Vary"], small.headers["Vary"]), ("Accept-Encoding", "Accept-Encoding"), path)

    def test_the_admin_api_has_no_page(self):
        for path in (*PATHS, "/index.html", "/status.json", "/metrics"):
            connection = UnixConnection(self.scene.admin_socket)
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                self.assertEqual(answer.status, 400 if path == "/" else 404, path)  # "/" is no target of it at all.
                self.assertNotIn(b"<html", answer.read())
            finally:
                connection.close()
        # And the metrics port nothing of the admin API.
        for path in ("/v1/status", "/v1/reload", "/v1/config"):
            self.assertEqual(Answer(self.address, path).status, 404, path)


if __name__ == "__main__":
    browser.main()
