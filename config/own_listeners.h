// Whether a connection would come back to a listener of this process. Asked of the file's endpoints
// when it is loaded, and of the DNS's answers while Millrace runs. A plain value, immutable once it
// is filled; any thread may have one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/address.h"

namespace config {

class OwnListeners {
 public:
  // A listener is bound there; `id` is the caller's name for it. Of two ids with one address the
  // first stays. Port 0 is nowhere yet, and is passed over.
  void add(const base::Address& bound, std::size_t id);

  // The id that a connection to the address would reach; nothing when none is known to. A wildcard
  // is reached through loopback (127.0.0.0/8 and ::1) only: which other addresses are this
  // machine's is not known here, and may change.
  std::optional<std::size_t> reached_by(const base::Address& address) const;

  friend bool operator==(const OwnListeners&, const OwnListeners&) = default;

 private:
  struct Wildcards {
    std::optional<std::size_t> v4;
    std::optional<std::size_t> v6;
    friend bool operator==(const Wildcards&, const Wildcards&) = default;
  };

  std::unordered_map<std::string, std::size_t> exact_;  // By the address's text.
  std::unordered_map<std::uint16_t, Wildcards> any_;    // By port.
};

}  // namespace config
