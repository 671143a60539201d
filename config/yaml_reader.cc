// yaml-cpp's event interface, and what we refuse of YAML; see yaml_reader.h. Load() and LoadAll()
// are never called: they build graphs with cycles, and a six-line document makes LoadAll() take all
// memory.
#include "config/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <exception>
#include <sstream>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "config/text.h"

namespace config {
namespace {

// The parser can be stopped from inside an event only by an exception. Caught in read_yaml.
struct Stop {};

Mark from_yaml(const YAML::Mark& mark) {
  const auto from_one = [](int value) {
    return static_cast<std::uint32_t>(std::max(value, 0)) + 1;
  };
  return {from_one(mark.line), from_one(mark.column)};
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Problems& problems) : problems_(problems) {}

  TreeNode take_root() { return std::move(root_); }
  const YAML::Mark& last_scalar() const { return last_scalar_; }
  // The tree then lacks what the aliases stood for, and errors about that would be noise.
  bool has_references() const { return anchor_seen_ || alias_seen_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1)
      stop(mark, "the document ended before this; a configuration is one YAML document");
  }
  void OnDocumentEnd() override {}

  void OnAnchor(const YAML::Mark& mark, const std::string& /*name*/) override {
    if (!std::exchange(anchor_seen_, true)) {
      problems_.add(from_yaml(mark), "anchors (&name) are not supported; write the value out");
    }
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    if (!std::exchange(alias_seen_, true)) {
      problems_.add(from_yaml(mark), "aliases (*name) are not supported; write the value out");
    }
    count(mark);
    attach({.kind = NodeKind::kNothing, .mark = from_yaml(mark), .text = {}, .children = {}});
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    count(mark);
    attach({.kind = NodeKind::kNothing, .mark = from_yaml(mark), .text = {}, .children = {}});
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                const std::string& value) override {
    count(mark);
    refuse_tag(mark, tag);
    last_scalar_ = mark;
    attach({.kind = NodeKind::kScalar,
            .quoted = tag == kQuotedTag,
            .mark = from_yaml(mark),
            .text = value,
            .children = {}});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {
    open(NodeKind::kSequence, mark, tag);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {
    open(NodeKind::kMapping, mark, tag);
  }
  void OnMapEnd() override { close(); }

 private:
  // What yaml-cpp reports for a value without a tag of its own.
  static constexpr std::string_view kPlainTag = "?";
  static constexpr std::string_view kQuotedTag = "!";
  // Up to here a duplicate key is found faster by looking at all of them.
  static constexpr std::size_t kLinearMax = 16;

  // A sequence or mapping whose end has not come yet.
  struct Open {
    TreeNode node;
    bool has_key = false;   // A mapping whose next value belongs to key.
    bool drop_key = false;  // That key was refused, so its value is dropped.
    std::string key;
    Mark key_mark;
    std::unordered_map<std::string, Mark> seen;  // Filled only beyond kLinearMax keys.
  };

  [[noreturn]] void stop(const YAML::Mark& mark, std::string text) {
    problems_.add(from_yaml(mark), std::move(text));
    throw Stop{};
  }

  void count(const YAML::Mark& mark) {
    if (++nodes_ > kNodesMax) {
      stop(mark, "more than " + std::to_string(kNodesMax) + " keys and values");
    }
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == kPlainTag || tag == kQuotedTag) return;
    problems_.add(from_yaml(mark), "tags (" + quote(tag) + ") are not supported");
  }

  void open(NodeKind kind, const YAML::Mark& mark, const std::string& tag) {
    count(mark);
    refuse_tag(mark, tag);
    if (open_.size() == kDepthMax) {
      stop(mark, "nested deeper than " + std::to_string(kDepthMax) + " levels");
    }
    open_.emplace_back();
    open_.back().node.kind = kind;
    open_.back().node.mark = from_yaml(mark);
  }

  void close() {
    CHECK(!open_.empty());
    TreeNode node = std::move(open_.back().node);
    open_.pop_back();
    attach(std::move(node));
  }

  void attach(TreeNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == NodeKind::kSequence) {
      parent.node.children.push_back({{}, node.mark, std::move(node)});
    } else if (!parent.has_key) {
      take_key(parent, std::move(node));
    } else {
      parent.has_key = false;
      if (parent.drop_key) return;
      // yaml-cpp puts "no value" where the next token is, which may be far below.
      if (node.kind == NodeKind::kNothing) node.mark = parent.key_mark;
      parent.node.children.push_back({std::move(parent.key), parent.key_mark, std::move(node)});
    }
  }

  void take_key(Open& mapping, TreeNode node) {
    mapping.has_key = true;
    mapping.drop_key = true;
    mapping.key_mark = node.mark;
    if (node.kind != NodeKind::kScalar) {
      problems_.add(node.mark, "a key must be a word");
      return;
    }
    if (node.text == "<<" && !node.quoted) {
      problems_.add(node.mark, "merge keys (<<) are not supported; write the values out");
      return;
    }
    if (const Mark* first = find_key(mapping, node.text)) {
      problems_.add(node.mark,
                    "duplicate key " + quote(node.text) + "; the first is at " + to_string(*first));
      return;
    }
    mapping.drop_key = false;
    mapping.key = std::move(node.text);
    if (!mapping.seen.empty()) mapping.seen.emplace(mapping.key, mapping.key_mark);
  }

