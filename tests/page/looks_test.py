"""The status page as people meet it: dark and light, on a phone, by the keyboard, by a screen reader, without
motion. What is asked of its colours and boxes is in looks.js."""

import pathlib
import re

import browser
import harness
from page_case import PageCase
from scene import Scene

LOOKS = (pathlib.Path(__file__).parent / "looks.js").read_text(encoding="utf-8")
TEXT_RATIO_MIN = 4.5   # WCAG 2.2, 1.4.3: text.
SHAPE_RATIO_MIN = 3.0  # 1.4.11: what is no text and means something.
PHONE = 360, 740
SMALLEST = 320, 480  # WCAG 2.2, 1.4.10: a page of 1280 at four times its size.
TABS_MAX = 60


class LooksCase(PageCase):
    """One scene with every state that an endpoint can be in by itself or by order."""

    def setUp(self):
        super().setUp()
        self.scene = self.use(Scene({"redis": 4, "http": 2, "mqtt": 1}, upstream_changes={"mqtt": {"pool": {"idle": 0}}}))
        self.show(self.scene.url)

    def make_trouble(self):
        redis = self.scene.endpoints["redis"]
        redis[0].kill()
        self.scene.order("redis", redis[1].address, state="maintenance")
        self.scene.order("redis", redis[2].address, state="drain")
        self.wait_endpoint(redis[0].address, "down")
        self.wait_endpoint(redis[1].address, "maintenance")
        self.wait_endpoint(redis[2].address, "draining")

    def look(self, what):
        return self.browser.script(LOOKS, what)

    def assert_readable(self, where):
        found = self.look("contrasts")
        self.assertGreater(len(found), 60, where)
        poor = [f"{it['text']!r}: {it['ratio']:.2f}" for it in found if it["ratio"] < TEXT_RATIO_MIN]
        self.assertEqual(poor, [], where)
        shapes = self.look("shapes")
        self.assertGreater(len(shapes), 10, where)
        self.assertEqual([f"{it['text']}: {it['ratio']:.2f}" for it in shapes if it["ratio"] < SHAPE_RATIO_MIN], [], where)
        return found[0]["ratio"]


class ColoursTest(LooksCase):
    def background(self):
        return self.browser.script("return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")

    def test_dark_and_light_follow_the_system_and_the_button(self):
        light = self.background()
        self.browser.prefer(color_scheme="dark")
        dark = self.background()
        self.assertGreater(min(light), 200)
        self.assertLess(max(dark), 60)
        # Against the system, both ways; and it is remembered.
        for press, wanted in (("light", light), ("dark", dark)):
            self.browser.script("document.querySelector('#theme').click()")
            self.assertEqual(self.text("#theme"), f"Theme: {press}")
            self.assertEqual(self.background(), wanted)
        self.browser.prefer(color_scheme="light")
        self.assertEqual(self.background(), dark)
        self.show(self.scene.url)
        self.assertEqual(self.background(), dark)
        self.browser.script("document.querySelector('#theme').click()")
        self.assertEqual((self.text("#theme"), self.background()), ("Theme: auto", light))

    def test_every_text_can_be_read(self):
        self.scene.visits("redis", 30)
        self.wait_text("#ends", "eof")
        worst = {}

        def look(state):
            for scheme in ("light", "dark"):
                self.browser.prefer(color_scheme=scheme)
                for width, height, phone in ((1280, 900, False), (*PHONE, True)):
                    self.browser.size(width, height, phone)
                    where = f"{state}, {scheme}, {width} wide"
                    worst[where] = self.assert_readable(where)

        look("all well")
        self.make_trouble()
        self.browser.script("document.querySelectorAll('details:not([open]) > summary').forEach((it) => it.click())")
        look("trouble")
        self.scene.proxy.kill()
        self.expected_messages = r"status\.json - Failed to load resource: net::ERR_"
        self.wait_text("#link-text", "^Connection lost$")
        look("lost")
        where, ratio = min(worst.items(), key=lambda it: it[1])
        print(f"\nlowest contrast of a text: {ratio:.2f}:1 ({where}), in {len(worst)} looks")

    def test_the_level_is_never_colour_alone(self):
        self.make_trouble()
        icons = self.browser.script("""return [...document.querySelectorAll('#upstreams tr[data-key]')].map(
            (row) => [row.children[0].innerText.split('\\n')[0].trim(), row.querySelector('use').getAttribute('href')])""")
        self.assertEqual(dict(icons), {"down": "#i-down", "maintenance": "#i-pause", "draining": "#i-drain", "up": "#i-up"})


