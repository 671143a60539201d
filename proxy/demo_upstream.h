// The upstreams of the demo: a few echo servers, each on a port of its own, all on one thread with
// one epoll. What comes in goes back; a FIN is answered with a FIN once everything has gone back.
// Owned by the demo, on the main thread.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/address.h"
#include "base/fd.h"
#include "base/result.h"
#include "proxy/demo_socket.h"

namespace proxy {

class DemoUpstream {
 public:
  // Serves when it returns. Connections past connections_max are closed at once.
  static base::Result<std::unique_ptr<DemoUpstream>> start(std::size_t endpoints,
                                                           std::size_t connections_max);
  DemoUpstream(const DemoUpstream&) = delete;
  DemoUpstream& operator=(const DemoUpstream&) = delete;
  // Closes every connection and waits for the thread.
  ~DemoUpstream();

  const std::vector<base::Address>& addresses() const { return addresses_; }

 private:
  struct Connection {
    base::UniqueFd fd;
    std::string owed;  // Read and not yet sent back: then nothing more is read.
  };

  DemoUpstream(std::vector<base::UniqueFd> listeners, std::size_t connections_max);

  void run();
  void accept_burst(int listener);
  void serve(std::size_t index);
  void echo(std::size_t index);
  bool send_owed(std::size_t index);
  void wait_for(std::size_t index, std::uint32_t events);
  void drop(std::size_t index);

  std::vector<base::UniqueFd> listeners_;
  std::vector<base::Address> addresses_;
  DemoPoller poller_;
  base::UniqueFd stop_;                  // An eventfd(2): readable when the thread is to end.
  std::vector<Connection> connections_;  // All of them from the start, so that serving one more
  std::vector<std::size_t> free_;        // takes no memory and the demo measures the proxy's alone.
  std::vector<char> buffer_;
  std::thread thread_;
};

}  // namespace proxy
