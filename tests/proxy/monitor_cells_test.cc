#include "proxy/monitor_cells.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <utility>
#include <vector>

namespace proxy {
namespace {

template <typename Enum>
std::size_t different_names() {
  std::set<std::string_view> all;
  for (int i = 0; i < static_cast<int>(Enum::kCount); ++i) all.insert(name(static_cast<Enum>(i)));
  return all.size();
}

TEST(MonitorCells, HaveANameForEachResultAndCause) {
  EXPECT_EQ(different_names<CheckResult>(), static_cast<std::size_t>(CheckResult::kCount));
  EXPECT_EQ(different_names<EjectionCause>(), static_cast<std::size_t>(EjectionCause::kCount));
}

TEST(MonitorCells, TellTheEndpointsFaultsFromOurOwn) {
  const std::vector<std::pair<int, CheckResult>> cases = {{ECONNREFUSED, CheckResult::kRefused},
                                                          {ETIMEDOUT, CheckResult::kTimeout},
                                                          {EHOSTUNREACH, CheckResult::kUnreachable},
                                                          {ECONNRESET, CheckResult::kReset},
                                                          {EPIPE, CheckResult::kReset},
                                                          {ENODATA, CheckResult::kClosed},
                                                          {EMFILE, CheckResult::kResource},
                                                          {EADDRNOTAVAIL, CheckResult::kResource},
                                                          {ENOTSUP, CheckResult::kResource}};
  for (const auto& [error, result] : cases) {
    EXPECT_EQ(result_of_check_error(base::to_errno(error)), result) << error;
  }
}

TEST(MonitorCells, CountEachByItself) {
  MonitorCells cells;
  cells.checked(CheckResult::kTimeout);
  cells.ejected(EjectionCause::kResets);
  EXPECT_EQ(cells.checks[static_cast<std::size_t>(CheckResult::kTimeout)].value(), 1U);
  EXPECT_EQ(cells.checks[static_cast<std::size_t>(CheckResult::kPassed)].value(), 0U);
  EXPECT_EQ(cells.ejections[static_cast<std::size_t>(EjectionCause::kResets)].value(), 1U);
}

}  // namespace
}  // namespace proxy
