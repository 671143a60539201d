// How much memory of this process is resident. Linux only (proc(5)).
#pragma once

#include <cstddef>

namespace bench::c10m {

std::size_t resident_bytes();

}  // namespace bench::c10m
