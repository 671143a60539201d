// `millrace doctor`: looks at the machine and says what limits the proxy on it, what to change,
// with which command, and why. It changes nothing. Main thread.
#pragma once

#include <iosfwd>
#include <vector>

#include "proxy/diagnosis.h"

namespace proxy {

// For people: aligned, the advice under its finding, a summary at the end.
void print_findings(const std::vector<Finding>& findings, std::ostream& out);

// For programs: {"problems": n, "advice": n, "findings": [{"level", "what", "value", "advice"}]}.
void print_findings_json(const std::vector<Finding>& findings, std::ostream& out);

// Examines this machine. The exit code: kExitDone, or kExitFailed when there is a problem.
int run_doctor(bool json, std::ostream& out);

}  // namespace proxy
