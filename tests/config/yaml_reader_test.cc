// The guard around yaml-cpp: places, and everything of YAML that is refused.
#include "config/yaml_reader.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/config/loading.h"

namespace config {
namespace {

using testing::printed;

// The first error of a text, "" when it is fine; `read` is told whether there was a tree
// nevertheless.
std::string error_of(std::string_view text, bool* read = nullptr) {
  Problems problems;
  const auto root = read_yaml(text, problems);
  if (read != nullptr) *read = root.has_value();
  EXPECT_TRUE(root.has_value() || !problems.empty());
  return problems.empty() ? "" : to_string("", problems.sorted().front());
}

TreeNode tree_of(std::string_view text) {
  Problems problems;
  auto root = read_yaml(text, problems);
  EXPECT_EQ(printed(problems.sorted()), std::vector<std::string>());
  return root ? std::move(*root) : TreeNode{};
}

TEST(YamlReader, KnowsThePlaceOfEveryKeyAndValue) {
  const TreeNode root = tree_of("# c\na: 1\nb:\n  - {c: x}\n  - 'y'\n");
  ASSERT_EQ(root.kind, NodeKind::kMapping);
  ASSERT_EQ(root.children.size(), 2U);
  const Child& a = root.children[0];
  EXPECT_EQ(a.key, "a");
  EXPECT_EQ(to_string(a.key_mark), "line 2, column 1");
  EXPECT_EQ(a.value.text, "1");
  EXPECT_FALSE(a.value.quoted);
  EXPECT_EQ(to_string(a.value.mark), "line 2, column 4");
  const TreeNode& b = root.children[1].value;
  ASSERT_EQ(b.kind, NodeKind::kSequence);
  ASSERT_EQ(b.children.size(), 2U);
  EXPECT_EQ(to_string(b.children[0].value.children[0].key_mark), "line 4, column 6");
  EXPECT_TRUE(b.children[1].value.quoted);
}

TEST(YamlReader, TakesWindowsLineEndsAndAByteOrderMark) {
  const TreeNode root = tree_of(
      "\xef\xbb\xbf"
      "a: 1\r\nb: 2\r\n");
  ASSERT_EQ(root.children.size(), 2U);
  EXPECT_EQ(root.children[0].key, "a");
  EXPECT_EQ(root.children[0].value.text, "1");
  EXPECT_EQ(to_string(root.children[1].value.mark), "line 2, column 4");
}

TEST(YamlReader, FindsNothingInAnEmptyText) {
  for (const char* text : {"", "\n\n", "# only a comment\n", "---\n", "---\n...\n", "~"}) {
    EXPECT_EQ(tree_of(text).kind, NodeKind::kNothing) << text;
  }
}

TEST(YamlReader, PutsAMissingValueAtItsKey) {
  const TreeNode root = tree_of("a:\n\n\nb: 1\n");
  EXPECT_EQ(root.children[0].value.kind, NodeKind::kNothing);
  EXPECT_EQ(to_string(root.children[0].value.mark), "line 1, column 1");
}

TEST(YamlReader, NamesBothPlacesOfADuplicateKey) {
  bool read = false;
  EXPECT_EQ(error_of("a: 1\nb: 2\na: 3\n", &read),
            ":3:1: error: duplicate key 'a'; the first is at line 1, column 1");
  EXPECT_TRUE(read);
  EXPECT_EQ(error_of("{\"x\": 1, x: 2}"),
            ":1:10: error: duplicate key 'x'; the first is at line 1, column 2");
}

TEST(YamlReader, FindsADuplicateAmongManyKeys) {
  std::string text;
  for (int i = 0; i < 500; ++i) text += "k" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(error_of(text), "");
  EXPECT_EQ(error_of(text + "k3: 2\n"),
            ":501:1: error: duplicate key 'k3'; the first is at line 4, column 1");
  EXPECT_EQ(error_of(text + "k499: 2\n"),
            ":501:1: error: duplicate key 'k499'; the first is at line 500, column 1");
}

TEST(YamlReader, RefusesAnchorsAndAliases) {
  EXPECT_EQ(error_of("a: &x 1\n"),
            ":1:4: error: anchors (&name) are not supported; write the value out");
  EXPECT_EQ(error_of("a: *x\n"), ":1:4: error: not YAML: aliases (*name) are not supported");
  EXPECT_EQ(error_of("a: &x [1, *x]\n"),
            ":1:4: error: anchors (&name) are not supported; write the value out");
  EXPECT_EQ(error_of("&x a: 1\n"),
            ":1:1: error: anchors (&name) are not supported; write the value out");
}

TEST(YamlReader, MeetsAnAliasBombWithTwoLines) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string alias = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + alias;
    for (int j = 0; j < 8; ++j) bomb += ", " + alias;
    bomb += "]\n";
  }
  Problems problems;
  EXPECT_FALSE(read_yaml(bomb, problems));
  EXPECT_EQ(printed(problems.sorted()),
            (std::vector<std::string>{
                ":1:5: error: anchors (&name) are not supported; write the value out",
                ":2:10: error: aliases (*name) are not supported; write the value out"}));
}