  // Null when the mapping has no such key yet.
  static const Mark* find_key(Open& mapping, const std::string& key) {
    const std::vector<Child>& children = mapping.node.children;
    if (mapping.seen.empty()) {
      for (const Child& child : children) {
        if (child.key == key) return &child.key_mark;
      }
      if (children.size() < kLinearMax) return nullptr;
      for (const Child& child : children) mapping.seen.emplace(child.key, child.key_mark);
      return nullptr;
    }
    const auto found = mapping.seen.find(key);
    return found == mapping.seen.end() ? nullptr : &found->second;
  }

  Problems& problems_;
  std::vector<Open> open_;
  TreeNode root_;
  YAML::Mark last_scalar_;
  std::size_t nodes_ = 0;
  std::size_t documents_ = 0;
  bool anchor_seen_ = false;
  bool alias_seen_ = false;
};

// yaml-cpp takes a quotation mark that is never closed for one that is closed by the last line's
// end. Such a scalar runs to the end of the text, so only the last one can be it.
bool closes(std::string_view text, std::size_t begin) {
  if (begin >= text.size() || (text[begin] != '"' && text[begin] != '\'')) return true;
  const char quote = text[begin];
  for (std::size_t i = begin + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      const bool doubled = quote == '\'' && i + 1 < text.size() && text[i + 1] == quote;
      if (!doubled) return true;
      ++i;
    }
  }
  return false;
}

std::string_view line_at(std::string_view text, const Mark& mark) {
  for (std::uint32_t line = 1; line < mark.line; ++line) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// yaml-cpp's messages name what its parser missed, not what the operator did.
std::string explain(const std::string& message, std::string_view line) {
  struct Translation {
    std::string_view from;
    std::string_view to;
  };
  static constexpr std::array kTranslations = {
      Translation{"end of map not found", "wrong indentation, or not of the form 'key: value'"},
      Translation{"end of sequence not found", "wrong indentation in a list"},
      Translation{"end of sequence flow not found", "a '[' without its ']'"},
      Translation{"end of map flow not found", "a '{' without its '}'"},
      Translation{"illegal map value", "a ':' that belongs to no key; text with ': ' needs quotes"},
      Translation{"illegal block entry", "a '-' that belongs to no list"},
      Translation{"illegal flow end", "a closing bracket that nothing opened"},
      Translation{"illegal EOF in scalar", "a quotation mark that is never closed"},
      Translation{"unknown token", "a character that text without quotes cannot begin with"},
      // Goes on with the byte itself, be it half a character or yaml-cpp's sign for the end.
      Translation{"unknown escape character",
                  "a '\\' that begins no escape; 'single quotes' have none"},
      Translation{"the referenced anchor is not defined", "aliases (*name) are not supported"},
      Translation{"cannot assign multiple anchors to the same node",
                  "anchors (&name) are not supported"},
  };
  const std::size_t indent = line.find_first_not_of(" \t");
  if (line.substr(0, indent).find('\t') != std::string_view::npos) {
    return "a tab in the indentation; YAML wants spaces";
  }
  if (line.find("]:") != std::string_view::npos) {
    return "an address in brackets needs quotes: \"[::]:80\"";
  }
  for (const Translation& translation : kTranslations) {
    if (message.starts_with(translation.from)) return std::string(translation.to);
  }
  return message;
}

}  // namespace

std::optional<TreeNode> read_yaml(std::string_view text, Problems& problems) {
  if (text.size() > kTextBytesMax) {
    problems.add({}, "the text has more than " + std::to_string(kTextBytesMax >> 20U) + " MiB");
    return std::nullopt;
  }
  if (auto problem = check_text(text)) {
    problems.add(problem->mark, std::move(problem->text));
    return std::nullopt;
  }
  text = without_bom(text);
  TreeBuilder builder(problems);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    // The second call meets either the end of the text or a second document, which the builder
    // refuses.
    if (parser.HandleNextDocument(builder)) parser.HandleNextDocument(builder);
    if (builder.has_references()) return std::nullopt;
    const YAML::Mark& last = builder.last_scalar();
    if (closes(text, static_cast<std::size_t>(last.pos))) return builder.take_root();
    problems.add(from_yaml(last), "not YAML: a quotation mark that is never closed");
  } catch (const Stop&) {
    return std::nullopt;
  } catch (const YAML::Exception& error) {
    const Mark mark = from_yaml(error.mark);
    problems.add(mark, "not YAML: " + explain(error.msg, line_at(text, mark)));
  } catch (const std::exception& error) {
    problems.add({}, std::string("cannot be read: ") + error.what());
  }
  return std::nullopt;
}

}  // namespace config
