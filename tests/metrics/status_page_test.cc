#include "metrics/status_page.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <regex>
#include <set>
#include <string>
#include <string_view>

namespace metrics {
namespace {

std::string body_of(const std::string& path) {
  for (const HttpPage& page : status_page()) {
    if (page.path == path) return page.body();
  }
  return {};
}

TEST(StatusPage, WeighsNoMoreThanSixtyKibibytes) {
  std::size_t bytes = 0;
  for (const HttpPage& page : status_page()) {
    EXPECT_FALSE(page.body().empty()) << page.path;
    bytes += page.body().size();
  }
  EXPECT_LE(bytes, std::size_t{60} * 1024);
}

TEST(StatusPage, ServesEveryFileThatIsEmbedded) {
  EXPECT_EQ(2 * status_page().size(), status_page_files().size());
  for (const auto& [name, contents] : status_page_files()) {
    if (name.ends_with(".gz")) continue;
    const std::string path = "/" + (name == "index.html" ? "" : std::string(name));
    EXPECT_EQ(body_of(path), contents) << path;
  }
}

// That it is the same once it is unpacked a browser shows (tests/page).
TEST(StatusPage, EveryFileIsThereCompressedToo) {
  for (const HttpPage& page : status_page()) {
    const std::string file = page.path == std::string("/") ? "index.html" : page.path + 1;
    std::string_view compressed;
    for (const auto& [name, contents] : status_page_files()) {
      if (name == file + ".gz") compressed = contents;
    }
    EXPECT_TRUE(compressed.starts_with("\x1f\x8b")) << file;
    EXPECT_EQ(page.gzip, compressed) << file;
    EXPECT_LT(compressed.size(), page.body().size()) << file;
  }
}

// Whatever the page names is one of its files, or a page of the port: nothing comes from outside.
TEST(StatusPage, NamesOnlyWhatThePortHas) {
  std::set<std::string> known = {"metrics", "healthz", "readyz", "status.json"};
  for (const HttpPage& page : status_page()) known.insert(std::string(page.path).substr(1));
  const std::string html = body_of("/");
  const std::regex reference("(?:href|src)=\"([^\"#]*)\"");
  int found = 0;
  for (std::sregex_iterator it(html.begin(), html.end(), reference), end; it != end; ++it) {
    EXPECT_TRUE(known.contains((*it)[1])) << (*it)[1];
    ++found;
  }
  EXPECT_GE(found, 10);
}

TEST(StatusPage, HasNothingThatItsPolicyForbids) {
  const std::string html = body_of("/");
  for (const char* forbidden : {"<script>", " style=", "<style", " onclick", "javascript:"}) {
    EXPECT_EQ(html.find(forbidden), std::string::npos) << forbidden;
  }
  for (const char* path : {"/status.js", "/figures.js", "/widgets.js", "/lists.js"}) {
    const std::string script = body_of(path);
    ASSERT_FALSE(script.empty()) << path;
    for (const char* forbidden : {"innerHTML", "outerHTML", "insertAdjacentHTML", "eval(",
                                  "document.write", "new Function"}) {
      EXPECT_EQ(script.find(forbidden), std::string::npos) << path << ": " << forbidden;
    }
  }
}

TEST(StatusPage, EveryFileComesWithTheStrictPolicy) {
  for (const HttpPage& page : status_page()) {
    std::string policy;
    for (const HttpPage::Header& header : page.headers) {
      if (header.name == std::string("Content-Security-Policy")) policy = header.value;
    }
    EXPECT_TRUE(policy.starts_with("default-src 'none';")) << page.path;
    EXPECT_EQ(policy.find("unsafe"), std::string::npos) << page.path;
    EXPECT_EQ(policy.find('*'), std::string::npos) << page.path;
    for (const char* none : {"frame-ancestors", "base-uri", "form-action"}) {
      EXPECT_NE(policy.find(none + std::string(" 'none'")), std::string::npos) << page.path;
    }
  }
}

}  // namespace
}  // namespace metrics