class PhoneTest(LooksCase):
    def assert_fits(self):
        for width, height in (SMALLEST, PHONE):
            self.browser.size(width, height, phone=True)
            wide = self.browser.script("""
                const wide = [...document.querySelectorAll('body *')].filter((it) => it.checkVisibility()
                    && !it.closest('.unseen, .symbols, .skip, thead') && it.getBoundingClientRect().right > arguments[0] + 0.5);
                return {inner: innerWidth, scroll: document.documentElement.scrollWidth, wide: wide.map((it) => it.outerHTML.slice(0, 120))};""", width)
            self.assertEqual((wide["inner"], wide["scroll"], wide["wide"]), (width, width, []))
            self.browser.script("window.scrollTo(100, 0)")
            self.assertEqual(self.browser.script("return window.scrollX"), 0)

    def test_long_names_and_addresses(self):
        name = "a-name-of-sixty-four-characters_" + "x" * 32
        proxy = self.use(harness.Millrace({
            "metrics": {"bind": "127.0.0.1:0"}, "admin": {"enable": "off"}, "workers": {"count": 2},
            "listeners": [{"name": name, "bind": "127.0.0.1:0", "upstream": name, "max_sessions": 100_000_000}],
            "upstreams": [{"name": name, "health": {"type": "tcp", "interval": "200ms", "fall": 1}, "endpoints": [
                {"address": "[2001:db8:85a3:8d3:1319:8a2e:370:7348]:65535", "priority": 3, "max_sessions": 1_000_000}]}]}))
        self.show(f"http://{proxy.metrics_address}/")
        self.wait_text("#headline", "no usable endpoint")
        self.assert_fits()

    def test_everything_is_there_at_360_by_740(self):
        self.scene.visits("redis", 30)
        self.make_trouble()
        self.wait_text("#ends", "eof")
        self.assert_fits()
        for section in ("#banner", "#tiles", "#filter", "#upstreams", "#listeners", "#workers", "#ends", "#process", "footer"):
            box = self.browser.script("""
                const it = document.querySelector(arguments[0]);
                it.scrollIntoView({block: 'center'});
                const box = it.getBoundingClientRect();
                return [box.top < innerHeight && box.bottom > 0, box.width, box.height];""", section)
            self.assertTrue(box[0], section)
            self.assertGreater(box[1], 100, section)
            self.assertGreater(box[2], 20, section)
        # Fingers: 24 by 24 at least (WCAG 2.2, 2.5.8).
        small = self.browser.script("""return [...document.querySelectorAll('a, button, input, summary')]
            .filter((it) => it.checkVisibility() && !it.matches('.skip')).map((it) => [it.outerHTML.slice(0, 60), it.getBoundingClientRect()])
            .filter(([, box]) => box.width < 24 || box.height < 24).map(([text]) => text)""")
        self.assertEqual(small, [])
        # Rows are blocks here and say what each figure is.
        self.assertEqual(self.browser.script("""return getComputedStyle(
            document.querySelector('#listeners td.number'), '::before').content.replaceAll('"', '').trim()"""), "Sessions")


