#!/usr/bin/env python3
"""The manual pages that are made of what the program and its documents say already:

    millrace schema | generate.py config VERSION DATE    millrace.yaml(5), every key of the JSON Schema
    generate.py metrics VERSION DATE < docs/metrics.md   millrace-metrics(7), every row of its tables

cmake/packaging.cmake runs it when a package is made, so that the pages cannot be older than the program.
"""

import json
import re
import sys

# What a string looks like is a pattern in the schema; people read a word. The first kind gives it whose first text matches
# and whose second does not.
KINDS = (("5s", "x", "duration"), ("64KiB", "x", "size"), ("100/s", "x", "rate"), ("0-3,6", "x", "CPUs"),
         ("127.0.0.0/8", "x", "network"), ("/x/y.z", "x", "path"), ("127.0.0.1:80", "127.0.0.1", "address and port"),
         ("127.0.0.1", "x", "IP address"), ("a-name", "!", "name"))

CONFIG_HEAD = r"""
.SH NAME
millrace.yaml \- configuration of millrace(1)
.SH SYNOPSIS
.nf
listeners:
  \- name: web
    bind: 0.0.0.0:8080
    upstream: web

upstreams:
  \- name: web
    endpoints:
      \- {address: 127.0.0.1:8000}
.fi
.SH DESCRIPTION
One YAML file, which
.B millrace run \-c
reads at the start and again at SIGHUP.
.B millrace check \-c
prints all its errors with their lines, and with
.B \-\-effective
the file with every default written out.
Anchors, aliases, tags, second documents and duplicate keys are errors, and so is a key that is not below.
.PP
A duration is a number and ms, s, m or h; a size a number and KiB, MiB or GiB; a rate a number and /s.
0 switches off where a key allows it.
An IPv6 address stands in brackets and in quotes: "[::1]:80".
A name has up to 64 letters, digits, dots, dashes and underscores.
.PP
In the list of keys,
.I []
stands for each element of a list, and \(lqrequired\(rq for a key without a default.
.SH KEYS
"""

CONFIG_TAIL = r"""
.SH FILES
.TP
.I /etc/millrace/millrace.yaml
what the service millrace(1) reads
.TP
.I /usr/share/doc/millrace/examples
more configurations
.SH SEE ALSO
.BR millrace (1),
.BR millrace\-metrics (7)
"""

METRICS_HEAD = r"""
.SH NAME
millrace\-metrics \- what millrace(1) counts
.SH DESCRIPTION
The names, types and labels of the metrics page,
.IR http://127.0.0.1:9464/metrics
where the configuration does not say otherwise, in Prometheus' text format.
Times are in seconds, sizes in bytes; counters start at zero with the process and survive a reload.
"""

METRICS_TAIL = r"""
.SH SEE ALSO
.BR millrace (1),
.BR millrace\-top (1),
.BR millrace.yaml (5)
.PP
Dashboards and alert rules, where the package has them: /usr/share/millrace.
"""


def roff(text):
    """Text of ours as roff takes it: no control line, no escape, a dash that can be copied."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return "\n".join(r"\&" + line if line[:1] in (".", "'") else line for line in text.splitlines())


def head(title, section, version, date):
    return f'.TH {roff(title)} {section} "{date}" "Millrace {version}" "Millrace"\n'


def kind_of(node):
    """What values a key takes, in a few words."""
    if "anyOf" in node and "properties" not in node:
        words = list(dict.fromkeys(kind_of(each) for each in node["anyOf"]))
        # The constant 0 of a duration: a duration may be 0 anyway.
        return " or ".join(word for word in words if word != "0" or len(words) == 1)
    if "const" in node:
        return json.dumps(node["const"]).strip('"')
    if "enum" in node:
        return ", ".join(str(value) if isinstance(value, str) else json.dumps(value) for value in node["enum"])
    if node.get("type") == "array":
        return f"list of: {kind_of(node['items'])}" if "properties" not in node["items"] else "list"
    if node.get("type") == "string":
        pattern = re.compile(node.get("pattern", "(?!)"))
        return next((word for yes, no, word in KINDS if pattern.search(yes) and not pattern.search(no)), "text")
    if node.get("type") == "integer" and "maximum" in node:
        return f"{node.get('minimum', 0)} to {node['maximum']}"
    return "section" if node.get("type") == "object" else node.get("type", "value")


def keys(node, path=""):
    """(path, node, required) of every key below, in the order of the schema."""
    for name, child in node.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here, child, name in node.get("required", ())
        for branch in (child, *child.get("anyOf", ())):
            yield from keys(branch, here)
            if isinstance(branch.get("items"), dict):
                yield from keys(branch["items"], here + "[]")


def config_page(text):
    parts = [CONFIG_HEAD.lstrip("\n")]
    seen = set()
    for path, node, required in keys(json.loads(text)):
        if path in seen:
            continue
        seen.add(path)
        parts.append(f".TP\n.B {roff(path)}\n")
        facts = [kind_of(node)]
        if required:
            facts.append("required")
        elif "default" in node and node["default"] not in ([], ""):
            facts.append(f"default {json.dumps(node['default'])}".replace('"', ""))
        parts.append(f"({roff('; '.join(facts))})\n{roff(node.get('description', ''))}\n")
    if len(seen) < 10:
        sys.exit("generate.py: the schema has hardly any keys: is this `millrace schema`?")
    return "".join(parts) + CONFIG_TAIL.lstrip("\n")


def cells(line):
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def plain(markdown):
    """Markdown of one table cell without its marks."""
    markdown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return re.sub(r"[`*]", "", markdown)


def metrics_page(text):
    parts = [METRICS_HEAD.lstrip("\n")]
    heading, said, found, columns = "", "", 0, []
    for line in text.splitlines():
        if line.startswith("## "):
            heading = plain(line[3:])
        if not line.startswith("|"):
            columns = []
            continue
        row = cells(line)
        if not columns:
            columns = [name.lower() for name in row]
        if not re.match(r"`millrace_|`process_", row[0]) or columns[:2] != ["name", "type"]:
            continue
        if heading != said:
            parts.append(f".SH {roff(heading.upper())}\n")
            said = heading
        values = dict(zip(columns, map(plain, row)))
        labels = f" {{{values['labels']}}}" if values.get("labels") else ""
        parts.append(f".TP\n.B {roff(values['name'])}\n({roff(values['type'] + labels)})\n{roff(values['meaning'])}\n")
        if values.get("watch"):
            parts.append(f".br\nWatch: {roff(values['watch'])}\n")
        found += 1
    if found < 10:
        sys.exit("generate.py: the document has hardly any metrics: is this docs/metrics.md?")
    return "".join(parts) + METRICS_TAIL.lstrip("\n")


def main():
    pages = {"config": ("MILLRACE.YAML", 5, config_page), "metrics": ("MILLRACE-METRICS", 7, metrics_page)}
    if len(sys.argv) != 4 or sys.argv[1] not in pages:
        sys.exit(__doc__)
    title, section, render = pages[sys.argv[1]]
    # Never what the locale says: the documents are UTF-8.
    text = sys.stdin.buffer.read().decode("utf-8")
    page = head(title, section, *sys.argv[2:]) + render(text)
    sys.stdout.buffer.write(page.encode("utf-8"))


if __name__ == "__main__":
    main()
