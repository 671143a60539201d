"""Each header has its source, each source its test, and each file says first what it is."""

import re

from sizes import cpp_functions

# Sources whose test has another name, each with the reason. The value is the test that covers it.
COVERED_BY = {
    # Starting, signalling and stopping the real program is their test.
    "proxy/main.cc": "tests/integration/stop_test.py",
    "proxy/run.cc": "tests/integration/reload_test.py",
    # A table that the reader, the schema and the printed configuration visit: each visitor's test
    # goes through all of it.
    "config/keys.h": "tests/config/schema_test.cc",
    "config/rules.h": "tests/config/schema_test.cc",
    # The admin API's calls, for which a whole program has to run; its test asks every one of them.
    "proxy/admin_api.cc": "tests/integration/admin_test.py",
    "proxy/admin_endpoints.cc": "tests/integration/admin_test.py",
    "proxy/admin_orders.cc": "tests/integration/admin_test.py",
    "proxy/admin_server.cc": "tests/integration/admin_test.py",
    # `millrace ctl` itself: the admin API of a whole program answers it.
    "proxy/ctl.cc": "tests/integration/ctl_test.py",
    "proxy/ctl_options.h": "tests/proxy/ctl_command_line_test.cc",
    # A file of docs/: compared with the table of routes.
    "proxy/admin_openapi.cc": "tests/proxy/admin_routes_test.cc",
    # A terminal is needed; the test has one.
    "proxy/top.cc": "tests/integration/top_test.py",
    "proxy/top_terminal.cc": "tests/integration/top_test.py",
    # Two files of one class.
    "backends/socket/socket_connect.cc": "tests/backends/socket/socket_transport_test.cc",
    "proxy/session_listing.cc": "tests/proxy/session_view_test.cc",
    "proxy/supervisor_sessions.cc": "tests/proxy/supervisor_test.cc",
    "backends/dpdk/dpdk_connect.cc": "tests/backends/dpdk/dpdk_transport_test.cc",
    "backends/sim/sim_segments.cc": "tests/backends/sim/sim_network_test.cc",
    # A bag of probabilities: the walks draw from it.
    "backends/sim/sim_faults.h": "tests/simulation/walk_test.cc",
    # What names.h consists of: its test goes through all of them.
    "metrics/family.h": "tests/metrics/names_test.cc",
    "metrics/transport_names.h": "tests/metrics/names_test.cc",
    # Values behind a lock; the collector is who reads them.
    "proxy/program_status.h": "tests/proxy/collector_test.cc",
}

# A declaration that needs a source file: a name, parameters, a semicolon, and no body.
_DECLARATION = re.compile(r"(?:^|[;{}:])\s*(?!\s|using\b|typedef\b|static_assert\b|return\b|friend\b|throw\b)"
                          r"(?:\[\[[^\]]*\]\]\s*)?[\w:<>,&*\s]+\s[&*]?(\w+)\([^(){};]*\)[\w\s]*;")


def _without_bodies(code):
    """Header code with function bodies taken out: what stays are declarations."""
    lines = code.splitlines()
    for _, first, last in cpp_functions(code):
        for number in range(first - 1, last):
            lines[number] = ""
    return "\n".join(lines)


def _undefined_function(file):
    """The first function that a header declares and does not define, or None."""
    code = re.sub(r"^[ \t]*#[^\n]*(?:\\\n[^\n]*)*", "", file.code, flags=re.M)
    match = _DECLARATION.search(_without_bodies(code))
    return match.group(1) if match else None


def header_problems(tree):
    problems = []
    for file in tree.sources():
        if not file.name.endswith(".h"):
            continue
        if "#pragma once" not in file.text:
            problems.append(f"{file.name}:1: no '#pragma once'")
        if not file.head():
            problems.append(f"{file.name}:1: the first comment says what this is, who owns it, and"
                            " on which thread it lives")
        if file.name[:-2] + ".cc" not in tree.by_name:
            name = _undefined_function(file)
            if name:
                problems.append(f"{file.name}:1: declares {name}() but has no {file.stem}.cc")
    return problems


def source_problems(tree):
    """A source without a header of its name is a part of something, and says of what."""
    return [
        f"{file.name}:1: no {file.stem}.h; the first comment says whose part this is"
        for file in tree.sources()
        if file.name.endswith(".cc") and file.name[:-3] + ".h" not in tree.by_name
        and not file.head()
    ]


# In a header without a source, shorter functions are accessors: nothing to test by themselves.
_ACCESSOR_LINES_MAX = 3


def has_code(tree, file):
    """Something that a test could run: a source, or a header with a function of some size."""
    if file.name.endswith(".cc"):
        return True
    return file.name[:-2] + ".cc" not in tree.by_name and any(
        last - first + 1 > _ACCESSOR_LINES_MAX for _, first, last in cpp_functions(file.code))


def test_problems(tree):
    tested = {file.stem for file in tree.tests()}
    problems = []
    for file in tree.sources():
        if not has_code(tree, file) or f"{file.stem}_test" in tested:
            continue
        covered = COVERED_BY.get(file.name)
        if covered is None:
            problems.append(f"{file.name}:1: no tests/{file.folder}/{file.stem}_test.cc")
        elif not any(name == covered or name.startswith(covered + "/") for name in tree.by_name):
            problems.append(f"tests/tidy/pairs.py: {file.name} is covered by {covered}: gone")
    problems += [
        f"tests/tidy/pairs.py: {name} has a reason and no file" for name in COVERED_BY
        if name not in tree.by_name and (tree.root / "tests/tidy/pairs.py").exists()
    ]
    return problems


def check(tree):
    return header_problems(tree) + source_problems(tree) + test_problems(tree)
