// An HTTP server for machines: the metrics port is one, the admin API another, each with its own
// site. Owned by main; serves on one thread of its own (libmicrohttpd with epoll), so that whatever
// its clients do, no worker notices.
//
// Every client is bounded: connections, memory of each, silence of each, one request of each, the
// bytes and the time of its body. Slow or half-sent requests cannot keep others out: past the limit
// the oldest connection is cut, not the newest (prometheus-cpp's own Exposer was blocked for more
// than 12 s by four half-sent requests).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/address.h"
#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"
#include "metrics/http_site.h"
#include "metrics/http_stats.h"

namespace metrics {

struct HttpLimits {
  std::uint32_t connections_max = 64;
  // The longest request head, and the most that a client can make us hold before its answer beside
  // its body.
  std::size_t connection_memory_bytes = std::size_t{32} * 1024;
  // A connection on which nothing moves is closed after this. At least one second; whole seconds.
  base::Nanos idle_timeout = std::chrono::seconds(10);
  // The bodies of all clients together. How long each may be is the site's to say.
  std::size_t bodies_bytes_max = 0;
  // From the head of a request to the end of its body: a byte now and then is not silence.
  base::Nanos body_time_max = std::chrono::seconds(30);
  // Of a UNIX socket's file, from its first moment; 0: what the umask leaves.
  mode_t socket_mode = 0;
};

class HttpServer {
 public:
  // Serves from the moment it returns. stats is written until the server is destroyed and must
  // outlive it. listening: a socket that listens at bind already; without one the server opens its
  // own. Error: a sentence with the address and the reason.
  static base::Parsed<HttpServer> start(const base::Address& bind, std::unique_ptr<HttpSite> site,
                                        HttpStats& stats, const HttpLimits& limits = {},
                                        base::UniqueFd listening = {});

  HttpServer(HttpServer&&) noexcept;
  HttpServer& operator=(HttpServer&&) noexcept;
  // Cuts every connection and waits for the thread: as long as one call of the site takes, at most.
  ~HttpServer();

  // Where it listens: a port 0 has become a number.
  const base::Address& address() const;

 private:
  class Service;
  explicit HttpServer(std::unique_ptr<Service> service);

  std::unique_ptr<Service> service_;
};

}  // namespace metrics
