"""Every test in the tree is in ctest: a test that does not run does not exist."""

import json
import re
import subprocess

_TEST = re.compile(r"^(TYPED_)?TEST(_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.M)


def ctest_tests(build):
    """(names, the words of their commands) that ctest knows in a build folder."""
    listing = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"],
                             check=True, capture_output=True, text=True)
    tests = json.loads(listing.stdout)["tests"]
    names = {test["name"] for test in tests}
    words = {word for test in tests for word in test.get("command", [])}
    return names, words


def tests_in(text):
    """('Suite.Name', pattern of its name in ctest) of each TEST in a file.

    A TEST_P is called Prefix/Suite.Name/Parameter; a TYPED_TEST Suite/Number.Name where its types
    have names of the test's making, Suite.Name<Type> where they have their own.
    """
    for typed, kind, suite, name in _TEST.findall(text):
        after = r"/.*" if kind == "_P" else ""
        called = rf"(?:/[^.]*\.{name}|\.{name}<.*>)" if typed else rf"\.{name}{after}"
        yield f"{suite}.{name}", re.compile(rf"(?:^|.*/){suite}{called}$")


def unlisted(text, names):
    """The tests of a file that ctest does not know."""
    return [test for test, pattern in tests_in(text) if not any(map(pattern.match, names))]


def check(tree):
    names, words = ctest_tests(tree.build)
    missing = sorted(name for name in names if name.endswith("_NOT_BUILT"))
    if missing:
        return [f"{name.removesuffix('_NOT_BUILT')}: not built; build all, then ask again"
                for name in missing]
    problems = []
    for file in tree.tests():
        if file.name.endswith("_test.cc"):
            for test in unlisted(file.code, names):
                problems.append(f"{file.name}:1: {test} is not in ctest")
        elif file.name.endswith(("_test.py", "_test.sh", "_test")) and not any(
                word.endswith(file.name) for word in words):
            problems.append(f"{file.name}:1: not in ctest")
    return problems
