// The visitor of config/keys.h that compares; see changed_keys.h. It knows no key by name, so it
// cannot forget one.
#include "config/changed_keys.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/keys.h"
#include "config/value_text.h"

namespace config {
namespace {

struct Value {
  std::string path;
  std::string text;
};

// Every value with its path, in the order of the table.
class Values {
 public:
  template <typename T, typename Rule>
  void value(const Key& key, const T& field, const Rule& rule) {
    all_.push_back({prefix_ + std::string(key.name), value_text(field, rule)});
  }

  template <typename S>
  void section(const Key& key, const S& field) {
    const std::size_t before = prefix_.size();
    prefix_.append(key.name).append(".");
    keys::visit_keys(*this, field);
    prefix_.resize(before);
  }

  template <typename S>
  void section(const Key& key, const std::optional<S>& field) {
    all_.push_back({prefix_ + std::string(key.name), field ? "there" : "absent"});
    if (field) section(key, *field);
  }

  template <typename S>
  void list(const Key& key, const std::vector<S>& field, const ListRule& /*rule*/) {
    std::string text;
    for (const S& element : field) {
      Values values;
      keys::visit_keys(values, element);
      // A control character separates them: no value has one.
      for (const Value& each : values.all_) text.append(each.text).append("\n");
    }
    all_.push_back({prefix_ + std::string(key.name), std::move(text)});
  }

  void binds(const Key& key, const std::vector<Bind>& field, const ListRule& /*rule*/) {
    std::string text;
    for (const Bind& bind : field) {
      text += value_text(bind.address, AddressUse::kListen) + "\n";
    }
    all_.push_back({prefix_ + std::string(key.name), std::move(text)});
  }

  void mark(std::string_view /*name*/, const Mark& /*mark*/) {}
  void unsupported(std::string_view /*name*/) {}
  template <typename S>
  void check(const S& /*section*/) {}

  std::vector<Value> take() { return std::move(all_); }

 private:
  std::vector<Value> all_;
  std::string prefix_;
};

template <typename S>
std::vector<std::string> compare(const S& old, const S& next) {
  Values before;
  Values after;
  keys::visit_keys(before, old);
  keys::visit_keys(after, next);
  std::map<std::string, std::string> left;
  for (Value& each : before.take()) left.emplace(std::move(each.path), std::move(each.text));
  std::vector<std::string> changed;
  // Keys inside of a section that came are told by the section's own name, which comes first. Those
  // of one that went are not visited in `next`, and the section's name is.
  std::string inside_of_changed;
  for (const Value& each : after.take()) {
    if (!inside_of_changed.empty() && each.path.starts_with(inside_of_changed)) continue;
    const auto found = left.find(each.path);
    if (found != left.end() && found->second == each.text) continue;
    changed.push_back(each.path);
    inside_of_changed = each.path + ".";
  }
  return changed;
}

}  // namespace

std::vector<std::string> changed_keys(const Listener& old, const Listener& next) {
  return compare(old, next);
}
std::vector<std::string> changed_keys(const Upstream& old, const Upstream& next) {
  return compare(old, next);
}
std::vector<std::string> changed_keys(const Endpoint& old, const Endpoint& next) {
  return compare(old, next);
}
std::vector<std::string> changed_keys(const Log& old, const Log& next) {
  return compare(old, next);
}
std::vector<std::string> changed_keys(const Shutdown& old, const Shutdown& next) {
  return compare(old, next);
}
std::vector<std::string> changed_keys(const Admin& old, const Admin& next) {
  return compare(old, next);
}

}  // namespace config
