// What an operator has ordered of endpoints through the admin API: to take no new sessions, or to
// have another weight than the file gives them. Applied when a snapshot is made, so that they come
// into force on all workers at once, as the DNS's answers do. In memory only: a restart forgets
// them. Owned by the supervisor, on the main thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace proxy {

enum class AdminState : std::uint8_t {
  kReady,       // As the file says.
  kDrain,       // No new sessions and no pooled connections; health checks go on.
  kMaintenance  // The same without health checks: they begin anew when it is back.
};

// As the admin API spells it: "ready", "drain", "maintenance".
std::string_view name(AdminState state);

struct EndpointOverride {
  AdminState state = AdminState::kReady;
  std::optional<std::uint32_t> weight;  // Unset: the file's.

  // Changes nothing: there is no need to keep it.
  bool empty() const { return state == AdminState::kReady && !weight; }
  // For new sessions, where the file or the DNS says `configured`.
  std::uint32_t effective_weight(std::uint32_t configured) const {
    return state == AdminState::kReady ? weight.value_or(configured) : 0;
  }
  friend bool operator==(const EndpointOverride&, const EndpointOverride&) = default;
};

// For the log: "drain, weight 50".
std::string to_text(const EndpointOverride& value);

class Overrides {
 public:
  // More than anybody orders by hand; a script that runs wild does not eat the memory.
  static constexpr std::size_t kMax = 4096;
  static constexpr std::uint32_t kWeightMax = 1000;

  // The upstream's name and the endpoint's address as the metrics print it.
  using Key = std::pair<std::string, std::string>;
  using Map = std::map<Key, EndpointOverride>;

  // Null: none.
  const EndpointOverride* find(const std::string& upstream, const std::string& endpoint) const;
  // An empty one takes the override away. The error says what would be right.
  base::Parsed<void> set(const std::string& upstream, const std::string& endpoint,
                         EndpointOverride value);
  // Takes those away that `stays` is false for, and says which.
  Map keep_if(const std::function<bool(const Key&)>& stays);

  const Map& all() const { return all_; }
  std::size_t size() const { return all_.size(); }

 private:
  Map all_;
};

}  // namespace proxy
