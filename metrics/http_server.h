// The HTTP server: /metrics, /healthz, /readyz, and what pages the program adds. Owned by main;
// serves on one thread of its own (libmicrohttpd with epoll), so that whatever its clients do, no
// worker notices.
//
// Every client is bounded: connections, memory of each, silence of each, one request of each. Slow
// or half-sent requests cannot keep a scraper out: past the limit the oldest connection is cut, not
// the newest (prometheus-cpp's own Exposer was blocked for more than 12 s by four half-sent
// requests).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "base/time.h"
#include "metrics/http_stats.h"

namespace metrics {

struct Health {
  bool good = true;
  std::string reason = "ok";  // One line for people; the body of the answer.
};

// A page beside the three. Fields are constant words; body is called as HttpHandlers' are.
struct HttpPage {
  struct Header {
    const char* name;
    const char* value;
  };
  const char* path;  // "/status.json"; no two pages have the same.
  const char* content_type;
  std::vector<Header> headers;
  std::function<std::string()> body;
};

// Called on the http thread, one at a time, from start() until the server is destroyed. They must
// not throw, and they answer quickly: meanwhile nobody else is served.
struct HttpHandlers {
  std::function<std::string()> metrics_page;  // /metrics, in the text format of page.h.
  std::function<Health()> live;   // /healthz: 200, or 503 when the program is of no use.
  std::function<Health()> ready;  // /readyz: 200, or 503 while draining, for example.
  std::vector<HttpPage> pages = {};
};

struct HttpLimits {
  std::uint32_t connections_max = 64;
  // The longest request head, and the most that a client can make us hold before its answer.
  std::size_t connection_memory_bytes = std::size_t{32} * 1024;
  // A connection on which nothing moves is closed after this. At least one second; whole seconds.
  base::Nanos idle_timeout = std::chrono::seconds(10);
};

class HttpServer {
 public:
  // Serves from the moment it returns. stats is written until the server is destroyed and must
  // outlive it. Error: a sentence with the address and the reason.
  static base::Parsed<HttpServer> start(const base::Address& bind, HttpHandlers handlers,
                                        HttpStats& stats, const HttpLimits& limits = {});

  HttpServer(HttpServer&&) noexcept;
  HttpServer& operator=(HttpServer&&) noexcept;
  // Cuts every connection and waits for the thread: as long as one handler takes, at most.
  ~HttpServer();

  // Where it listens: a port 0 has become a number.
  const base::Address& address() const;

 private:
  class Service;
  explicit HttpServer(std::unique_ptr<Service> service);

  std::unique_ptr<Service> service_;
};

}  // namespace metrics
