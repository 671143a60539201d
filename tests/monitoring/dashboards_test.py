"""The dashboards as files: they are what their script makes, Grafana can read them, every expression is
PromQL about families that exist, and nothing that Millrace publishes is missing in all of them."""

import json
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, __file__.rpartition("/")[0] + "/../integration")

import dashboards  # noqa: E402
import yaml  # noqa: E402: Debian's python3-yaml.
from harness import need  # noqa: E402

GRAFANA = dashboards.ROOT / "deploy" / "grafana"
# Of https://grafana.com/docs/grafana: what these panels use, so that a misspelt unit is found.
UNITS = {"short", "cps", "ops", "pps", "reqps", "s", "ns", "bytes", "bps", "Bps", "percentunit"}
# Published and on no panel: constants and what another figure on a panel already says.
NOT_SHOWN = {"process_start_time_seconds", "process_virtual_memory_max_bytes"}


def promtool_check(expressions):
    """What promtool says about expressions as rules; empty when all can be parsed."""
    rules = [{"record": f"expression:{number}", "expr": text} for number, text in enumerate(expressions)]
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump({"groups": [{"name": "all", "rules": rules}]}, file)
        file.flush()
        done = subprocess.run([need("promtool"), "check", "rules", "--lint=none", file.name],
                              capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


class DashboardsTest(unittest.TestCase):
    def setUp(self):
        self.boards = dashboards.boards()

    def test_they_are_what_the_script_makes(self):
        done = subprocess.run([sys.executable, "-B", str(GRAFANA / "generate"), "--check"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_grafana_can_read_them(self):
        uids = [board["uid"] for board in self.boards]
        self.assertEqual(len(uids), 4)
        self.assertEqual(len(set(uids)), 4)
        for board in self.boards:
            with self.subTest(board["uid"]):
                self.assertNotIn("id", board)
                self.assertLessEqual(len(board["uid"]), 40)
                self.assertGreaterEqual(board["schemaVersion"], 36)
                self.assertIn("millrace", board["tags"])
                links = {link["url"].removeprefix("/d/") for link in board["links"]}
                self.assertEqual(links, set(uids) - {board["uid"]})
                everything = board["panels"] + [panel for row in board["panels"] for panel in row.get("panels", [])]
                identities = [panel["id"] for panel in everything]
                self.assertEqual(len(identities), len(set(identities)))
                source = board["templating"]["list"][0]
                self.assertEqual((source["name"], source["type"], source["query"]),
                                 ("datasource", "datasource", "prometheus"))
                self.assertLessEqual({"job", "instance"}, set(dashboards.variables(board)))

    def test_panels(self):
        for board in self.boards:
            used, titles = set(), []
            for panel in dashboards.panels(board):
                with self.subTest(board["uid"] + ": " + panel["title"]):
                    titles.append(panel["title"])
                    self.assertGreater(len(panel["description"]), 10)
                    self.assertIn(panel["fieldConfig"]["defaults"]["unit"], UNITS)
                    self.assertEqual(panel["datasource"]["uid"], "${datasource}")
                    references = [target["refId"] for target in panel["targets"]]
                    self.assertEqual(len(set(references)), len(references))
                    for target in panel["targets"]:
                        self.assertTrue(target["legendFormat"])
                        # Rates over a fixed time lie as soon as the dashboard shows another one; an hour is
                        # the question in two panels.
                        self.assertNotRegex(target["expr"], r"\[(?!\$__rate_interval\]|1h\])")
                    place = panel["gridPos"]
                    for x in range(place["x"], place["x"] + place["w"]):
                        for y in range(place["y"], place["y"] + place["h"]):
                            self.assertNotIn((x, y), used)
                            self.assertLess(x, 24)
                            used.add((x, y))
            self.assertEqual(len(titles), len(set(titles)), "a title names one panel")

    def test_every_expression_is_promql(self):
        expressions = [dashboards.replaced(text, {}, "1m") for board in self.boards
                       for text in [expr for _, expr, _ in dashboards.queries(board)] + dashboards.annotations(board)]
        self.assertGreater(len(expressions), 150)
        self.assertEqual(promtool_check(expressions), "")
        self.assertIn("could not parse", promtool_check(["sum(rate("]))
        self.assertFalse(any("$" in text for text in expressions))
        print(f"\n{len(expressions)} expressions")

    def test_every_variable_is_defined(self):
        for board in self.boards:
            defined = {entry["name"] for entry in board["templating"]["list"]}
            text = json.dumps([board["panels"], board["annotations"]])
            used = set(re.findall(r"\$\{?([a-z]+)\}?", text.replace("$__rate_interval", "")))
            self.assertEqual(used, defined, board["uid"])

    def test_families_exist_and_all_are_shown(self):
        known = dashboards.known_families()
        shown = set()
        for board in self.boards:
            for title, expr, _ in dashboards.queries(board):
                names = dashboards.families(expr)
                self.assertLessEqual(names, set(known), title)
                shown |= names
        self.assertEqual(set(known) - shown, NOT_SHOWN)

    def test_provisioning(self):
        folder = GRAFANA / "provisioning"
        source, = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text())["datasources"]
        self.assertEqual((source["uid"], source["type"], source["url"]),
                         ("prometheus", "prometheus", "http://prometheus:9090"))
        provider, = yaml.safe_load((folder / "dashboards" / "millrace.yaml").read_text())["providers"]
        self.assertEqual(provider["options"]["path"], "/var/lib/grafana/dashboards/millrace")
        example = yaml.safe_load((dashboards.ROOT / "deploy/prometheus/prometheus.yml").read_text())
        self.assertEqual(source["jsonData"]["timeInterval"], example["global"]["scrape_interval"])


if __name__ == "__main__":
    unittest.main()
