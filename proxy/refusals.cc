#include "proxy/refusals.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace proxy {
namespace {

constexpr std::array<std::string_view, 7> kCauseNames = {
    "not_in_kernel", "disabled", "denied", "memory", "descriptors", "too_old", "other"};
static_assert(kCauseNames.size() == static_cast<std::size_t>(backends::RefusalCause::kCount));

}  // namespace

std::string_view name(backends::RefusalCause cause) {
  return kCauseNames[static_cast<std::size_t>(cause)];
}

std::string engines_text(const std::vector<std::string_view>& engines) {
  std::string text;
  for (auto each = engines.begin(); each != engines.end(); ++each) {
    if (std::find(engines.begin(), each, *each) != each) continue;
    text += (text.empty() ? "" : " and ") + std::string(*each);
  }
  return text;
}

std::string refusal_text(const backends::Refusal& refusal,
                         const std::vector<std::string_view>& used) {
  std::vector<std::string_view> instead = used;
  std::erase(instead, refusal.engine);
  return fmt::format("transport {} is not used: {}; {} of {} transports {} on {}", refusal.engine,
                     refusal.reason, refusal.transports, used.size(),
                     refusal.transports == 1 ? "runs" : "run", engines_text(instead));
}

}  // namespace proxy
