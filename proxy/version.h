// `millrace version`: what this binary is, and which of its engines this kernel allows. On the main
// thread.
#pragma once

#include <string_view>

namespace proxy {

// "0.1.0": the project's version, from the build.
std::string_view version();

// "GCC 12.2.0": what built it.
std::string_view compiler();

// Prints to stdout. Returns the exit code.
int print_version(bool json);

}  // namespace proxy
