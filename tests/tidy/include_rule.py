"""Who may include whom, and where an engine's name may stand.

    base <- metrics, config, backends <- proxy;  tests may include anything.

The three leaves do not know each other. An engine does not know another engine. proxy/ sees the
engines through two headers only, so a new engine changes nothing there.
"""

import re

LEAVES = {
    "base": {"base"},
    "config": {"base", "config"},
    "metrics": {"base", "metrics"},
    "backends": {"base", "backends"},
    "proxy": {"base", "backends", "config", "metrics", "proxy"},
}
DOORS_TO_BACKENDS = {"backends/transport.h", "backends/transport_factory.h"}
ENGINES = ("epoll", "io_uring", "dpdk", "sim")
# Socket options, listeners and pipes: for the two engines that stand on kernel sockets.
SOCKET_USERS = {"epoll", "io_uring", "socket"}
# The one place that knows all engines, so that nobody else has to.
FACTORY = re.compile(r"backends/transport_factory\w*\.(h|cc)$")

SIM = re.compile(r"(?:^|_)sim(?:_|$)|Sim(?=[A-Z]|$)")
ENGINE_WORDS = re.compile(r"epoll|io_?uring|dpdk", re.I)

# Identifiers that name an engine because the operator does: the values of `transport:`, and the
# sections of single engines.
OPERATORS_WORDS = {"kEpoll", "kIoUring", "kDpdk", "IoUring", "io_uring", "Dpdk", "dpdk"}
OPERATORS_FOLDERS = {"config", "proxy"}

# Names of the kernel's and a library's interface, not of our engine.
FOREIGN_WORDS = {"metrics/http_server.cc": {"MHD_USE_EPOLL_INTERNAL_THREAD"}}
# Files that use the kernel's interfaces for what is not the byte path, each with its reason.
OUTSIDE = (
    # The demo's clients and upstreams are the world outside: they must not stand on the engine that
    # they measure, so they wait with epoll(7) themselves.
    re.compile(r"proxy/demo_\w+\.(h|cc)$"),
    # `doctor` tells the operator what this kernel allows, engines that are not built in included.
    re.compile(r"proxy/(diagnosis|machine)\.(h|cc)$"),
    # The filter of system calls names those of every engine that makes any: it is one for the process.
    re.compile(r"proxy/syscall_filter\.cc$"),
)

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
_WORD = re.compile(r"[A-Za-z_]\w*")


def includes(file):
    """(line, 'quoted' or 'angled', target) of each #include."""
    for match in _INCLUDE.finditer(file.code_with_includes):
        line = file.code_with_includes.count("\n", 0, match.start(1)) + 1
        yield line, "quoted" if match.group(1) == '"' else "angled", match.group(2)


def engine_of(name):
    """The engine whose folder holds the file, 'socket', or None."""
    parts = name.split("/")
    if len(parts) > 2 and parts[0] == "backends" and parts[1] in (*ENGINES, "socket"):
        return parts[1]
    return None


def names_engine(word):
    return bool(ENGINE_WORDS.search(word) or SIM.search(word))


def include_problem(file, target):
    """Why `file` must not include `target`, or None."""
    target_folder = target.split("/", 1)[0]
    if target_folder == "tests":
        return "production code includes a test"
    if target_folder not in LEAVES[file.folder]:
        return f"{file.folder}/ does not know {target_folder}/"
    if file.folder == "proxy" and target_folder == "backends" and target not in DOORS_TO_BACKENDS:
        return "proxy/ sees the engines through transport.h and transport_factory.h only"
    if FACTORY.match(file.name):
        return None
    mine, theirs = engine_of(file.name), engine_of(target)
    if theirs is None or mine == theirs:
        return None
    if theirs == "socket":
        return None if mine in SOCKET_USERS else "backends/socket/ is for the kernel's engines"
    return f"only backends/{theirs}/ and the factory may know backends/{theirs}/"


def check(tree):
    problems = []
    for file in tree.cpp():
        for line, kind, target in includes(file):
            where = f"{file.name}:{line}"
            if kind == "quoted" and target not in tree.by_name:
                problems.append(f'{where}: "{target}" is not a file of the project')
            elif kind == "quoted" and file.in_sources:
                reason = include_problem(file, target)
                if reason:
                    problems.append(f'{where}: includes "{target}": {reason}')
    for file in tree.sources():
        problems += engine_names(file)
        problems += namespace_problem(file)
    return problems


def engine_names(file):
    """An engine's name outside its own folder: the seam leaks there."""
    if FACTORY.match(file.name) or any(allowed.match(file.name) for allowed in OUTSIDE):
        return []
    foreign = FOREIGN_WORDS.get(file.name, set())
    problems = []
    mine = engine_of(file.name)
    code = file.code if mine else file.code_with_includes
    for number, line in enumerate(code.splitlines(), start=1):
        for word in _WORD.findall(line):
            if not names_engine(word) or word in foreign:
                continue
            if mine in ENGINES and mine.replace("_", "") in word.lower().replace("_", ""):
                continue
            if word in OPERATORS_WORDS and file.folder in OPERATORS_FOLDERS:
                continue
            problems.append(f"{file.name}:{number}: '{word}' names an engine outside its folder")
    return problems


def namespace_problem(file):
    if not file.name.endswith(".h") or re.search(rf"^namespace {file.folder}\b", file.code, re.M):
        return []
    return [f"{file.name}:1: no 'namespace {file.folder}': folder = namespace"]
