// The JSON Schema of the configuration, for editors and for checks outside Millrace. A pure
// function.
#pragma once

#include <string>

namespace config {

// Draft-07, which most editors know, with every key's default and a sentence about it. It is a
// little wider than the loader: ranges of durations and everything between two parts of the file
// are beyond it.
std::string json_schema();

}  // namespace config
