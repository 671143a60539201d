#include "proxy/refusals.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace proxy {
namespace {

using backends::RefusalCause;

TEST(Refusals, EveryCauseHasAWordOfItsOwn) {
  std::set<std::string_view> words;
  for (std::size_t i = 0; i < static_cast<std::size_t>(RefusalCause::kCount); ++i) {
    EXPECT_TRUE(words.insert(name(static_cast<RefusalCause>(i))).second) << i;
  }
  EXPECT_EQ(name(RefusalCause::kNotInKernel), "not_in_kernel");
  EXPECT_EQ(name(RefusalCause::kDenied), "denied");
  EXPECT_EQ(name(RefusalCause::kOther), "other");
}

TEST(Refusals, AListOfEnginesNamesEachOnce) {
  EXPECT_EQ(engines_text({"epoll", "epoll"}), "epoll");
  EXPECT_EQ(engines_text({"io_uring", "epoll", "io_uring"}), "io_uring and epoll");
}

TEST(Refusals, SayWhatWasWantedWhyNotAndWhatRunsInstead) {
  backends::Refusal refusal{.engine = "io_uring",
                            .cause = RefusalCause::kDenied,
                            .reason = "a seccomp filter forbids it",
                            .transports = 3};
  EXPECT_EQ(refusal_text(refusal, {"epoll", "epoll", "epoll"}),
            "transport io_uring is not used: a seccomp filter forbids it; 3 of 3 transports run on "
            "epoll");
  refusal.transports = 1;
  EXPECT_EQ(
      refusal_text(refusal, {"io_uring", "epoll", "io_uring"}),
      "transport io_uring is not used: a seccomp filter forbids it; 1 of 3 transports runs on "
      "epoll");
}

}  // namespace
}  // namespace proxy
