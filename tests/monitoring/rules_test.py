"""The rules of deploy/prometheus, tried by promtool: each alert fires on the series of alert_cases.py and
is silent on the healthy ones; its texts can be understood and its runbook exists."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "integration"), str(ROOT / "tests" / "tidy")]

import links  # noqa: E402: of tests/tidy.
import yaml  # noqa: E402: Debian's python3-yaml.

import alert_cases  # noqa: E402
import dashboards  # noqa: E402
from harness import need  # noqa: E402

FOLDER = ROOT / "deploy" / "prometheus"
RULE_FILES = sorted(FOLDER.glob("*.rules.yml"))
SEVERITIES = {"critical", "warning", "info"}
_FAMILY = re.compile(r"\b(?:millrace|process|probe)_\w+")
# What a rule may ask for that Millrace does not publish: Prometheus and the blackbox exporter do.
_FOREIGN = {"probe_success"}


def rules():
    return [rule for path in RULE_FILES for group in yaml.safe_load(path.read_text("utf-8"))["groups"]
            for rule in group["rules"]]


def alerts():
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def families():
    """Millrace's metrics, and those that Prometheus makes of its histograms."""
    names = set()
    for name, kind in dashboards.known_families().items():
        names.add(name)
        if kind == "Histogram":
            names |= {name + suffix for suffix in ("_bucket", "_sum", "_count")}
    return names


def rendered(text, case):
    """The alert's text as Prometheus writes it."""
    text = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda match: case.labels[match[1]], text)
    return re.sub(r"\{\{ \$value \| \w+ \}\}", case.value, text)


def unit_test(case, series, fires):
    rule = alerts()[case.alert]
    expected = [{"exp_labels": {**case.labels, **rule["labels"]},
                 "exp_annotations": {name: rendered(text, case) for name, text in rule["annotations"].items()}}]
    asked = [{"eval_time": f"{case.at}m", "alertname": case.alert, "exp_alerts": expected if fires else []}]
    if fires and rule["for"] != "0m":
        # The time to wait is part of the alert.
        asked.append({"eval_time": "0m", "alertname": case.alert, "exp_alerts": []})
    return {"interval": "1m", "alert_rule_test": asked,
            "input_series": [{"series": name, "values": values} for name, values in series.items()]}


def promtool_test(tests):
    """(it succeeded, what it said)."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump({"rule_files": [str(path) for path in RULE_FILES], "evaluation_interval": "1m",
                   "tests": tests}, file)
        file.flush()
        done = subprocess.run([need("promtool"), "test", "rules", file.name], capture_output=True, text=True,
                              check=False, timeout=120)
    return done.returncode == 0, done.stdout + done.stderr


class RulesTest(unittest.TestCase):
    def test_promtool_accepts_rules_and_the_example(self):
        for what in (["rules", *map(str, RULE_FILES)], ["config", str(FOLDER / "prometheus.yml")]):
            done = subprocess.run([need("promtool"), "check", *what], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("SUCCESS", done.stdout)

    def test_every_alert_fires_in_trouble(self):
        self.assertEqual({case.alert for case in alert_cases.CASES}, set(alerts()))
        succeeded, said = promtool_test([unit_test(case, case.fires, True) for case in alert_cases.CASES])
        self.assertTrue(succeeded, said)
        print(f"\n{len(alerts())} alerts fire, each on its series ({len(alert_cases.CASES)} cases)")

    def test_no_alert_fires_when_all_is_well(self):
        tests = []
        for case in alert_cases.CASES:
            test = unit_test(case, case.silent, False)
            minutes = range(0, max(case.at, 30) + 1, 5)
            test["alert_rule_test"] = [{"eval_time": f"{minute}m", "alertname": case.alert, "exp_alerts": []}
                                       for minute in {*minutes, case.at} if minute <= case.at]
            tests.append(test)
        succeeded, said = promtool_test(tests)
        self.assertTrue(succeeded, said)

    def test_silence_is_not_for_want_of_series(self):
        for case in alert_cases.CASES:
            wanted = set(_FAMILY.findall(alerts()[case.alert]["expr"]))
            given = {name.partition("{")[0] for name in case.silent}
            self.assertLessEqual(wanted, given, case.alert)

    def test_a_wrong_expectation_is_found(self):
        case = alert_cases.CASES[0]
        self.assertFalse(promtool_test([unit_test(case, case.silent, True)])[0])
        self.assertFalse(promtool_test([unit_test(case, case.fires, False)])[0])

    def test_rules_ask_for_metrics_that_exist(self):
        known = families() | _FOREIGN
        self.assertGreater(len(known), 80)
        for rule in rules():
            for name in _FAMILY.findall(rule["expr"]):
                self.assertIn(name, known, rule)

    def test_texts_and_runbooks(self):
        operations = ROOT / "docs" / "operations.md"
        anchors = links.anchors(operations.read_text("utf-8"))
        section = operations.read_text("utf-8").partition("\n## Alerts\n")[2]
        self.assertEqual(re.findall(r"^### (\w+)$", section, re.M), list(alerts()),
                         "an entry for each alert, in the order of the file")
        for name, rule in alerts().items():
            with self.subTest(name):
                self.assertTrue(name.startswith("Millrace"))
                self.assertIn(rule["labels"]["severity"], SEVERITIES)
                self.assertIn("for", rule)
                notes = rule["annotations"]
                self.assertEqual(set(notes), {"summary", "description", "runbook_url"})
                self.assertTrue(notes["description"].endswith("."))
                path, _, anchor = notes["runbook_url"].partition("#")
                self.assertEqual(path, "docs/operations.md")
                self.assertEqual(anchor, name.lower())
                self.assertIn(anchor, anchors)


if __name__ == "__main__":
    unittest.main()
