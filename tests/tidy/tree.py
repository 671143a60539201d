"""The files of the project as the checks see them, and C++ text without comments and strings."""

import functools
import os
import pathlib
import re

# Folder = namespace = CMake target (docs/architecture.md).
SOURCE_FOLDERS = ("base", "backends", "config", "metrics", "proxy")
# Never ours: what the build makes, and what tools leave behind.
SKIPPED_FOLDERS = {"build", "__pycache__", "node_modules"}

_TOKEN = re.compile(
    r"//[^\n]*"
    r"|/\*.*?\*/"
    r'|R"(?P<delimiter>[^()\\\s]*)\(.*?\)(?P=delimiter)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'",
    re.DOTALL,
)


def strip_code(text, keep_includes=False):
    """C++ without comments and literals; every line keeps its number."""

    def blank(match):
        token = match.group(0)
        if keep_includes and token.startswith('"'):
            line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
            if line.lstrip().startswith("#include"):
                return token
        quote = token[-1] * 2 if token[0] in "\"'R" else " "
        return quote + "\n" * token.count("\n")

    return _TOKEN.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


class File:
    """One file: its path from the root with slashes, and its text."""

    def __init__(self, root, name):
        self.name = name
        self.path = pathlib.Path(root) / name

    @functools.cached_property
    def text(self):
        return self.path.read_text(encoding="utf-8", errors="replace")

    @functools.cached_property
    def lines(self):
        return self.text.splitlines()

    @functools.cached_property
    def code(self):
        return strip_code(self.text)

    @functools.cached_property
    def code_with_includes(self):
        return strip_code(self.text, keep_includes=True)

    @property
    def folder(self):
        return self.name.split("/", 1)[0] if "/" in self.name else ""

    @property
    def stem(self):
        return self.name.rsplit("/", 1)[-1].rsplit(".", 1)[0]

    @property
    def is_cpp(self):
        return self.name.endswith((".h", ".cc"))

    @property
    def is_python(self):
        return self.name.endswith(".py") or self._shebang("python")

    @property
    def is_shell(self):
        return self.name.endswith(".sh") or self._shebang("sh") or self._shebang("bash")

    @property
    def in_sources(self):
        return self.folder in SOURCE_FOLDERS

    def _shebang(self, interpreter):
        if "." in self.name.rsplit("/", 1)[-1]:
            return False
        first = self.lines[0] if self.lines else ""
        return first.startswith("#!") and re.search(rf"[/ ]{interpreter}3?$", first) is not None

    def head(self):
        """The first comment of a C++ file, one string; empty when there is none."""
        taken = []
        for line in self.lines:
            if not line.startswith("//"):
                break
            taken.append(line.lstrip("/ ").rstrip())
        return "\n".join(taken)


class Tree:
    """All files under `root`; `build` is a configured build folder or None."""

    def __init__(self, root, build=None):
        self.root = pathlib.Path(root).resolve()
        self.build = pathlib.Path(build).resolve() if build else None
        self.files = [File(self.root, name) for name in sorted(self._names())]
        self.by_name = {file.name: file for file in self.files}

    def _names(self):
        for folder, folders, names in os.walk(self.root):
            inside = pathlib.Path(folder).relative_to(self.root).as_posix()
            folders[:] = [
                name
                for name in folders
                if name not in SKIPPED_FOLDERS and (not name.startswith(".") or name == ".ci")
            ]
            for name in names:
                if not name.endswith((".pyc", ".swp")):
                    yield name if inside == "." else f"{inside}/{name}"

    def cpp(self):
        return [file for file in self.files if file.is_cpp]

    def sources(self):
        return [file for file in self.cpp() if file.in_sources]

    def tests(self):
        return [file for file in self.files if file.folder == "tests"]
