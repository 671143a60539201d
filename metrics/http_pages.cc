#include "metrics/http_pages.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "base/time.h"
#include "metrics/exposition.h"
#include "metrics/page.h"

namespace metrics {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

bool same_word(std::string_view text, std::string_view lower_case) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(), same);
}

// Whether an Accept-Encoding header names gzip, with a weight that is not zero (RFC 9110, 12.5.3).
// Its `*` is not understood: who says no more than that gets the plain body, which is right, too.
bool takes_gzip(std::string_view header) {
  while (!header.empty()) {
    const std::size_t comma = header.find(',');
    const std::string_view item = header.substr(0, comma);
    header = comma == std::string_view::npos ? std::string_view() : header.substr(comma + 1);
    const std::size_t semicolon = item.find(';');
    if (!same_word(trimmed(item.substr(0, semicolon)), "gzip")) continue;
    if (semicolon == std::string_view::npos) return true;
    const std::string_view weight = trimmed(item.substr(semicolon + 1));
    return weight.find_first_of("123456789", weight.find('=')) != std::string_view::npos;
  }
  return false;
}

HttpReply health_page(const Health& health) {
  return {health.good ? HttpStatus::kOk : HttpStatus::kUnavailable, health.reason + "\n"};
}

class ReadOnlyPages final : public HttpSite {
 public:
  ReadOnlyPages(HttpHandlers handlers, HttpStats& stats)
      : handlers_(std::move(handlers)), stats_(stats) {
    CHECK(handlers_.metrics_page && handlers_.live && handlers_.ready);
  }

  HttpAdmission admit(const HttpRequest& /*head*/) override { return {}; }
  HttpReply answer(const HttpRequest& request) override;
  // No page takes a body, so none is read.
  HttpReply too_long(const HttpRequest& /*head*/, std::size_t /*body_bytes_max*/) override {
    CHECK(false);
  }
  HttpReply too_many(const HttpRequest& /*head*/) override { CHECK(false); }

 private:
  struct Route {
    std::string_view path;
    HttpReply (ReadOnlyPages::*page)();
  };
  static const std::array<Route, 3> kRoutes;

  HttpReply no_such_page() const;
  static HttpReply show(const HttpPage& page, std::string_view accept_encoding);
  HttpReply show_metrics();
  HttpReply show_live() { return health_page(handlers_.live()); }
  HttpReply show_ready() { return health_page(handlers_.ready()); }

  HttpHandlers handlers_;
  HttpStats& stats_;
};

const std::array<ReadOnlyPages::Route, 3> ReadOnlyPages::kRoutes = {{
    {"/metrics", &ReadOnlyPages::show_metrics},
    {"/healthz", &ReadOnlyPages::show_live},
    {"/readyz", &ReadOnlyPages::show_ready},
}};

HttpReply ReadOnlyPages::answer(const HttpRequest& request) {
  // No page has an escape in its path, and the query means nothing to any.
  const std::string_view path = request.target.substr(0, request.target.find('?'));
  const auto is_asked = [&](const auto& known) { return known.path == path; };
  const auto* const route = std::find_if(kRoutes.begin(), kRoutes.end(), is_asked);
  const auto page = std::find_if(handlers_.pages.begin(), handlers_.pages.end(), is_asked);
  if (route == kRoutes.end() && page == handlers_.pages.end()) return no_such_page();
  if (request.method != "GET" && request.method != "HEAD") {
    return {.status = HttpStatus::kMethodNotAllowed,
            .body = "GET and HEAD only\n",
            .headers = {{"Allow", "GET, HEAD"}}};
  }
  return route != kRoutes.end() ? (this->*route->page)() : show(*page, request.accept_encoding);
}

HttpReply ReadOnlyPages::no_such_page() const {
  std::string text = "no such page; there are";
  for (const Route& route : kRoutes) text += " " + std::string(route.path);
  for (const HttpPage& page : handlers_.pages) text += " " + std::string(page.path);
  return {HttpStatus::kNotFound, text + "\n"};
}

HttpReply ReadOnlyPages::show(const HttpPage& page, std::string_view accept_encoding) {
  HttpReply reply = {.content_type = page.content_type};
  if (takes_gzip(accept_encoding) && !page.gzip.empty()) {
    reply.body = page.gzip;
    reply.headers.push_back({"Content-Encoding", "gzip"});
  } else {
    reply.body = page.body();
  }
  if (!page.gzip.empty()) reply.headers.push_back({"Vary", "Accept-Encoding"});
  for (const HttpPage::Header& header : page.headers) {
    reply.headers.push_back({header.name, header.value});
  }
  return reply;
}

HttpReply ReadOnlyPages::show_metrics() {
  const base::Nanos begin = base::monotonic_now();
  std::string page = handlers_.metrics_page();
  stats_.render_nanos.set((base::monotonic_now() - begin).count());
  return {HttpStatus::kOk, std::move(page), kTextContentType};
}

}  // namespace

std::unique_ptr<HttpSite> read_only_pages(HttpHandlers handlers, HttpStats& stats) {
  return std::make_unique<ReadOnlyPages>(std::move(handlers), stats);
}

}  // namespace metrics
