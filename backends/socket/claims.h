// The addresses this process has taken, before and while workers listen on them.
// Owned by an engine's factory; claim() and disclaim() on the main thread, share() on any.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <mutex>
#include <vector>

#include "backends/transport.h"
#include "base/address.h"
#include "base/fd.h"
#include "base/inherited_sockets.h"
#include "base/result.h"

namespace backends::socket {

class Claims {
 public:
  Claims() = default;
  Claims(const Claims&) = delete;
  Claims& operator=(const Claims&) = delete;
  ~Claims();

  // Sockets that the service manager opened, for the claims that come: see claim(). sockets
  // outlives this. workers: how many will listen at each address.
  void adopt(base::InheritedSockets& sockets, std::size_t workers);

  // An address at which adopted sockets listen is theirs, and nothing is bound: the queue is the
  // service manager's, and the path of a UNIX socket stays when the claim goes.
  // TCP: binds a socket that never listens. It gets no connections, keeps every other process out,
  // and lets the workers of this one in. A port 0 becomes a number.
  // The workers must have the user id of this moment: SO_REUSEPORT asks for one owner.
  // UNIX: binds and listens. A path whose owner is dead is taken over; a path that is no socket is
  // never touched.
  // Errors: EADDRINUSE, and those of bind(2).
  base::Result<base::Address> claim(const ListenSpec& spec);

  // Forgets the address, and unlinks a UNIX path that is still ours. Unknown ones are ignored.
  void disclaim(const base::Address& address);

  // What a worker listens on where it must not open a socket of its own, as descriptors of its own:
  // the one queue of a UNIX path, which all workers share, or its part of the adopted sockets.
  // Every one of these has at least one worker, and every worker at least one of these. Empty for
  // any other IP address; EADDRNOTAVAIL when a path is not claimed.
  base::Result<std::vector<base::UniqueFd>> share(const base::Address& address) const;

 private:
  struct Claim {
    base::Address address;
    base::UniqueFd fd;                     // Bound by us,
    std::vector<base::UniqueFd> adopted;   // or, when not empty, left to us.
    mutable std::size_t shares_given = 0;  // How often a worker took its part of these.
    dev_t device = 0;                      // Of a UNIX path, to know it again.
    ino_t inode = 0;
  };

  base::Result<base::Address> keep(Claim claim);
  static void unlink_if_ours(const Claim& claim);

  mutable std::mutex mutex_;
  std::vector<Claim> claims_;
  base::InheritedSockets* inherited_ = nullptr;
  std::size_t workers_ = 1;
};

}  // namespace backends::socket
