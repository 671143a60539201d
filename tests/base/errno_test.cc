// Errors as the log and the metrics print them.
#include "base/errno.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

namespace {

using base::errno_name;
using base::errno_text;
using base::to_errno;

TEST(Errno, HasTheNameOfErrno) {
  EXPECT_EQ(errno_name(to_errno(ECONNREFUSED)), "ECONNREFUSED");
  EXPECT_EQ(errno_name(to_errno(EMFILE)), "EMFILE");
  EXPECT_EQ(errno_name(base::Errno::kNone), "ok");
}

TEST(Errno, PrintsTheNumberOfAValueNobodyNamed) {
  EXPECT_EQ(errno_name(to_errno(12345)), "errno 12345");
  EXPECT_EQ(errno_text(to_errno(12345)), "errno 12345");
  EXPECT_EQ(errno_name(to_errno(-1)), "errno -1");
}

TEST(Errno, ExplainsItselfToPeople) {
  EXPECT_EQ(errno_text(to_errno(ECONNREFUSED)), "Connection refused (ECONNREFUSED)");
}

TEST(Errno, KeepsItsCode) {
  EXPECT_EQ(base::code_of(to_errno(EPIPE)), EPIPE);
  EXPECT_EQ(base::code_of(base::Errno::kNone), 0);
}

TEST(Errno, ReadsTheErrorOfTheLastCall) {
  ASSERT_EQ(::close(-1), -1);
  EXPECT_EQ(base::last_errno(), to_errno(EBADF));
}

}  // namespace
