"""The parts that the dashboards are made of: queries, panels, rows, and the whole.

A query is written with the functions below and not by hand, so that every one of them follows the
variables of its dashboard and uses $__rate_interval."""

INSTANCE = ('job=~"$job"', 'instance=~"$instance"')
LISTENER = (*INSTANCE, 'listener=~"$listener"')
UPSTREAM = (*INSTANCE, 'upstream=~"$upstream"')
BOTH = (*LISTENER, 'upstream=~"$upstream"')

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
SCHEMA_VERSION = 39  # Grafana 10.4 and later read it as it is; newer ones migrate it by themselves.
TAG = "millrace"

# uid -> title: the dashboards and the links between them.
BOARDS = {
    "millrace-overview": "Millrace / Overview",
    "millrace-upstreams": "Millrace / Upstreams and pools",
    "millrace-workers": "Millrace / Workers and transports",
    "millrace-dpdk": "Millrace / DPDK",
}

# --- queries


def series(name, where=INSTANCE, *more):
    """One family with its matchers. Names without a prefix of their own get ours."""
    full = name if name.startswith("process_") else f"millrace_{name}"
    return f"{full}{{{','.join((*where, *more))}}}"


def rate(name, where=INSTANCE, *more):
    return f"rate({series(name, where, *more)}[$__rate_interval])"


def total(of, *by):
    return f"sum by ({', '.join(by)}) ({of})" if by else f"sum({of})"


def most(of, *by):
    return f"max by ({', '.join(by)}) ({of})" if by else f"max({of})"


def quantile(share, histogram, where, *by):
    labels = ", ".join(("le", *by))
    return f"histogram_quantile({share}, sum by ({labels}) ({rate(histogram + '_bucket', where)}))"


def share(part, whole):
    """A ratio that is 0 while nothing of the part has ever happened, and absent while there is nothing
    to have a part of."""
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


# --- panels


def target(expr, legend="", instant=False):
    made = {"expr": expr, "legendFormat": legend or "__auto", "datasource": DATASOURCE,
            "editorMode": "code", "range": not instant, "instant": instant}
    if instant:
        made["format"] = "table"
    return made


def _panel(kind, title, description, unit, targets, width, height, options):
    targets = [entry if isinstance(entry, dict) else target(*entry) for entry in targets]
    for number, entry in enumerate(targets):
        entry["refId"] = chr(ord("A") + number)
    steps = [{"color": "green", "value": None}]
    steps += [{"color": color, "value": value} for value, color in options.pop("thresholds", ())]
    defaults = {"unit": unit, "thresholds": {"mode": "absolute", "steps": steps}, "min": 0,
                **options.pop("defaults", {})}
    if "max" in options:
        defaults["max"] = options.pop("max")
    return {"type": kind, "title": title, "description": description, "datasource": DATASOURCE,
            "gridPos": {"w": width, "h": height}, "targets": targets,
            "fieldConfig": {"defaults": defaults, "overrides": []}, "options": options.pop("options"),
            **options}


def graph(title, description, unit, *targets, width=8, stacked=False, **options):
    """Lines over time. thresholds: (value, color) pairs, drawn as dashed lines."""
    custom = {"lineWidth": 1, "fillOpacity": 25 if stacked else 8, "showPoints": "never",
              "spanNulls": False, "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
              "thresholdsStyle": {"mode": "dashed" if options.get("thresholds") else "off"}}
    options["defaults"] = {"custom": custom, "color": {"mode": "palette-classic"}}
    options["options"] = {
        "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True,
                   "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"}}
    return _panel("timeseries", title, description, unit, targets, width, 8, options)


def number(title, description, unit, expr, width=4, legend="", **options):
    """One figure of now. thresholds: (value, color) pairs; below the first it is green."""
    options["defaults"] = {"color": {"mode": "thresholds"}, **options.pop("defaults", {})}
    options["options"] = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": options.pop("color_mode", "value"), "graphMode": "area", "justifyMode": "auto",
        "textMode": options.pop("text_mode", "auto"), "orientation": "auto"}
    return _panel("stat", title, description, unit, [(expr, legend)], width, 4, options)


def states(title, description, *targets, width=24, words=(), **options):
    """A bar for each series that changes its colour: words are (value, text, color)."""
    mapping = [{"type": "value", "options": {
        str(value): {"text": text, "color": color, "index": index}
        for index, (value, text, color) in enumerate(words)}}]
    options["defaults"] = {"mappings": mapping, "color": {"mode": "thresholds"},
                           "custom": {"lineWidth": 0, "fillOpacity": 80}}
    options["options"] = {"mergeValues": True, "showValue": "never", "rowHeight": 0.8,
                          "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
                          "tooltip": {"mode": "single", "sort": "none"}}
    return _panel("state-timeline", title, description, "short", targets, width, 8, options)


