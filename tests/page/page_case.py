"""A test with the page in a browser. Whatever the test is about: afterwards the console is empty and nothing
was asked of anybody but the metrics port.

    class SomeTest(PageCase):
        def test_something(self):
            scene = self.use(Scene({"redis": 2}))
            self.show(scene.url)
"""

import re
import urllib.parse

import browser
import harness

# Asked of the page again and again; short names for what tests look at.
_FIRST_FIGURES = "return performance.getEntriesByName('first-figures').length > 0"
ROW = "[...document.querySelectorAll('#upstreams tr[data-key]')].find((row) => row.dataset.key === arguments[0])"


class PageCase(harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.browser = browser.Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()

    def setUp(self):
        super().setUp()
        self.expected_messages = None  # A pattern, where a test makes the console say something.
        self._ports = set()
        self.browser.prefer(color_scheme="light")
        self.browser.size(1280, 900)
        self.browser.console()
        self.browser.network()

    def tearDown(self):
        self.browser.script("try { localStorage.clear(); } catch {}")
        self.browser.open("about:blank")
        messages = [entry["message"] for entry in self.browser.console()]
        if self.expected_messages:
            messages = [it for it in messages if not re.search(self.expected_messages, it)]
        self.assertEqual(messages, [], "the browser's console")
        for url in self.requested(self.browser.network()):
            if url.startswith("http"):
                self.assertIn(urllib.parse.urlsplit(url).netloc, self._ports, url)
            else:
                self.assertRegex(url, r"^(about:blank|data:,)$")
        super().tearDown()

    def show(self, url):
        """The page with its first figures."""
        self._ports.add(urllib.parse.urlsplit(url).netloc)
        self.browser.open(url)
        self.browser.eventually(_FIRST_FIGURES)

    def requested(self, events):
        return [parameters["request"]["url"] for method, parameters in events
                if method == "Network.requestWillBeSent"]

    def text(self, selector):
        return self.browser.script("return document.querySelector(arguments[0])?.innerText ?? null", selector)

    def wait_text(self, selector, pattern, deadline_s=None):
        """The first text of the element that the pattern is in."""
        last = [None]

        def there():
            last[0] = self.text(selector)
            return last[0] is not None and re.search(pattern, last[0])

        try:
            harness.eventually(there, selector, deadline_s)
        except AssertionError:
            raise AssertionError(f"{selector} is {last[0]!r}, not {pattern!r}") from None
        return last[0]

    def tile(self, title):
        """{value, sub, points, label} of the chart with the title."""
        return self.browser.script("""
            const tile = [...document.querySelectorAll('#tiles figure')].find(
                (it) => it.querySelector('figcaption').innerText === arguments[0]);
            const points = [...tile.querySelectorAll('path.line')].map((it) => (it.getAttribute('d') ?? '').match(/[ML]/g)?.length ?? 0);
            return {value: tile.querySelector('.value').innerText, sub: tile.querySelector('.sub').innerText,
                    points, label: tile.querySelector('[role=img]').getAttribute('aria-label')};""", title)

    def endpoint(self, address):
        """{word, level, colour, row} of the endpoint's row; None where it has none."""
        return self.browser.script(f"""
            const row = {ROW};
            if (!row) return null;
            const cell = row.children[0];
            return {{word: cell.innerText.split("\\n")[0].trim(), level: row.dataset.level,
                     colour: getComputedStyle(cell).color, row: row.innerText}};""", address)

    def wait_endpoint(self, address, word):
        return harness.eventually(lambda: (it := self.endpoint(address)) and it["word"] == word and it,
                                  f"{address} is {word}: {self.endpoint(address)}")


def number(text):
    """Of a figure as the page writes it: "1,234", "12.5/s", "3.4 MiB/s"; None where there is none."""
    match = re.match(r"([\d,.]+)\s*([KMGT]iB|B|%|µs|ms|s)?", text)
    if not match:
        return None
    scale = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "ms": 1e-3, "µs": 1e-6, "%": 1e-2}
    return float(match[1].replace(",", "")) * scale.get(match[2], 1)
