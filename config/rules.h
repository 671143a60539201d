// What a key of the configuration file may hold: the kinds of values beside the plain ones of
// scalars.h. keys.h names one for each key; every visitor of that table knows them all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "config/scalars.h"

namespace config {

struct Key {
  std::string_view name;
  std::string_view help;  // For the schema: what an editor shows.
  bool required = false;
};

struct BooleanRule {};
struct NameRule {};

// An integer, or auto.
struct AutoIntegerRule {
  IntegerRule integer;
};

// 0 to 65535.
struct PortRule {};

// auto, a list of integers, or text like "0-3,6".
struct CpusRule {};

// An IP address, a list of them, or "" for none.
struct SourcesRule {
  std::size_t max = 0;
};

// "IP:PORT" or "IP", which has port 53, or a list of them; the list may be empty.
struct ServersRule {
  std::size_t max = 0;
};

// A list of words without spaces.
struct WordsRule {
  std::size_t max = 0;
  bool unique = false;
};

// "IP/BITS": an address that a machine can have, and its network.
struct NetworkRule {};

// An IP address, or "" for none.
struct GatewayRule {};

// The absolute path of a file, or "" for none.
struct FileRule {};

// The name of a user of this machine, or "" for none.
struct UserRule {};

// A host's name (RFC 1123).
struct DnsNameRule {};

// "stderr", "syslog", "journald", or "file:" and an absolute path.
struct AccessOutputRule {};

// "100/s", or 0/s.
struct RateRule {
  std::uint32_t max = 0;
};

// Bytes as text with escapes, or "hex:" and digits; see payload.h.
struct PayloadRule {
  std::size_t max = 0;
};

template <typename E>
struct Choice {
  std::string_view name;
  E value;
};

template <typename E>
struct ChoiceRule {
  std::span<const Choice<E>> choices;
};

struct ListRule {
  std::size_t min = 0;
  std::size_t max = 0;
};

}  // namespace config
