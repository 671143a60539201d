#include "proxy/monitor_cells.h"

#include "base/assert.h"
#include "proxy/end_reason.h"

namespace proxy {

std::string_view name(CheckResult result) {
  switch (result) {
    case CheckResult::kPassed:
      return "passed";
    case CheckResult::kRefused:
      return "refused";
    case CheckResult::kUnreachable:
      return "unreachable";
    case CheckResult::kTimeout:
      return "timeout";
    case CheckResult::kReset:
      return "reset";
    case CheckResult::kClosed:
      return "closed";
    case CheckResult::kMismatch:
      return "mismatch";
    case CheckResult::kResource:
      return "resource";
    case CheckResult::kCount:
      break;
  }
  base::check_failed(__FILE__, __LINE__, "a result of the enum");
}

std::string_view name(EjectionCause cause) {
  switch (cause) {
    case EjectionCause::kConnectFailures:
      return "connect_failures";
    case EjectionCause::kResets:
      return "resets";
    case EjectionCause::kCount:
      break;
  }
  base::check_failed(__FILE__, __LINE__, "a cause of the enum");
}

CheckResult result_of_check_error(base::Errno error) {
  switch (base::code_of(error)) {
    case ENODATA:
      return CheckResult::kClosed;
    case ECONNRESET:
    case EPIPE:
      return CheckResult::kReset;
    default:
      break;
  }
  const Cause cause = cause_of_connect_error(error);
  if (cause == Cause::kConnectRefused) return CheckResult::kRefused;
  if (cause == Cause::kConnectTimeout) return CheckResult::kTimeout;
  if (cause == Cause::kConnectUnreachable) return CheckResult::kUnreachable;
  return CheckResult::kResource;
}

}  // namespace proxy
