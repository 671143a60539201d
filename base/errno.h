// An errno as a type of its own, so that it is not mistaken for a count or a descriptor.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>

namespace base {

// Holds any value of errno(3); only zero has a name here.
enum class Errno : std::int32_t { kNone = 0 };

// The calling thread's errno. Read it before anything else can overwrite it.
inline Errno last_errno() { return static_cast<Errno>(errno); }

constexpr Errno to_errno(int code) { return static_cast<Errno>(code); }
constexpr int code_of(Errno error) { return static_cast<int>(error); }

// "ECONNREFUSED"; a value the C library does not know becomes "errno 12345".
std::string errno_name(Errno error);

// "Connection refused (ECONNREFUSED)": for people.
std::string errno_text(Errno error);

}  // namespace base
