// The configuration with all its defaults written out: what `check --effective` prints. A pure
// function.
#pragma once

#include <string>

#include "config/config.h"

namespace config {

// YAML that loads again to an equal Config. The config must have been loaded without problems.
std::string effective(const Config& config);

}  // namespace config
