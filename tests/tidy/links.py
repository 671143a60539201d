"""Documents that point at what is there: links, anchors, and paths in `backticks`."""

import re

_FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.M | re.S)
_LINK = re.compile(r"(?<!!)\[[^\]\[]*\]\(\s*([^)\s]+)(?:\s+\"[^\"]*\")?\s*\)")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$", re.M)
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"(?:base|backends|config|metrics|proxy|deploy|tests|docs|cmake)/[\w./-]*[\w/]$")
# Made by the build or by a run, so a document may name them.
_NOT_IN_THE_TREE = ("docs/schema.json",)


def blank(match):
    return "\n" * match.group(0).count("\n")


def anchors(text):
    """The anchors of a Markdown text, as the usual renderers make them from its headings."""
    found = set()
    for heading in _HEADING.findall(_FENCE.sub(blank, text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.add(slug)
    return found


def link_problem(tree, file, target):
    if re.match(r"[a-z][a-z0-9+.-]*:", target):
        return None  # Another site; nothing here can look at it.
    path, _, anchor = target.partition("#")
    base = file.path.parent / path if path else file.path
    if not base.exists():
        return f"'{target}' leads nowhere"
    if tree.root not in base.resolve().parents and base.resolve() != tree.root:
        return f"'{target}' leads out of the project"
    if anchor and base.suffix == ".md" and anchor not in anchors(base.read_text(encoding="utf-8")):
        return f"'{target}': no such heading"
    return None


def path_exists(tree, path):
    full = tree.root / path
    return full.exists() or any((tree.root / (path + end)).exists() for end in (".h", ".cc", ".md"))


def check(tree):
    problems = []
    for file in tree.files:
        if not file.name.endswith(".md"):
            continue
        for number, line in enumerate(_FENCE.sub(blank, file.text).splitlines(), start=1):
            where = f"{file.name}:{number}"
            for target in _LINK.findall(line):
                reason = link_problem(tree, file, target)
                if reason:
                    problems.append(f"{where}: {reason}")
            for code in _CODE.findall(line):
                if _PATH.match(code) and code not in _NOT_IN_THE_TREE and not path_exists(tree, code):
                    problems.append(f"{where}: `{code}` is not in the project")
    return problems
