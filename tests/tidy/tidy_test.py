#!/usr/bin/env python3
"""The checks themselves: each finds what it is for, and leaves good code alone."""

import contextlib
import io
import os
import pathlib
import sys
import tempfile
import unittest

import include_rule
import links
import listed
import pairs
import sizes
import tools
import words
from tree import Tree, strip_code


class TreeCase(unittest.TestCase):
    """A small tree in a temporary folder."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def tree(self, files):
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return Tree(self.root)

    def problems(self, check, files):
        with contextlib.redirect_stdout(io.StringIO()):
            return check(self.tree(files))

    def assert_one(self, problems, text):
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(text, problems[0])


class StripCodeTest(unittest.TestCase):
    def test_takes_comments_and_literals_away_and_keeps_the_lines(self):
        code = 'int a; // sleep\n/* two\nlines */ auto s = "a { \\" // b"; char c = \'{\';\nint d;'
        stripped = strip_code(code)
        for gone in ("sleep", "two", "{", "b"):
            self.assertNotIn(gone, stripped)
        self.assertEqual(stripped.count("\n"), code.count("\n"))
        self.assertIn("int d;", stripped)

    def test_takes_raw_strings_away(self):
        self.assertNotIn("TEST(", strip_code('auto s = R"(\nTEST(A, B) {}\n)"; int x;'))
        self.assertIn("int x;", strip_code('auto s = R"x(")")x"; int x;'))

    def test_leaves_digit_separators_alone(self):
        self.assertEqual(strip_code("int n = 10'000 + 1'000;"), "int n = 10'000 + 1'000;")

    def test_keeps_includes_when_asked(self):
        text = '#include "base/a.h"\nauto s = "base/b.h";'
        self.assertIn("base/a.h", strip_code(text, keep_includes=True))
        self.assertNotIn("base/b.h", strip_code(text, keep_includes=True))


class IncludeRuleTest(TreeCase):
    def including(self, file, target):
        folder, other = file.split("/")[0], target.split("/")[0]
        return self.problems(include_rule.check, {
            target: f"namespace {other} {{}}\n",
            file: f'#include "{target}"\nnamespace {folder} {{}}\n',
        })

    def test_lets_the_allowed_ones_pass(self):
        for file, target in (
            ("config/a.h", "base/b.h"),
            ("proxy/a.cc", "config/b.h"),
            ("proxy/a.cc", "backends/transport.h"),
            ("proxy/a.cc", "backends/transport_factory.h"),
            ("backends/epoll/a.cc", "backends/socket/b.h"),
            ("backends/transport_factory.cc", "backends/epoll/b.h"),
            ("tests/proxy/a.cc", "backends/sim/b.h"),
        ):
            self.assertEqual(self.including(file, target), [], f"{file} -> {target}")

    def test_finds_the_forbidden_ones(self):
        for file, target in (
            ("base/a.h", "config/b.h"),
            ("config/a.h", "metrics/b.h"),
            ("metrics/a.h", "backends/b.h"),
            ("backends/a.h", "config/b.h"),
            ("config/a.cc", "proxy/b.h"),
            ("proxy/a.cc", "backends/socket/b.h"),
            ("proxy/a.cc", "backends/other.h"),
            ("proxy/a.cc", "tests/b.h"),
            ("backends/sim/a.cc", "backends/socket/b.h"),
            ("backends/socket/a.cc", "backends/epoll/b.h"),
            ("backends/a.cc", "backends/epoll/b.h"),
        ):
            self.assertTrue(self.including(file, target), f"{file} -> {target}")

    def test_finds_a_file_that_is_not_there(self):
        self.assert_one(self.problems(include_rule.check, {"base/a.cc": '#include "base/gone.h"\n'}),
                        "not a file of the project")

    def test_finds_an_engines_name_outside_its_folder(self):
        for word in ("epoll_fd", "use_io_uring", "DpdkPort", "SimNetwork", "sim_clock", "kEpoll"):
            self.assert_one(
                self.problems(include_rule.check, {"base/a.cc": f"int {word};\n"}), word)

    def test_takes_words_that_only_look_like_an_engine(self):
        for word in ("simd", "simple", "similar", "Simplify"):
            self.assertEqual(
                self.problems(include_rule.check, {"base/a.cc": f"int {word};\n"}), [])

    def test_lets_an_engine_say_its_own_name_and_the_operator_choose(self):
        self.assertEqual(self.problems(include_rule.check, {
            "backends/epoll/a.cc": "int epoll_fd;\n",
            "backends/io_uring/a.cc": "int io_uring_fd;\n",
            "backends/transport_factory.cc": "int epoll;\n",
            "config/a.cc": "int kEpoll; auto s = \"epoll\"; // epoll\n",
            "config/b.cc": "IoUring io_uring;\n",
        }), [])

    def test_finds_a_header_outside_its_namespace(self):
        self.assert_one(self.problems(include_rule.check, {"base/a.h": "namespace proxy {}\n"}),
                        "namespace base")


class SizesTest(TreeCase):
    def long_function(self, lines, head=""):
        return head + "int f(int x) {\n" + "  ++x;\n" * (lines - 2) + "}\n"

    def test_counts_lines_of_files_and_functions(self):
        self.assertEqual(self.problems(sizes.check, {"base/a.cc": self.long_function(70)}), [])
        self.assert_one(self.problems(sizes.check, {"base/a.cc": self.long_function(71)}),
                        "f has 71 lines")
        self.assertEqual(self.problems(sizes.check, {"base/a.cc": "int f(int) {}\n" * 500}), [])
        self.assert_one(self.problems(sizes.check, {"base/a.cc": "int f(int) {}\n" * 501}),
                        "501 lines")

    def test_takes_a_reason_for_a_while(self):
        head = "// Long because: one switch over every option.\n"
        self.assertEqual(self.problems(sizes.check, {"base/a.cc": self.long_function(150, head)}), [])
        self.assert_one(self.problems(sizes.check, {"base/a.cc": self.long_function(151, head)}),
                        "151 lines")

    def test_finds_functions_wherever_they_stand(self):
        code = strip_code("""
