"""Every query of every panel, asked of a real Prometheus that scraped two busy proxies with the example's
configuration, with the variables replaced as Grafana does: each has a number. What cannot have one here is
named below, with the reason. Prints panel and values.

The JSON is read by this test and not by Grafana, which Debian does not have."""

import math
import os
import subprocess
import sys
import time

import dashboards
from prometheus import Prometheus
from trouble import Stage, Trouble

import harness
from harness import Millrace, need

SECONDS = 25  # Of scraping under load.
RATE_INTERVAL = "4s"  # What Grafana makes of it: four scrapes of a second.

# No series without `transport: dpdk`, which needs a port of its own; tests/net/dpdk_test.py has one. That
# the families exist is checked by their names.
DPDK_FAMILIES = {"millrace_packets_dropped_total", "millrace_packets_counted_total", "millrace_packets_held",
                 "millrace_port_packets_total", "millrace_port_bytes_total"}
# Panels that may be empty, (uid, title): reason.
NO_DATA = {}
# The proxies are not restarted while Prometheus looks.
NO_ANNOTATION = {"Restarts"}
# Whatever else is 0, on these something must have happened.
MUST_HAPPEN = {
    "millrace-overview": {"Sessions", "New sessions a second", "Sessions that failed", "Endpoints out of use",
                          "Ends of sessions, other than eof", "Connects that failed", "Clients turned away", "Payload",
                          "Sessions in queues", "Alerts", "Reloads asked for", "Access log lines",
                          "Sessions against the limit of the listener"},
    "millrace-upstreams": {"Endpoints in use", "Ejections", "Health checks that failed", "Attempts on another endpoint",
                           "Sessions that a limit ended", "What sessions found", "Pooled connections closed unused",
                           "Lookups", "Addresses", "Addresses not used", "How full queues are", "Time in queues"},
    "millrace-workers": {"Busiest worker", "Transports on another engine", "Engines that were refused",
                         "System calls by kind", "Payload by method", "Changes of method"},
}


def finite(series):
    return [value for values in series.values() for value in values if math.isfinite(value)]


