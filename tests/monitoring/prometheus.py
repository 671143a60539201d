"""The real Prometheus with the example of deploy/prometheus, and its HTTP API."""

import json
import os
import pathlib
import re
import shutil
import sys
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

import harness  # noqa: E402
import services  # noqa: E402

EXAMPLE = ROOT / "deploy" / "prometheus"
INTERVAL = "1s"


class Prometheus(services.Service):
    """Scrapes the given addresses with the example's configuration, where only the targets and the
    intervals are others."""

    def __init__(self, *targets):
        self._targets = targets
        super().__init__()

    def prepare(self):
        text = (EXAMPLE / "prometheus.yml").read_text("utf-8")
        for old, new in (("scrape_interval: 15s", f"scrape_interval: {INTERVAL}"),
                         ("scrape_timeout: 10s", f"scrape_timeout: {INTERVAL}"),
                         ("evaluation_interval: 15s", f"evaluation_interval: {INTERVAL}"),
                         ('- targets: ["millrace:9464"]', f"- targets: {json.dumps(self._targets)}")):
            if len(re.findall(rf"^ *{re.escape(old)}$", text, re.M)) != 1:
                raise AssertionError(f"prometheus.yml has not exactly one {old!r}")
            text = re.sub(rf"^( *){re.escape(old)}$", lambda match: match[1] + new, text, flags=re.M)
        with open(os.path.join(self.folder, "prometheus.yml"), "w", encoding="utf-8") as file:
            file.write(text)
        for path in EXAMPLE.glob("*.rules.yml"):
            shutil.copy(path, self.folder)

    def command(self):
        return [harness.need("prometheus"), f"--config.file={self.folder}/prometheus.yml",
                f"--storage.tsdb.path={self.folder}/data", f"--web.listen-address={self.address}",
                "--storage.tsdb.retention.time=1h", "--log.level=warn"]

    def _accepts(self):
        return super()._accepts() and harness.http_get(f"http://{self.address}/-/ready")[0] == 200

    def _post(self, path, **parameters):
        """`data` of an answer of the API."""
        body = urllib.parse.urlencode(parameters).encode()
        status, text = 0, ""
        try:
            with urllib.request.urlopen(f"http://{self.address}/api/v1/{path}", body,
                                        harness.DEADLINE_S) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read().decode()
        if status != 200:
            raise AssertionError(f"{path} {parameters}: {status} {text}")
        return json.loads(text)["data"]

    def now(self, expr):
        """{labels: value} of an instant query."""
        return {tuple(sorted(entry["metric"].items())): float(entry["value"][1])
                for entry in self._post("query", query=expr)["result"]}

    def over(self, expr, start, end):
        """{labels: [values]} of a range query, one value a second."""
        data = self._post("query_range", query=expr, start=f"{start:.3f}", end=f"{end:.3f}", step=1)
        return {tuple(sorted(entry["metric"].items())): [float(value) for _, value in entry["values"]]
                for entry in data["result"]}

    def label_values(self, selector, label):
        """What Grafana's label_values(selector, label) gives."""
        data = self._post("query", query=f"group by ({label}) ({selector})")
        return sorted(entry["metric"][label] for entry in data["result"])

    def _ask_without_parameters(self, path):
        with urllib.request.urlopen(f"http://{self.address}/api/v1/{path}", None, harness.DEADLINE_S) as answer:
            return json.loads(answer.read())["data"]

    def targets(self):
        return self._ask_without_parameters("targets")["activeTargets"]

    def rule_groups(self):
        return self._ask_without_parameters("rules")["groups"]
