#include "proxy/doctor.h"

#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>

#include "proxy/exit_code.h"

namespace proxy {

namespace {

const char* name_of(Finding::Level level) {
  switch (level) {
    case Finding::kOk:
      return "ok";
    case Finding::kAdvice:
      return "advice";
    case Finding::kProblem:
      return "problem";
  }
  return "";
}

std::ptrdiff_t count_of(const std::vector<Finding>& findings, Finding::Level level) {
  return std::count_if(findings.begin(), findings.end(),
                       [&](const Finding& finding) { return finding.level == level; });
}

}  // namespace

void print_findings(const std::vector<Finding>& findings, std::ostream& out) {
  constexpr std::size_t kLevelWidth = 9;
  std::size_t what_width = 0;
  for (const Finding& finding : findings)
    what_width = std::max(what_width, finding.what.size() + 2);
  out << std::left;
  for (const Finding& finding : findings) {
    out << std::setw(kLevelWidth) << name_of(finding.level)
        << std::setw(static_cast<int>(what_width)) << finding.what << finding.value << '\n';
    if (!finding.advice.empty()) {
      out << std::setw(kLevelWidth) << ""
          << "  " << finding.advice << '\n';
    }
  }
  out << '\n'
      << count_of(findings, Finding::kOk) << " ok, " << count_of(findings, Finding::kAdvice)
      << " to improve, " << count_of(findings, Finding::kProblem) << " to repair\n";
}

void print_findings_json(const std::vector<Finding>& findings, std::ostream& out) {
  nlohmann::ordered_json report = {{"problems", count_of(findings, Finding::kProblem)},
                                   {"advice", count_of(findings, Finding::kAdvice)},
                                   {"findings", nlohmann::ordered_json::array()}};
  for (const Finding& finding : findings) {
    report["findings"].push_back({{"level", name_of(finding.level)},
                                  {"what", finding.what},
                                  {"value", finding.value},
                                  {"advice", finding.advice}});
  }
  // A file of /proc need not be UTF-8, and dump() throws unless it may replace what is not.
  out << report.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

int run_doctor(bool json, std::ostream& out) {
  const auto findings = examine_machine(KernelSettings("/"), ask_for_rights());
  if (json) {
    print_findings_json(findings, out);
  } else {
    print_findings(findings, out);
  }
  return count_of(findings, Finding::kProblem) == 0 ? kExitDone : kExitFailed;
}

}  // namespace proxy