class PanelsTest(harness.Case):
    def setUp(self):
        super().setUp()
        stage = Stage(self)
        wrapper = (sys.executable, "-B",
                   os.path.join(os.path.dirname(harness.__file__), "without_io_uring.py"))
        # The second one is refused its engine, as in a container, and runs on epoll.
        self.configs = [stage.config("io_uring"), stage.config("io_uring")]
        self.proxies = [self.use(Millrace(self.configs[0])),
                        self.use(Millrace(self.configs[1], prefix=wrapper))]
        self.prometheus = self.use(Prometheus(*[proxy.metrics_address for proxy in self.proxies]))
        self.load = [self.use(Trouble(proxy)) for proxy in self.proxies]
        self.start = time.time()
        self._run_load()
        self.end = time.time()

    def _run_load(self):
        """Until it has run its time: a reload that is accepted and one that is refused are in it."""
        harness.eventually(lambda: self.prometheus.now("count(up == 1)") == {(): 2}, "two targets that are up")
        self.configs[0]["upstreams"][0]["limits"] = {"max_sessions": 5000}
        self.proxies[0].reload(self.configs[0])
        self.proxies[1].reload("listeners: 7\n", result="refused")
        end = self.start + SECONDS
        harness.eventually(lambda: time.time() > end, "the load's time", 2 * SECONDS)
        for load in self.load:
            self.assertGreater(load.served, 100)
            self.assertGreater(load.bulk_bytes, 1 << 20)
            load.close()  # Its threads would only slow down the asking.

    def ask(self, expr, instant, values=None):
        expr = dashboards.replaced(expr, values or {}, RATE_INTERVAL)
        self.assertNotIn("$", expr)
        if instant:
            return {labels: [value] for labels, value in self.prometheus.now(expr).items()}
        return self.prometheus.over(expr, self.start, self.end)

    def choices(self, board):
        """One value for each variable, asked for as Grafana asks."""
        chosen = {}
        for name, (selector, label) in dashboards.variables(board).items():
            found = self.prometheus.label_values(dashboards.replaced(selector, chosen, RATE_INTERVAL), label)
            self.assertTrue(found, f"{board['uid']}: no value for ${name}")
            if name == "instance":
                self.assertEqual(len(found), 2)
            # `web` and worker 0 are on both; the busiest of each.
            chosen[name] = "web" if "web" in found else found[0]
        return chosen

    def check_panel_queries(self, board, problems):
        """Asks everything; returns {title: values that were not 0}."""
        moved = {}
        print(f"\n{board['title']}")
        for title, expr, instant in dashboards.queries(board):
            series = self.ask(expr, instant)
            values = finite(series)
            needs_dpdk = dashboards.families(expr) & DPDK_FAMILIES
            if needs_dpdk or (board["uid"], title) in NO_DATA:
                if values:
                    problems.append(f"{title}: has data and is listed as one that cannot: {expr}")
                shown = "not here: " + ("transport: dpdk" if needs_dpdk else NO_DATA[board["uid"], title])
            elif not values:
                problems.append(f"{board['uid']}: {title}: no number: {expr}")
                shown = "NO DATA"
            else:
                shown = f"{len(series)} series, last {values[-1]:.6g}, least {min(values):.6g}, most {max(values):.6g}"
            moved.setdefault(title, []).extend(value for value in values if value)
            print(f"  {title[:48]:48} {shown}")
        return moved

    def test_every_panel_has_something_to_show(self):
        problems = []
        boards = dashboards.boards()
        for board in boards:
            moved = self.check_panel_queries(board, problems)
            for title in MUST_HAPPEN.get(board["uid"], ()):
                if not moved.get(title):
                    problems.append(f"{board['uid']}: {title}: always 0")
            self.check_one_choice(board, problems)
        asked = {name for board in boards for _, expr, _ in dashboards.queries(board)
                 for name in dashboards.families(expr)}
        self.assertLessEqual(DPDK_FAMILIES, asked & set(dashboards.known_families()))
        page = self.proxies[0].metrics().text
        for name in DPDK_FAMILIES:
            self.assertNotIn(name + "{", page)
        for name, expr in {entry["name"]: entry["expr"] for entry in boards[1]["annotations"]["list"]
                           if not entry.get("builtIn")}.items():
            if bool(finite(self.ask(expr, False))) == (name in NO_ANNOTATION):
                problems.append(f"annotation {name}")
        self.assertEqual(problems, [])
        self.check_the_rest()

    def check_one_choice(self, board, problems):
        """With one value chosen for each variable: data comes, and only of what was chosen."""
        chosen = self.choices(board)
        for title, expr, instant in dashboards.queries(board):
            for labels in self.ask(expr, instant, chosen):
                labels = dict(labels)
                for name, value in chosen.items():
                    if "ALERTS" not in expr and labels.get(name, value) != value:
                        problems.append(f"{board['uid']}: {title}: ${name} is {value}, shows {labels}")

    def check_the_rest(self):
        """The example's targets, rules and page, while they are there."""
        for target in self.prometheus.targets():
            self.assertEqual((target["health"], target["lastError"]), ("up", ""))
        for proxy in self.proxies:
            done = subprocess.run([need("promtool"), "check", "metrics"], input=proxy.metrics().text, text=True,
                                  capture_output=True, check=False)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        rules = [rule for group in self.prometheus.rule_groups() for rule in group["rules"]]
        self.assertGreater(len(rules), 40)
        self.assertEqual([rule["name"] for rule in rules if rule["health"] != "ok"], [])
        recorded = [rule["name"] for rule in rules if rule["type"] == "recording"]
        for name in recorded:
            self.assertTrue(finite(self.prometheus.over(name, self.start, self.end)), name)
        raised = {rule["name"]: rule["state"] for rule in rules
                  if rule["type"] == "alerting" and rule["state"] != "inactive"}
        print(f"\n{len(recorded)} recorded series have data; alerts that this trouble raises: {raised}")
        self.assertLessEqual({"MillraceNoUsableEndpoint", "MillraceReloadFailed", "MillraceEngineRefused",
                              "MillraceConnectFailures", "MillraceClientsRejected"}, set(raised))


if __name__ == "__main__":
    # Both engines in one run: it chooses itself.
    harness.main()
