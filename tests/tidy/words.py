"""Words that do not belong in the tree: marks for later, sleeps, and other people's vocabulary."""

import re

# Written in two halves so that this file does not find itself.
MARKS = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")

# A thread that waits for time instead of an event makes a slow test or a flaky one.
SLEEPS = re.compile(r"\b(?:sleep_for|sleep_until|usleep|nanosleep|clock_nanosleep)\b|(?<![\w.>:])sleep\s*\(")
# Where time itself is the work.
MAY_SLEEP = {"tests/bench/idle.cc"}  # Holds idle sessions for a number of seconds: the measurement.

# One thing, one word (CONTRIBUTING.md). Only what is clearly an upstream, an endpoint or a client
# under another name; `peer` alone is a socket's other end, and an HTTP server is a server.
VOCABULARY = (
    (re.compile(r"\b\w*front_?end\w*\b", re.I), "client or listener"),
    (re.compile(r"\b\w*(?:back_end|backend(?!s))\w*\b", re.I), "upstream or endpoint"),
    (re.compile(r"\b\w*downstream\w*\b", re.I), "client"),
    (re.compile(r"\b(?:upstream_(?:server|host|peer)|(?:Upstream(?:Server|Host|Peer)))\w*\b"), "endpoint"),
    (re.compile(r"\b(?:server_(?:fd|conn|connection|addr|address)|ServerConnection)\b"), "upstream"),
)


def _hits(pattern, text):
    for number, line in enumerate(text.splitlines(), start=1):
        for match in pattern.finditer(line):
            yield number, match.group(0)


def check(tree):
    problems = []
    for file in tree.files:
        if not (file.is_cpp or file.is_python or file.is_shell or file.name.endswith(
                (".md", ".cmake", ".txt", ".yaml", ".json"))):
            continue
        for number, mark in _hits(MARKS, file.text):
            problems.append(f"{file.name}:{number}: '{mark}': finish it, or open an issue")
        if file.is_cpp and file.name not in MAY_SLEEP:
            for number, call in _hits(SLEEPS, file.code):
                problems.append(f"{file.name}:{number}: '{call}': wait for an event, not for time")
        if file.is_cpp and file.in_sources:
            for pattern, better in VOCABULARY:
                for number, word in _hits(pattern, file.code):
                    problems.append(f"{file.name}:{number}: '{word}': say {better}")
    return problems