namespace base {
template <typename T>
class Slab : public Base<T> {
 public:
  explicit Slab(int n) : a_{n}, b_(n) {
    use();
  }
  T* find(int id) const noexcept override { return x; }
 private:
  struct Cell { int x{0}; void run() { } };
  int a_{0};
  enum class Kind { kA, kB };
};
Slab& Slab::operator=(Slab&& other) {
  return *this;
}
int table[] = {call(1), call(2)};
auto Slab::operator()(int x) -> int {
  auto inner = [&](int y) { return y; };
  if (x) { return 1; }
}
TEST(Suite, Name) {
  run();
}
#define CHECK(x) \\
  do { } while (x)
}  // namespace base
""")
        found = {name: last - first + 1 for name, first, last in sizes.cpp_functions(code)}
        self.assertEqual(found, {"Slab": 3, "find": 1, "run": 1, "Slab::operator=": 3,
                                 "Slab::operator": 4,
                                 "TEST(Suite, Name)": 3})

    def test_counts_python_and_shell_functions(self):
        python = "def f():\n" + "    x = 1\n" * 70
        shell = "#!/bin/bash\nf() {\n" + "true\n" * 70 + "}\n"
        self.assert_one(self.problems(sizes.check, {"tests/a.py": python}), "f has 71 lines")
        self.assertTrue(any("f has 72" in problem for problem in
                            self.problems(sizes.check, {"tests/a.sh": shell})))


class WordsTest(TreeCase):
    def test_finds_marks_in_every_kind_of_file(self):
        mark = "TO" + "DO"
        for name in ("base/a.cc", "docs/a.md", "tests/a.py", "cmake/a.cmake"):
            problems = self.problems(words.check, {name: f"// {mark}: later\n"})
            self.assertTrue(any(name in problem for problem in problems), name)

    def test_finds_sleeps_in_code_but_not_in_prose(self):
        self.assert_one(self.problems(words.check, {
            "tests/a.cc": "std::this_thread::sleep_for(x);\n// we never usleep here\n"}), "sleep_for")
        self.assert_one(self.problems(words.check, {"tests/a.cc": "void f() { sleep(1); }\n"}), "sleep")

    def test_finds_other_peoples_words_in_identifiers_only(self):
        self.assert_one(self.problems(words.check, {"proxy/a.cc": "int backend_count;\n"}), "upstream")
        self.assertEqual(self.problems(words.check, {
            "proxy/a.cc": '#include "backends/transport.h"\n// a backend\nusing backends::Event;\n',
        }), [])


class PairsTest(TreeCase):
    HEADER = "// What it is.\n#pragma once\n"

    def test_wants_a_source_for_a_header_that_declares(self):
        self.assert_one(self.problems(pairs.check, {
            "base/a.h": self.HEADER + "namespace base {\nint half_of(int number);\n}\n"}), "half_of")

    def test_takes_a_header_of_types_templates_and_inline_functions(self):
        self.assertEqual(self.problems(pairs.check, {
            "base/a.h": self.HEADER + """
