#!/usr/bin/env python3
"""One check of the source tree: tidy.py CHECK --root FOLDER [--build FOLDER].

Prints each problem as file:line: text and exits 1 when there is one. ctest runs every check as a
test of its own (tests/tidy/CMakeLists.txt); tidy_test.py tests the checks.
"""

import argparse
import sys

import include_rule
import links
import listed
import pairs
import sizes
import tools
import words
from tree import Tree

CHECKS = {
    "include_rule": include_rule.check,
    "sizes": sizes.check,
    "words": words.check,
    "pairs": pairs.check,
    "links": links.check,
    "listed": listed.check,
    "format": tools.check_format,
    "shell": tools.check_shell,
    "clang_tidy": tools.check_tidy,
}
NEED_BUILD = {"listed", "clang_tidy"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("check", choices=sorted(CHECKS))
    parser.add_argument("--root", required=True)
    parser.add_argument("--build")
    arguments = parser.parse_args()
    if arguments.check in NEED_BUILD and not arguments.build:
        parser.error(f"{arguments.check} needs --build")
    tree = Tree(arguments.root, arguments.build)
    if not tree.sources():
        print(f"{arguments.root}: no source file of Millrace here", file=sys.stderr)
        return 2
    problems = CHECKS[arguments.check](tree)
    for problem in problems:
        print(problem)
    print(f"{arguments.check}: {len(problems)} problems in {len(tree.files)} files")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