class KeyboardTest(LooksCase):
    def tab(self, shift=False):
        self.browser.press("Tab", shift)
        return self.look("ring")

    def test_tab_reaches_everything_and_shows_where_it_is(self):
        self.make_trouble()
        wanted = self.look("interactive")
        for scheme in ("light", "dark"):
            self.browser.prefer(color_scheme=scheme)
            self.browser.script("document.activeElement.blur(); window.scrollTo(0, 0)")
            reached = []
            for _ in range(TABS_MAX):
                ring = self.tab()
                if ring["name"] == "body" or (reached and ring["name"] == reached[0] and len(reached) >= len(wanted)):
                    break
                reached.append(ring["name"])
                self.assertGreaterEqual(ring["width"], 2, ring)
                self.assertGreaterEqual(ring["ratio"], SHAPE_RATIO_MIN, ring)
                self.assertTrue(ring["seen"], ring)
            self.assertEqual(reached, wanted, "in the order of the page")
        self.assertGreaterEqual(len(wanted), 9)
        self.assertTrue(self.tab(shift=True)["name"])

    def test_what_keys_do(self):
        self.browser.press("Tab")
        self.assertEqual(self.look("ring")["name"], "a Skip to the figures")
        self.browser.press("Enter")
        self.assertEqual(self.browser.script("return document.activeElement.id"), "main")
        self.browser.press("/")
        self.assertEqual(self.browser.script("return document.activeElement.id"), "filter")
        for key in "mq":
            self.browser.press(key)
        self.wait_text("#filter-result", "^1 of 7 endpoints, 1 of 3 listeners$")
        self.browser.press("Escape")
        self.assertEqual(self.browser.script("return document.querySelector('#filter').value"), "")
        self.assertEqual(self.text("#filter-result"), "")
        # An upstream folds and unfolds, and stays as it was left while figures come in.
        summary = "document.querySelector('details[data-name=http] > summary')"
        self.browser.script(summary + ".focus()")
        opened = self.browser.script(f"return {summary}.parentElement.open")
        self.browser.press("Enter")
        self.wait_refreshes(2)
        self.assertEqual(self.browser.script(f"return {summary}.parentElement.open"), not opened)
        self.assertTrue(self.browser.script(f"return document.activeElement === {summary}"), "the focus stays")
        self.browser.script("document.querySelector('#theme').focus()")
        self.browser.press("Enter")
        self.assertEqual(self.text("#theme"), "Theme: light")

    def wait_refreshes(self, count):
        asked = "performance.getEntriesByType('resource').filter((it) => it.name.endsWith('status.json')).length"
        goal = self.browser.script("return " + asked) + count
        self.browser.eventually(f"return {asked} >= {goal}")