TEST(YamlReader, RefusesTagsMergeKeysAndKeysThatAreNoWords) {
  EXPECT_EQ(error_of("a: !x 1\n"), ":1:4: error: tags ('!x') are not supported");
  EXPECT_EQ(error_of("a: !!str 1\n"),
            ":1:4: error: tags ('tag:yaml.org,2002:str') are not supported");
  EXPECT_EQ(error_of("a: !x [1]\n"), ":1:4: error: tags ('!x') are not supported");
  EXPECT_EQ(error_of("a: {<<: {b: 1}}\n"),
            ":1:5: error: merge keys (<<) are not supported; write the values out");
  EXPECT_EQ(error_of("? [a]\n: 1\n"), ":1:3: error: a key must be a word");
  EXPECT_EQ(error_of("{a: {? {b: c} : d}}"), ":1:8: error: a key must be a word");
  EXPECT_EQ(error_of("~: 1\n"), ":1:1: error: a key must be a word");
}

TEST(YamlReader, RefusesASecondDocument) {
  constexpr std::string_view kText =
      "error: the document ended before this; a configuration is one YAML document";
  EXPECT_EQ(error_of("a: 1\n---\nb: 2\n"), ":2:1: " + std::string(kText));
  EXPECT_EQ(error_of("- a\nb: 2\n"), ":2:1: " + std::string(kText));
}

TEST(YamlReader, RefusesDeepNestingWithAPlaceOfItsOwn) {
  const std::string deepest = std::string(kDepthMax, '[') + std::string(kDepthMax, ']');
  EXPECT_EQ(error_of(deepest), "");
  EXPECT_EQ(error_of("[" + deepest + "]"), ":1:65: error: nested deeper than 64 levels");
  for (const char* opening : {"[", "{", "- ", "? ", "{a: "}) {
    std::string text;
    for (int i = 0; i < 5000; ++i) text += opening;
    EXPECT_NE(error_of(text), "") << opening;
  }
}

TEST(YamlReader, BoundsTheNumberOfNodes) {
  std::string text = "[";
  for (std::size_t i = 0; i < kNodesMax; ++i) text += i % 1000 == 0 ? "1,\n" : "1,";
  EXPECT_NE(error_of(text + "]").find("more than 1048576 keys and values"), std::string::npos);
}

TEST(YamlReader, BoundsTheText) {
  EXPECT_EQ(error_of(std::string(kTextBytesMax + 1, '\n')),
            ":1:1: error: the text has more than 8 MiB");
}

struct Broken {
  std::string_view text;
  std::string_view error;
};

TEST(YamlReader, SaysInOurWordsWhatYamlCppMissed) {
  constexpr Broken kBroken[] = {
      {"a:\n  b: 1\n c: 2\n",
       ":3:2: error: not YAML: wrong indentation, or not of the form 'key: value'"},
      {"a: [1, 2\nb: 3\n", ":2:2: error: not YAML: a '[' without its ']'"},
      {"a: {b: 1,\n c: 2\n", ":3:1: error: not YAML: a '{' without its '}'"},
      {"a: b: c\n",
       ":1:5: error: not YAML: a ':' that belongs to no key; text with ': ' needs quotes"},
      {"a: 1\n}\n", ":2:1: error: not YAML: a closing bracket that nothing opened"},
      {"a: @x\n", ":1:4: error: not YAML: a character that text without quotes cannot begin with"},
      {"{:", ":1:2: error: not YAML: a character that text without quotes cannot begin with"},
      {"a:\n\t- x\n", ":2:2: error: not YAML: a tab in the indentation; YAML wants spaces"},
      {"a:\n  b: [::]:80\n",
       ":2:10: error: not YAML: an address in brackets needs quotes: \"[::]:80\""},
      {"a: \"\\q\"\n",
       ":1:7: error: not YAML: a '\\' that begins no escape; 'single quotes' have none"},
      {"a: \"\\", ":1:7: error: not YAML: a '\\' that begins no escape; 'single quotes' have none"},
  };
  for (const Broken& broken : kBroken)
    EXPECT_EQ(error_of(broken.text), broken.error) << broken.text;
}

TEST(YamlReader, NoticesAQuotationMarkThatIsNeverClosed) {
  constexpr std::string_view kText = "error: not YAML: a quotation mark that is never closed";
  EXPECT_EQ(error_of("a: \"x\n"), ":1:4: " + std::string(kText));
  EXPECT_EQ(error_of("a: 1\r\nb: 'it''s\r\n"), ":2:4: " + std::string(kText));
  EXPECT_EQ(error_of("a: \"x\\\"\n"), ":1:4: " + std::string(kText));
  EXPECT_EQ(error_of("a: 'it''s'\n"), "");
  EXPECT_EQ(error_of("a: \"x\\\\\"\n"), "");
  EXPECT_EQ(error_of("a: 'x'"), "");
}

TEST(YamlReader, SurvivesTheDocumentThatMakesLoadAllEatTheMemory) {
  // The shape of falco #3281: flow and block contexts that do not balance.
  EXPECT_NE(error_of("- macro: a\n  condition: [\n- list: b\n  items: [a, b\n- rule: {\n  x: ]\n"),
            "");
}

}  // namespace
}  // namespace config
