// What the process says when it ends. Public: scripts and service managers depend on it.
#pragma once

namespace proxy {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;  // At run time.
inline constexpr int kExitUsage = 2;   // The command line or the configuration is wrong.

}  // namespace proxy
