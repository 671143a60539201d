#include "metrics/status_page.h"

#include <array>
#include <string>
#include <string_view>

#include "base/assert.h"

namespace metrics {
namespace {

// Scripts, styles and figures from this port only, and no markup that is written by a script: were
// a name of the configuration ever to come out as markup, it would stay text. no-referrer: the
// address of a management port is nobody's business. same-origin: other sites cannot even embed it.
constexpr HttpPage::Header kSecurityPolicy = {
    "Content-Security-Policy",
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"};
constexpr HttpPage::Header kReferrerPolicy = {"Referrer-Policy", "no-referrer"};
constexpr HttpPage::Header kResourcePolicy = {"Cross-Origin-Resource-Policy", "same-origin"};

struct Place {
  std::string_view file;
  const char* path;
  const char* content_type;
};

constexpr const char* kScript = "text/javascript; charset=utf-8";
constexpr std::array<Place, 7> kPlaces = {{
    {"index.html", "/", "text/html; charset=utf-8"},
    {"status.css", "/status.css", "text/css; charset=utf-8"},
    {"status.js", "/status.js", kScript},
    {"figures.js", "/figures.js", kScript},
    {"widgets.js", "/widgets.js", kScript},
    {"lists.js", "/lists.js", kScript},
    {"icon.svg", "/icon.svg", "image/svg+xml"},
}};

std::string_view contents_of(std::string_view file) {
  for (const auto& [name, bytes] : status_page_files()) {
    if (name == file) return bytes;
  }
  base::check_failed(__FILE__, __LINE__, "a file of the page");
}

}  // namespace

std::vector<HttpPage> status_page() {
  std::vector<HttpPage> pages;
  for (const Place& place : kPlaces) {
    const std::string_view contents = contents_of(place.file);
    pages.push_back({.path = place.path,
                     .content_type = place.content_type,
                     .headers = {kSecurityPolicy, kReferrerPolicy, kResourcePolicy},
                     .body = [contents] { return std::string(contents); },
                     .gzip = contents_of(std::string(place.file) + ".gz")});
  }
  return pages;
}

}  // namespace metrics
