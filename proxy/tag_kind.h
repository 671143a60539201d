// What the tag of a transport's event names; its id is the slot of that kind of thing. One worker's
// own agreement with itself: a transport returns tags untouched.
#pragma once

#include <cstdint>

#include "backends/transport.h"
#include "base/slab.h"

namespace proxy {

enum class TagKind : std::uint8_t {
  kListener,  // Accepts.
  kClient,    // A session's client connection, before the relay.
  kSession,   // A session's connect and relay.
  kPool,      // A connection of a pool, and its connect.
  kCheck      // A health check, on the monitor.
};

constexpr backends::Tag make_tag(TagKind kind, base::SlotId id) {
  return {.kind = static_cast<std::uint8_t>(kind), .id = id};
}

constexpr bool names(const backends::Tag& tag, TagKind kind) {
  return tag.kind == static_cast<std::uint8_t>(kind);
}

}  // namespace proxy
