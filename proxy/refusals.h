// Engines that this machine refuses, in words: for the log and the metrics. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backends/transport_factory.h"

namespace proxy {

// The label's word, such as "denied".
std::string_view name(backends::RefusalCause cause);

// Each engine once, in the order of the list: "io_uring and epoll".
std::string engines_text(const std::vector<std::string_view>& engines);

// What is refused, why, and what is used instead. used: the engine of every transport that was
// made.
std::string refusal_text(const backends::Refusal& refusal,
                         const std::vector<std::string_view>& used);

}  // namespace proxy
