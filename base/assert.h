// CHECK: the programmer's promises, kept in production too. A broken one stops the process at once,
// because going on with a state that cannot be would relay one client's bytes to another.
// Expected trouble (network, limits, the operator's file) is a value and never comes here.
#pragma once

namespace base {

// Prints where and what to stderr, then aborts. Never returns.
[[noreturn]] void check_failed(const char* file, int line, const char* condition);

}  // namespace base

// A macro because the text of the condition is the message.
#define CHECK(condition)                               \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::base::check_failed(__FILE__, __LINE__, #condition))
