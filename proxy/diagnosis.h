// What the machine's settings and rights mean for Millrace: the judging half of `doctor`. Pure
// functions of what machine.h found. Main thread.
#pragma once

#include <string>
#include <vector>

#include "proxy/machine.h"

namespace proxy {

struct Finding {
  enum Level {
    kOk,
    kAdvice,  // Works, but could be better for many sessions or for reloads.
    kProblem  // Millrace cannot do here what it is for.
  };
  Level level = kOk;
  std::string what;    // The setting's own name where it has one.
  std::string value;   // As found, with what it means.
  std::string advice;  // What to change and why, with the command. Empty exactly when kOk.
};

// All findings, in the same order on every machine. A setting that cannot be read is an advice that
// says so; one that this kernel does not have and that has no meaning then is left out.
std::vector<Finding> examine_machine(const KernelSettings& settings, const ProcessRights& rights);

}  // namespace proxy
