#include "proxy/claims.h"

#include <cerrno>
#include <set>
#include <utility>

#include "base/assert.h"
#include "proxy/snapshot.h"

namespace proxy {

std::string bind_problem(const base::Address& address, base::Errno error) {
  const std::string place = base::to_string(address);
  switch (base::code_of(error)) {
    case EADDRINUSE:
      return "cannot listen on " + place +
             ": another process is listening there; find it with 'ss -ltnp'";
    case EACCES:
      return "cannot listen on " + place +
             ": no permission; a port below net.ipv4.ip_unprivileged_port_start (usually 1024) "
             "needs "
             "CAP_NET_BIND_SERVICE, a UNIX socket a writable directory";
    case EADDRNOTAVAIL:
      return "cannot listen on " + place +
             ": no interface of this machine has that address; see 'ip address'";
    case ENOENT:
      return "cannot listen on " + place + ": the directory of the UNIX socket does not exist";
    case ENOTSOCK:
    case EEXIST:
      return "cannot listen on " + place + ": a file that is not a socket is in the way";
    default:
      return "cannot listen on " + place + ": " + base::errno_text(error);
  }
}

Claims::Key Claims::key_of(const config::Listener& listener, const config::Bind& bind) {
  const std::string address = base::to_string(bind.address) + (bind.v6_only ? " v6" : "");
  const bool chosen_by_kernel =
      bind.address.family() != base::Family::kUnix && bind.address.ip.port == 0;
  return chosen_by_kernel ? listener.name + " " + address : address;
}

std::vector<config::Problem> Claims::add(const config::Config& config) {
  std::vector<config::Problem> problems;
  std::map<Key, base::Address> added;
  for (const config::Listener& listener : config.listeners) {
    for (const config::Bind& bind : listener.bind) {
      Key key = key_of(listener, bind);
      if (held_.contains(key) || added.contains(key)) continue;
      const auto address = factory_.claim(listen_spec(listener, bind));
      if (address) {
        added.emplace(std::move(key), *address);
      } else {
        problems.push_back(
            {.mark = bind.mark, .text = bind_problem(bind.address, address.error())});
      }
    }
  }
  if (problems.empty()) {
    held_.merge(added);
  } else {
    for (const auto& [key, address] : added) factory_.disclaim(address);
  }
  return problems;
}

std::vector<std::vector<base::Address>> Claims::addresses(const config::Config& config) const {
  std::vector<std::vector<base::Address>> all;
  for (const config::Listener& listener : config.listeners) {
    auto& addresses = all.emplace_back();
    for (const config::Bind& bind : listener.bind) {
      const auto held = held_.find(key_of(listener, bind));
      CHECK(held != held_.end());
      addresses.push_back(held->second);
    }
  }
  return all;
}

void Claims::keep_only(const config::Config& config) {
  std::set<Key> wanted;
  for (const config::Listener& listener : config.listeners) {
    for (const config::Bind& bind : listener.bind) wanted.insert(key_of(listener, bind));
  }
  std::erase_if(held_, [&](const auto& held) {
    if (wanted.contains(held.first)) return false;
    factory_.disclaim(held.second);
    return true;
  });
}

}  // namespace proxy
