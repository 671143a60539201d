// Errors as values: a Result holds what was asked for or why it could not be had.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "base/errno.h"

namespace base {

// Results of the system: why is an Errno.
template <typename T>
using Result = tl::expected<T, Errno>;

// Results of what people wrote: why is a sentence without its place; the caller knows the place.
template <typename T>
using Parsed = tl::expected<T, std::string>;

template <typename E>
auto failure(E error) {
  return tl::make_unexpected(std::move(error));
}

// The last system call's error as a Result of any type.
inline auto failure_of_errno() { return tl::make_unexpected(last_errno()); }

}  // namespace base
