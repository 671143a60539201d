// Every address of a configuration that Millrace listens at, and which of them the kernel could not
// give us side by side. Points into the Config it was made of; loading thread.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "config/config.h"
#include "config/problem.h"

namespace config {

class BindTable {
 public:
  // Sets Bind::v6_only of a "[::]" whose port is also bound at 0.0.0.0, and reports every two
  // addresses that overlap, both places named. Port 0 overlaps nothing.
  BindTable(Config& config, Problems& problems);

 private:
  enum class Owner : std::uint8_t { kListener, kMetrics, kAdmin };
  struct Entry {
    const Bind* bind = nullptr;
    Owner owner = Owner::kListener;
  };
  struct Wildcards {
    Entry v4;
    Entry v6;
  };

  void set_v6_only(Bind& bind);
  void insert(Bind& bind, Owner owner, Problems& problems);
  // The wildcard that also takes what this address takes.
  Entry wildcard_over(const base::IpPort& ip) const;
  static std::string place_of(const Entry& entry);

  std::unordered_map<std::string, Entry> exact_;      // By the address's text.
  std::unordered_map<std::uint16_t, Wildcards> any_;  // By port.
};

}  // namespace config
