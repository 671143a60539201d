// The addresses this process holds for its listeners, from before any worker listens on one until
// no configuration names it any more. Owned by the supervisor, on the main thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "backends/transport_factory.h"
#include "config/config.h"
#include "config/problem.h"

namespace proxy {

class Claims {
 public:
  // The factory must outlive the claims.
  explicit Claims(backends::TransportFactory& factory) : factory_(factory) {}
  Claims(const Claims&) = delete;
  Claims& operator=(const Claims&) = delete;
  ~Claims() { keep_only({}); }

  // Claims what the configuration binds and is not held yet. Every address that cannot be had
  // becomes a problem at its place in the file; then nothing new is held.
  std::vector<config::Problem> add(const config::Config& config);

  // Where a configured bind really is, for each bind of each listener. All must be held.
  std::vector<std::vector<base::Address>> addresses(const config::Config& config) const;

  // Lets go of everything that the configuration does not bind.
  void keep_only(const config::Config& config);

 private:
  // A port 0 belongs to the listener that asked for it; any other address may move between
  // listeners.
  using Key = std::string;
  static Key key_of(const config::Listener& listener, const config::Bind& bind);

  backends::TransportFactory& factory_;
  std::map<Key, base::Address> held_;
};

// Why an address could not be listened on and what would help, in a sentence.
std::string bind_problem(const base::Address& address, base::Errno error);

}  // namespace proxy
