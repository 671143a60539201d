"""The dashboards of deploy/grafana as the tests see them: their panels, queries and variables."""

import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "grafana" / "dashboards"

_FAMILY = re.compile(r"\b(?:millrace|process)_\w+")
_NAME = re.compile(r'"((?:millrace|process)_\w+)",\s*Type::k(\w+)')


def boards():
    return [json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))]


def panels(board):
    """Every panel that shows something; those of collapsed rows too."""
    for panel in board["panels"]:
        yield from panel.get("panels", []) if panel["type"] == "row" else [panel]


def queries(board):
    """(title of the panel, expression, instant) of each query."""
    for panel in panels(board):
        for target in panel["targets"]:
            yield panel["title"], target["expr"], target["instant"]


def annotations(board):
    return [entry["expr"] for entry in board["annotations"]["list"] if not entry.get("builtIn")]


def variables(board):
    """{name: (what label_values() selects, the label)}; None for all series that have it."""
    found = {}
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            match = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            found[variable["name"]] = match[1], match[2]
    return found


def replaced(text, values, rate_interval):
    """As Grafana does it; a variable without a value is `All`, which is allValue: .+"""
    text = text.replace("$__rate_interval", rate_interval)
    return re.sub(r"\$\{?([a-z]+)\}?", lambda match: values.get(match[1], ".+"), text)


def families(text):
    """The families that an expression asks for, without what Prometheus appends to histograms."""
    kinds = known_families()
    found = set()
    for name in _FAMILY.findall(text):
        plain = re.sub(r"_(?:bucket|sum|count)$", "", name)
        found.add(plain if kinds.get(plain) == "Histogram" else name)
    return found


def known_families():
    """{name: type} of metrics/names.h and what it includes."""
    files = [ROOT / "metrics" / name for name in ("names.h", "transport_names.h")]
    return {name: kind for file in files for name, kind in _NAME.findall(file.read_text("utf-8"))}
