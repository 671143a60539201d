"""Files of at most 500 lines, functions of at most 70.

A longer one gives its reason in the first lines of the file: "Long because: ...". The limits are
checked from the first commit because they are cheap to keep and dear to reach later.
"""

import ast
import re

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
# What a reason can buy.
FILE_LINES_WITH_REASON = 1000
FUNCTION_LINES_WITH_REASON = 150
HEAD_LINES = 20
REASON = re.compile(r"Long because: \S+ \S+")

_NOT_A_FUNCTION = re.compile(
    r"^\s*(?:if|for|while|switch|catch|else|do|try|return|namespace|enum|class|struct|union|extern)\b"
)
_SCOPE = re.compile(r"\b(?:namespace|class|struct|union|extern)\b")


def _pairs(code):
    """Offset of each '{' -> offset of its '}'."""
    stack, pairs = [], {}
    for match in re.finditer(r"[{}]", code):
        if match.group() == "{":
            stack.append(match.start())
        elif stack:
            pairs[stack.pop()] = match.start()
    return pairs


def _without_templates(header):
    """`template <typename T> struct X` -> `struct X`: the parameters hide the keyword."""
    return re.sub(r"^\s*template\s*<[^{}();]*?>\s*(?:requires[^{};]*)?(?=\w)", "", header)


def cpp_functions(code):
    """(name, first line, last line) of each function of stripped C++ code; lambdas belong to theirs."""
    code = re.sub(r"^[ \t]*#(?:[^\n\\]|\\.)*(?:\\\n[^\n]*)*", lambda m: "\n" * m.group().count("\n"),
                  code, flags=re.M)
    pairs = _pairs(code)
    found = []
    offset = start = 0
    while offset < len(code):
        char = code[offset]
        if char in ";}":
            start = offset + 1
        elif char == "{" and offset in pairs:
            end = pairs[offset]
            header = _without_templates(code[start:offset])
            following = code[end + 1 :].lstrip()[:1]
            if "(" in header and following in ("{", ",") and not _NOT_A_FUNCTION.match(header):
                offset = end + 1  # A member's initialiser: still the constructor's header.
                continue
            if _is_function(header):
                first = start + len(code[start:offset]) - len(code[start:offset].lstrip())
                found.append((
                    _name(header),
                    code.count("\n", 0, first) + 1,
                    code.count("\n", 0, end) + 1,
                ))
                offset = end
                start = end + 1
            elif _SCOPE.search(header):
                start = offset + 1
            else:
                offset = end  # An enum, an initialiser: no function inside.
                start = end + 1
        elif char == ":" and re.search(r"\b(?:public|private|protected)\s*$", code[start:offset]):
            start = offset + 1
        offset += 1
    return found


def _is_function(header):
    if "(" not in header or _NOT_A_FUNCTION.match(header):
        return False
    return "=" not in re.sub(r"\boperator\s*[^\s\w(]+", "operator", header).split("(")[0]


def _name(header):
    """`void f(int x) const` -> f; of a test its macro's arguments, which are its name."""
    before, _, after = header.partition("(")
    name = re.search(r"(?:[\w:]*operator\s*[^\w\s]+|[~\w:]*)\s*$", before).group().strip()
    return f"{name}({after.strip()}" if re.match(r"(?:TYPED_)?TEST", name) else name


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno


def shell_functions(text):
    name = None
    for number, line in enumerate(text.splitlines(), start=1):
        match = re.match(r"(\w+)\s*\(\)\s*\{\s*$", line)
        if match:
            name, first = match.group(1), number
        elif line == "}" and name:
            yield name, first, number
            name = None


def functions(file):
    if file.is_cpp:
        return cpp_functions(file.code)
    if file.is_python:
        return list(python_functions(file.text))
    if file.is_shell:
        return list(shell_functions(file.text))
    return []


def print_longest(tree):
    """For people: how near the limits we are."""
    code = [file for file in tree.files if file.is_cpp or file.is_python or file.is_shell]
    longest = max(code, key=lambda file: len(file.lines))
    print(f"longest file: {longest.name}, {len(longest.lines)} lines")
    lines, name, file = max((last - first + 1, name, file.name)
                            for file in code for name, first, last in functions(file))
    print(f"longest function: {name} in {file}, {lines} lines")


def check(tree):
    print_longest(tree)
    problems = []
    for file in tree.files:
        if not (file.is_cpp or file.is_python or file.is_shell):
            continue
        reason = REASON.search("\n".join(file.lines[:HEAD_LINES]))
        lines_max = FILE_LINES_WITH_REASON if reason else FILE_LINES_MAX
        if len(file.lines) > lines_max:
            problems.append(f"{file.name}:1: {len(file.lines)} lines; the limit is {lines_max}")
        function_max = FUNCTION_LINES_WITH_REASON if reason else FUNCTION_LINES_MAX
        for name, first, last in functions(file):
            if last - first + 1 > function_max:
                problems.append(
                    f"{file.name}:{first}: {name} has {last - first + 1} lines;"
                    f" the limit is {function_max}"
                )
    return problems