class ScreenReaderTest(LooksCase):
    def tree(self):
        """The nodes of Chromium's accessibility tree that a reader is told of, in order: (role, name, node)."""
        nodes = self.browser.devtools("Accessibility.getFullAXTree")["nodes"]
        return [(node["role"]["value"], node.get("name", {}).get("value", ""), node) for node in nodes if not node["ignored"]]

    def test_landmarks_and_headings(self):
        roles = [role for role, _, _ in self.tree()]
        for role in ("banner", "main", "contentinfo", "navigation", "search"):
            self.assertEqual(roles.count(role), 1, role)
        headings = self.browser.script("""return [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')]
            .filter((it) => it.checkVisibility()).map((it) => [Number(it.tagName[1]), it.innerText])""")
        self.assertEqual([text for level, text in headings if level == 1], ["Millrace"])
        self.assertEqual(headings[0][0], 1)
        for (before, _), (after, text) in zip(headings, headings[1:]):
            self.assertLessEqual(after, before + 1, text)
        regions = {name for role, name, _ in self.tree() if role == "region"}
        for name in ("Now and the last two minutes", "Upstreams 3", "Listeners 3", "Workers", "How sessions ended", "Process"):
            self.assertIn(name, regions)
        self.assertEqual(self.browser.script("return document.documentElement.lang"), "en")

    def test_tables(self):
        self.scene.visits("redis", 20)
        self.wait_text("#ends", "eof")
        for width, height, phone in ((1280, 900, False), (*PHONE, True)):
            self.browser.size(width, height, phone)
            tree = self.tree()
            names = [name for role, name, _ in tree if role == "table"]
            for name in ("Endpoints of redis", "Endpoints of http", "Listeners", "Workers", "How sessions ended"):
                self.assertIn(name, names, f"{width} wide")
            roles = [role for role, _, _ in tree]
            self.assertGreater(roles.count("rowheader"), 8, f"{width} wide")
            self.assertGreater(roles.count("columnheader"), 20, f"{width} wide")
            self.assertNotIn("LayoutTable", roles)
        without = self.browser.script("""return [...document.querySelectorAll('table')].filter((it) => !it.caption?.textContent
            || [...it.querySelectorAll('th')].some((head) => !['col', 'row'].includes(head.scope))).length""")
        self.assertEqual(without, 0)

    def test_charts_have_words(self):
        self.scene.visits("redis", 20)
        harness.eventually(lambda: self.tile("Sessions")["points"][0] >= 3, "three points")
        images = [name for role, name, _ in self.tree() if role in ("image", "img")]
        for title in ("Sessions", "New sessions", "To upstream", "To client", "Set-up time", "Workers busy", "Pooled, ready", "Endpoints up"):
            label = next((it for it in images if it.startswith(title + ": now ")), None)
            self.assertIsNotNone(label, f"{title} in {images}")
            self.assertRegex(label, r"; in the last two minutes between .+ and .+$")

    def test_every_control_has_a_name(self):
        for role, name, node in self.tree():
            if role in ("button", "link", "searchbox", "textbox", "DisclosureTriangle", "group") and node.get("properties"):
                focusable = any(it["name"] == "focusable" and it["value"]["value"] for it in node["properties"])
                if focusable:
                    self.assertTrue(name, node)
        self.assertEqual(self.browser.script("return [...document.querySelectorAll('img:not([alt])')].length"), 0)

    def test_a_reader_hears_of_changes_of_state_only(self):
        live = self.browser.script("return [...document.querySelectorAll('[aria-live], [role=status], [role=alert]')].map((it) => it.id)")
        self.assertEqual(sorted(live), ["announcer", "chart-reader", "filter-result"])
        self.wait_text("#headline", "^All well")
        self.browser.script("""
            window.said = [];
            for (const id of ['announcer', 'chart-reader', 'filter-result']) {
                const node = document.getElementById(id);
                new MutationObserver(() => window.said.push(node.textContent)).observe(node, {childList: true, characterData: true, subtree: true});
            }""")
        self.scene.visits("redis", 30)
        before = self.tile("Sessions")["points"][0]
        harness.eventually(lambda: self.tile("Sessions")["points"][0] >= before + 4, "four more points")
        self.assertEqual(self.browser.script("return window.said"), [], "figures alone are not announced")
        victim = self.scene.endpoints["redis"][0]
        victim.kill()
        self.browser.eventually("return window.said.length > 0")
        self.assertEqual(self.browser.script("return window.said"), [f"1 endpoint is down: {victim.address} of redis"])


class MotionTest(LooksCase):
    MOVING = "return document.getAnimations().filter((it) => it.playState === 'running').length"

    def test_nothing_moves_for_those_who_do_not_want_it(self):
        self.wait_text("#link-text", "^Live$")
        self.assertGreater(self.browser.script(self.MOVING), 0, "the dot beats: else this test proves nothing")
        self.browser.prefer(reduced_motion="reduce")
        self.browser.eventually("return (() => { " + self.MOVING + " })() === 0")
        self.assertEqual(self.browser.script("""return [...document.querySelectorAll('*')].filter((it) =>
            getComputedStyle(it).transitionDuration !== '0s' && getComputedStyle(it).transitionProperty !== 'none').length"""), 0)


if __name__ == "__main__":
    browser.main()
