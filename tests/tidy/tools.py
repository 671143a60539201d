"""clang-format, shellcheck and clang-tidy over the tree.

clang-tidy needs seconds for a file, so what was clean is remembered: under the hash of the file, of
the project's headers it includes, of its command, and of .clang-tidy. The memory is the user's
(~/.cache/millrace-tidy), as ccache's is: a second clone is quick too.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import time

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.M)
_FORMAT_BATCH = 40
# Dropped once nobody has asked for them this long.
_CACHE_DAYS = 30


def run(command, cwd):
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def check_format(tree):
    names = [file.name for file in tree.cpp()]
    problems = []
    for start in range(0, len(names), _FORMAT_BATCH):
        batch = names[start : start + _FORMAT_BATCH]
        done = run(["clang-format", "--dry-run", "-Werror", "--ferror-limit=1", *batch], tree.root)
        problems += [line for line in done.stderr.splitlines() if ": error:" in line]
        if done.returncode != 0 and not problems:
            problems.append(done.stderr.strip() or "clang-format failed and said nothing")
    return problems


def check_shell(tree):
    names = [file.name for file in tree.files if file.is_shell]
    if not names:
        return ["no shell script was found: the search is broken"]
    done = run(["shellcheck", "--format=gcc", *names], tree.root)
    return done.stdout.splitlines() + done.stderr.splitlines()


def closure(tree, name):
    """The file and every project header it includes, however far away."""
    seen, todo = set(), [name]
    while todo:
        current = todo.pop()
        if current in seen or current not in tree.by_name:
            continue
        seen.add(current)
        todo += _INCLUDE.findall(tree.by_name[current].text)
    return sorted(seen)


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return pathlib.Path(base) / "millrace-tidy"


def forget_old(cache):
    limit = time.time() - _CACHE_DAYS * 24 * 3600
    for entry in cache.iterdir():
        if entry.stat().st_mtime < limit:
            entry.unlink(missing_ok=True)


def compile_commands(tree):
    """name -> the words of its compiler command, for every .cc of ours that the build knows and has not made."""
    commands = {}
    for entry in json.loads((tree.build / "compile_commands.json").read_text(encoding="utf-8")):
        path = pathlib.Path(entry["directory"], entry["file"]).resolve()
        if tree.root in path.parents and tree.build.resolve() not in path.parents:
            name = path.relative_to(tree.root).as_posix()
            commands[name] = entry.get("arguments") or shlex.split(entry["command"])
    return commands


def key_of(tree, name, command, salt):
    digest = hashlib.sha256(salt)
    flags = [word for word in command if word.startswith(("-D", "-I", "-isystem", "-std", "-f"))]
    digest.update(" ".join(flags).replace(str(tree.root), "").encode())
    for part in closure(tree, name):
        digest.update(part.encode() + b"\0" + tree.by_name[part].text.encode() + b"\0")
    return digest.hexdigest()


def tidy_one(tree, name):
    done = run(["clang-tidy", "--quiet", "-p", str(tree.build),
                "--extra-arg=-Wno-unknown-warning-option", name], tree.root)
    findings = [line for line in done.stdout.splitlines() if re.search(r": (?:error|warning):", line)]
    if done.returncode != 0 and not findings:
        findings = [f"{name}: clang-tidy failed: {done.stderr.strip()[-400:]}"]
    return findings


def check_tidy(tree):
    commands = compile_commands(tree)
    problems = [
        f"{file.name}:1: no build target compiles it" for file in tree.cpp()
        if file.name.endswith(".cc") and (file.in_sources or file.folder == "tests")
        and file.name not in commands
    ]
    salt = run(["clang-tidy", "--version"], tree.root).stdout.encode()
    salt += (tree.root / ".clang-tidy").read_bytes()
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    forget_old(cache)
    work = {}
    for name, command in sorted(commands.items()):
        entry = cache / key_of(tree, name, command, salt)
        if entry.exists():
            entry.touch()
        else:
            work[name] = entry
    print(f"clang-tidy: {len(work)} of {len(commands)} files have changed since they were clean",
          flush=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, findings in zip(work, pool.map(lambda name: tidy_one(tree, name), work)):
            if not findings:
                work[name].touch()
            problems += findings
    return sorted(set(problem.replace(f"{tree.root}/", "") for problem in problems))