namespace base {
struct Plain { int x = 0; friend bool operator==(const Plain&, const Plain&) = default; };
class Interface { public: virtual ~Interface() = default; virtual int ask(int x) const = 0; };
inline int twice(int x) { return call(x); }
static_assert(sizeof(Plain) == 4);
}
""", "tests/base/a_test.cc": ""}), [])

    def test_wants_a_test_for_each_source(self):
        self.assert_one(self.problems(pairs.check, {
            "base/a.h": self.HEADER, "base/a.cc": "int f() { return 1; }\n"}), "a_test.cc")
        self.assertEqual(self.problems(pairs.check, {"tests/base/sub/a_test.cc": ""}), [])

    def test_wants_a_first_comment_and_a_guard(self):
        problems = self.problems(pairs.check, {"base/a.h": "struct A {};\n"})
        self.assertEqual(len(problems), 2, problems)

    def test_wants_a_source_without_a_header_to_say_whose_part_it_is(self):
        files = {"base/a.cc": "int x;\n", "tests/base/a_test.cc": ""}
        self.assert_one(self.problems(pairs.check, files), "whose part")


class ListedTest(unittest.TestCase):
    SOURCE = "TEST(A, One) {\nTEST_F(B, Two) {\nTEST_P(C, Three) {\nTYPED_TEST(D, Four) {\n"

    def test_knows_every_kind_of_test(self):
        for typed in ("D/0.Four", "D.Four<int>"):
            names = {"A.One", "B.Two", "Engines/C.Three/epoll", typed}
            self.assertEqual(listed.unlisted(self.SOURCE, names), [])

    def test_finds_the_ones_that_do_not_run(self):
        self.assertEqual(listed.unlisted(self.SOURCE, {"A.OneMore", "XB.Two", "C.Three", "D.Four"}),
                         ["A.One", "B.Two", "C.Three", "D.Four"])


class LinksTest(TreeCase):
    def test_follows_links_anchors_and_paths(self):
        self.assertEqual(self.problems(links.check, {
            "docs/a.md": "# A `b` c!\n[x](b.md) [y](#a-b-c) [z](b.md#deep) [w](https://x.org) `base/a.h`"
                         " `base/a` `base/`\n```\n[no](gone.md)\n```\n",
            "docs/b.md": "## Deep\n", "base/a.h": "",
        }), [])

    def test_finds_what_leads_nowhere(self):
        for text in ("[x](gone.md)", "[x](#gone)", "[x](../../etc/passwd)", "see `base/gone.h`"):
            self.assertEqual(
                len(self.problems(links.check, {"docs/a.md": text + "\n"})), 1, text)


class ToolsTest(TreeCase):
    def test_finds_bad_format_and_takes_good(self):
        (self.root / ".clang-format").write_text("BasedOnStyle: Google\n", encoding="utf-8")
        self.assert_one(self.problems(tools.check_format, {"base/a.cc": "int  x ;\n"}), "base/a.cc")
        self.assertEqual(self.problems(tools.check_format, {"base/a.cc": "int x;\n"}), [])

    def test_finds_bad_shell(self):
        problems = self.problems(tools.check_shell, {"deploy/a": "#!/usr/bin/env bash\nrm $1\n"})
        self.assertTrue(any("SC2086" in problem for problem in problems), problems)

    def test_forgets_what_was_clean_when_a_header_changes(self):
        files = {"base/a.h": '#include "base/b.h"\n', "base/b.h": "int x;\n",
                 "base/a.cc": '#include "base/a.h"\n', "base/other.h": "int y;\n"}
        command = ["c++", "-I/x", "-DA=1", "-c", "base/a.cc"]
        first = tools.key_of(self.tree(files), "base/a.cc", command, b"salt")
        same = tools.key_of(self.tree(files | {"base/other.h": "int z;\n"}), "base/a.cc", command, b"salt")
        deep = tools.key_of(self.tree(files | {"base/b.h": "int z;\n"}), "base/a.cc", command, b"salt")
        self.assertEqual(first, same)
        self.assertNotEqual(first, deep)
        self.assertNotEqual(first, tools.key_of(self.tree(files), "base/a.cc", command, b"other"))
        self.assertNotEqual(
            first, tools.key_of(self.tree(files), "base/a.cc", [*command, "-DB"], b"salt"))


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(sys.argv[0])))
    unittest.main()
