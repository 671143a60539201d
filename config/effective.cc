// The visitor of config/keys.h that prints; see effective.h.
#include "config/effective.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/keys.h"
#include "config/value_text.h"

namespace config {
namespace {

class Printer {
 public:
  template <typename T, typename Rule>
  void value(const Key& key, const T& field, const Rule& rule) {
    line(key.name, value_text(field, rule));
  }

  template <typename S>
  void section(const Key& key, const S& field) {
    line(key.name, "");
    ++depth_;
    keys::visit_keys(*this, field);
    --depth_;
  }

  template <typename S>
  void section(const Key& key, const std::optional<S>& field) {
    if (field) section(key, *field);
  }

  // An empty list is left out: it says nothing, and 'endpoints' beside 'original_dst' would be an
  // error.
  template <typename S>
  void list(const Key& key, const std::vector<S>& field, const ListRule& /*rule*/) {
    if (field.empty()) return;
    line(key.name, "");
    depth_ += 2;  // The "- " of an element's first line stands in the second step's place.
    for (const S& element : field) {
      dash_ = true;
      keys::visit_keys(*this, element);
    }
    depth_ -= 2;
  }

  void binds(const Key& key, const std::vector<Bind>& field, const ListRule& /*rule*/) {
    std::string all = "[";
    for (const Bind& bind : field) {
      all += (all.size() > 1 ? ", " : "") + value_text(bind.address, AddressUse::kListen);
    }
    line(key.name, all + "]");
  }

  void mark(std::string_view /*name*/, const Mark& /*mark*/) {}
  void unsupported(std::string_view /*name*/) {}
  template <typename S>
  void check(const S& /*section*/) {}

  std::string take() { return std::move(out_); }

 private:
  void line(std::string_view key, std::string_view text) {
    std::string indent(depth_ * 2, ' ');
    if (dash_) indent[indent.size() - 2] = '-';
    dash_ = false;
    out_.append(indent).append(key).append(text.empty() ? ":" : ": ").append(text).append("\n");
  }

  std::string out_;
  std::size_t depth_ = 0;
  bool dash_ = false;  // The next line is the first of a list's element.
};

}  // namespace

std::string effective(const Config& config) {
  Printer printer;
  keys::visit_keys(printer, config);
  return printer.take();
}

}  // namespace config
