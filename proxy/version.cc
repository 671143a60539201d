#include "proxy/version.h"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "backends/transport_factory.h"
#include "proxy/exit_code.h"

namespace proxy {
namespace {

#ifdef __clang__
constexpr std::string_view kCompiler = "Clang " __clang_version__;
#else
constexpr std::string_view kCompiler = "GCC " __VERSION__;
#endif

}  // namespace

std::string_view version() { return MILLRACE_VERSION; }

std::string_view compiler() { return kCompiler; }

int print_version(bool json) {
  const auto engines = backends::engines();
  if (json) {
    nlohmann::ordered_json out = {{"version", version()}, {"compiler", compiler()}};
    out["engines"] = nlohmann::ordered_json::array();
    for (const backends::EngineInfo& engine : engines) {
      nlohmann::ordered_json entry = {{"name", engine.name}, {"usable", engine.usable}};
      if (!engine.usable) entry["reason"] = engine.reason;
      out["engines"].push_back(entry);
    }
    fmt::print("{}\n", out.dump(2));
    return kExitDone;
  }
  fmt::print("millrace {}\ncompiler {}\n", version(), compiler());
  for (const backends::EngineInfo& engine : engines) {
    fmt::print("engine {}: {}\n", engine.name,
               engine.usable ? "usable here" : "not usable here: " + engine.reason);
  }
  return kExitDone;
}

}  // namespace proxy
