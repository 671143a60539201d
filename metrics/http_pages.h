// The read-only pages of the metrics port: /metrics, /healthz, /readyz, and what pages the program
// adds. A site of an HttpServer, owned by it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/http_site.h"
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
  // The same compressed, for clients that take gzip; it lives as long as the site. Empty: nobody is
  // offered any.
  std::string_view gzip = {};
};

// Called on the http thread, one at a time, from start() until the server is destroyed. They must
// not throw, and they answer quickly: meanwhile nobody else is served.
struct HttpHandlers {
  std::function<std::string()> metrics_page;  // /metrics, in the text format of page.h.
  std::function<Health()> live;   // /healthz: 200, or 503 when the program is of no use.
  std::function<Health()> ready;  // /readyz: 200, or 503 while draining, for example.
  std::vector<HttpPage> pages = {};
};

// stats must outlive the site; the time that a page of metrics takes goes there.
std::unique_ptr<HttpSite> read_only_pages(HttpHandlers handlers, HttpStats& stats);

}  // namespace metrics
