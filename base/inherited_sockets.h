// Listening sockets that the service manager opened and left to this process (man 3
// sd_listen_fds): each goes to whoever asks for its address, and what nobody asked for is named and
// closed. Owned by main; on the main thread.
#pragma once

#include <string>
#include <vector>

#include "base/address.h"
#include "base/fd.h"
#include "base/result.h"

namespace base {

class InheritedSockets {
 public:
  InheritedSockets() = default;

  // Those of LISTEN_FDS, close-on-exec from now on; the variables are taken out of the environment,
  // so it can be called once. None when there are no such variables, or they are meant for another
  // process (LISTEN_PID). The error: they cannot be understood.
  static Parsed<InheritedSockets> of_environment();

  // name: what the service manager calls it (FDNAME), for messages.
  void add(UniqueFd fd, std::string name);

  bool empty() const { return sockets_.empty(); }
  bool has(const Address& address) const;

  // Every socket that listens at exactly this address, non-blocking; with ReusePort= there are
  // several. Empty: none does.
  std::vector<UniqueFd> take(const Address& address);
  // One of them, or an empty descriptor.
  UniqueFd take_one(const Address& address);

  // Closes what is left. One text for each: which one it was, and why it is of no use.
  std::vector<std::string> close_rest();

 private:
  struct Socket {
    UniqueFd fd;
    std::string name;
    bool listens = false;  // It is a stream socket that listens.
    Address address;
  };

  std::vector<Socket> sockets_;
};

}  // namespace base
