// The addresses this process has taken, before and while workers listen on them.
// Owned by an engine's factory; claim() and disclaim() on the main thread, duplicate_unix() on any.
#pragma once

#include <sys/types.h>

#include <mutex>
#include <vector>

#include "backends/transport.h"
#include "base/address.h"
#include "base/fd.h"
#include "base/result.h"

namespace backends::socket {

class Claims {
 public:
  Claims() = default;
  Claims(const Claims&) = delete;
  Claims& operator=(const Claims&) = delete;
  ~Claims();

  // TCP: binds a socket that never listens. It gets no connections, keeps every other process out,
  // and lets the workers of this one in. A port 0 becomes a number.
  // The workers must have the user id of this moment: SO_REUSEPORT asks for one owner.
  // UNIX: binds and listens. A path whose owner is dead is taken over; a path that is no socket is
  // never touched.
  // Errors: EADDRINUSE, and those of bind(2).
  base::Result<base::Address> claim(const ListenSpec& spec);

  // Forgets the address, and unlinks a UNIX path that is still ours. Unknown ones are ignored.
  void disclaim(const base::Address& address);

  // The listening socket of a claimed UNIX path, as a descriptor of its own: a path has one queue,
  // which all workers share. EADDRNOTAVAIL when the path is not claimed.
  base::Result<base::UniqueFd> duplicate_unix(const base::Address& address) const;

 private:
  struct Claim {
    base::Address address;
    base::UniqueFd fd;
    dev_t device = 0;  // Of a UNIX path, to know it again.
    ino_t inode = 0;
  };

  base::Result<base::Address> keep(Claim claim);
  static void unlink_if_ours(const Claim& claim);

  mutable std::mutex mutex_;
  std::vector<Claim> claims_;
};

}  // namespace backends::socket