def table(title, description, unit, *targets, width=12, **options):
    """The values of now, one row for each set of labels, one column for each query."""
    hidden = {"Time": True, "__name__": True}
    renamed = {f"Value #{chr(ord('A') + index)}": entry[1] for index, entry in enumerate(targets)}
    if len(targets) == 1:
        renamed["Value"] = targets[0][1]
    options["defaults"] = {"custom": {"align": "auto", "cellOptions": {"type": "auto"}}}
    options["options"] = {"showHeader": True, "cellHeight": "sm"}
    options["transformations"] = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": hidden, "renameByName": renamed}}]
    return _panel("table", title, description, unit,
                  [target(*entry, instant=True) for entry in targets], width, 8, options)


def heatmap(title, description, histogram, where, width=12):
    """How many of each duration: a second hump is a second cause."""
    entry = target(f"sum by (le) ({rate(histogram + '_bucket', where)})", "{{le}}")
    entry["format"] = "heatmap"
    options = {"options": {
        "calculate": False, "cellGap": 1, "yAxis": {"unit": "s", "axisPlacement": "left"},
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "reverse": False,
                  "exponent": 0.5, "fill": "dark-orange"},
        "tooltip": {"mode": "single", "yHistogram": False}, "legend": {"show": True},
        "filterValues": {"le": 1e-9}, "rowsFrame": {"layout": "auto"}}}
    return _panel("heatmap", title, description, "s", [entry], width, 8, options)


def row(title, *panels, collapsed=False):
    return {"title": title, "panels": panels, "collapsed": collapsed}


# --- the whole

_LABEL_VARIABLES = {
    "job": ("Job", "label_values(millrace_build_info, job)"),
    "instance": ("Instance", 'label_values(millrace_build_info{job=~"$job"}, instance)'),
    "listener": ("Listener", f"label_values({series('listener_accepted_total')}, listener)"),
    "upstream": ("Upstream", f"label_values({series('upstream_max_sessions')}, upstream)"),
    "worker": ("Worker", f"label_values({series('worker_busy_seconds_total')}, worker)"),
}


def _variables(names):
    made = [{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
             "hide": 0, "refresh": 1, "regex": "", "multi": False, "includeAll": False,
             "skipUrlSync": False, "options": [], "current": {}}]
    for name in ("job", "instance", *names):
        label, query = _LABEL_VARIABLES[name]
        made.append({"name": name, "label": label, "type": "query", "datasource": DATASOURCE,
                     "definition": query, "query": {"query": query, "refId": f"variable-{name}"},
                     "hide": 0, "refresh": 2, "regex": "", "sort": 3 if name == "worker" else 1,
                     "multi": True, "includeAll": True, "allValue": ".+", "skipUrlSync": False,
                     "options": [], "current": {"selected": True, "text": ["All"], "value": ["$__all"]}})
    return made


def _mark(name, color, expr, text):
    return {"name": name, "datasource": DATASOURCE, "enable": True, "hide": False, "iconColor": color,
            "expr": expr, "step": "", "titleFormat": text, "textFormat": "{{instance}}",
            "useValueForTime": False}


def _annotations():
    started = f"changes({series('start_time_seconds')}[$__rate_interval]) > 0"
    reloaded = f"changes({series('config_generation')}[$__rate_interval]) > 0"
    built_in = {"builtIn": 1, "datasource": {"type": "grafana", "uid": "-- Grafana --"}, "enable": True,
                "hide": True, "iconColor": "rgba(0, 211, 255, 1)", "name": "Annotations & Alerts",
                "type": "dashboard"}
    return [built_in, _mark("Restarts", "red", started, "Millrace started"),
            _mark("Reloads", "blue", reloaded, "Another configuration in force")]


def _placed(rows):
    """Numbers the panels and lays them out, row by row, from the left."""
    placed, top, identity = [], 0, 0
    for entry in rows:
        identity += 1
        header = {"type": "row", "id": identity, "title": entry["title"], "collapsed": entry["collapsed"],
                  "gridPos": {"x": 0, "y": top, "w": 24, "h": 1}, "panels": []}
        placed.append(header)
        top, left, height = top + 1, 0, 0
        for panel in entry["panels"]:
            identity += 1
            position = panel["gridPos"]
            if left + position["w"] > 24:
                top, left, height = top + height, 0, 0
            panel.update(id=identity, gridPos={"x": left, "y": top, **position})
            left, height = left + position["w"], max(height, position["h"])
            # A collapsed row keeps its panels inside; an open one is followed by them.
            (header["panels"] if entry["collapsed"] else placed).append(panel)
        top += height
    return placed


def board(uid, description, variables, *rows):
    links = [{"type": "link", "title": title.removeprefix("Millrace / "), "url": f"/d/{other}",
              "icon": "dashboard", "keepTime": True, "includeVars": True, "targetBlank": False,
              "asDropdown": False, "tags": [], "tooltip": ""}
             for other, title in BOARDS.items() if other != uid]
    return {"uid": uid, "title": BOARDS[uid], "description": description, "tags": [TAG],
            "schemaVersion": SCHEMA_VERSION, "version": 1, "editable": True, "graphTooltip": 1,
            "refresh": "10s", "time": {"from": "now-1h", "to": "now"}, "timezone": "browser",
            "timepicker": {}, "links": links, "annotations": {"list": _annotations()},
            "templating": {"list": _variables(variables)}, "panels": _placed(rows)}
