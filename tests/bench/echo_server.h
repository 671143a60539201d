// What the load talks to, behind the proxy or without one: one thread, one epoll, every kind of
// connection at once. The first byte of a connection is its Purpose and is sent back:
//   kEchoThenReset  every byte goes back; when the client ends, the connection is closed with RST.
//                   HAProxy and nginx end the upstream leg with FIN even after a client's reset;
//                   the RST frees their port at once, else 28,000 sessions would use all of them
//                   up.
//   kEchoThenClose  the same, closed with FIN
//   kSink           bytes are counted; at the client's end of file the count goes back (8 bytes)
//   kSource         every 8 bytes are a number, and that many bytes go back
// Numbers are big-endian. Owned by main; run() lives on whichever thread calls it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/address.h"
#include "base/fd.h"
#include "base/result.h"
#include "tests/bench/socket.h"

namespace bench {

class EchoServer {
 public:
  static base::Result<EchoServer> listen(const base::Address& address);

  // With the port the kernel chose.
  base::Address address() const { return local_address(listener_.get()); }

  // Serves until stop_fd is readable or at its end.
  void run(int stop_fd);

 private:
  struct Connection {
    base::UniqueFd fd;
    std::optional<Purpose> purpose;         // None before the first byte.
    std::uint64_t received = 0;             // kSink.
    std::uint64_t owed = 0;                 // kSource: still to send.
    std::array<std::uint8_t, 8> request{};  // kSource: the number being read,
    std::size_t request_bytes = 0;          // and how much of it is there.
    bool ended = false;                     // kSource: the client asks for nothing more.
    bool waits_for_room = false;            // kSource: EPOLLOUT is on.
  };

  explicit EchoServer(base::UniqueFd listener);

  void accept_burst();
  void serve(Connection& connection);
  void read(Connection& connection);
  void take(Connection& connection, std::size_t bytes);
  void take_requests(Connection& connection, std::size_t offset, std::size_t bytes);
  void end(Connection& connection);
  void pump(Connection& connection);
  void answer(Connection& connection, const void* data, std::size_t bytes);
  static void drop(Connection& connection);

  base::UniqueFd listener_;
  Poller poller_;
  std::vector<Connection> connections_;  // By descriptor.
  std::vector<char> buffer_;
};

}  // namespace bench
