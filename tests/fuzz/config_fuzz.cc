// Any bytes as a configuration: no crash, no endless loop, and what the loader promises about its
// answer.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "config/diff.h"
#include "config/effective.h"
#include "config/loader.h"
#include "config/problem.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const config::Loaded loaded = config::load_text(text);
  if (!loaded) {
    CHECK(!loaded.error().empty());
    CHECK(loaded.error().size() <= config::Problems::kMax + 1);
    for (const config::Problem& problem : loaded.error()) {
      CHECK(problem.mark.line > 0 && problem.mark.column > 0);
      CHECK(!problem.text.empty());
      // One error, one line, and nothing that a terminal would obey.
      for (const char c : problem.text) CHECK(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    }
    return 0;
  }
  const config::Loaded again = config::load_text(config::effective(*loaded));
  CHECK(again && *again == *loaded);
  CHECK(config::summary(config::diff(*loaded, *again)) == "no changes");
  for (const config::Listener& listener : loaded->listeners) {
    CHECK(listener.upstream.index < loaded->upstreams.size());
    CHECK(!listener.bind.empty());
  }
  return 0;
}
