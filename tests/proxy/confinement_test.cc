// What of the section `security` is done, and what the log says of it.
#include "proxy/confinement.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "base/fd.h"
#include "proxy/privileges.h"
#include "proxy/syscall_filter.h"
#include "tests/proxy/in_child.h"

namespace proxy {
namespace {

using testing::in_child;

config::Config with(config::Seccomp seccomp,
                    config::TransportKind transport = config::TransportKind::kAuto) {
  config::Config config;
  config.security.seccomp = seccomp;
  config.security.user_mark = {.line = 7, .column = 1};
  config.security.seccomp_mark = {.line = 8, .column = 2};
  config.transport = transport;
  return config;
}

// Anybody may have such a socket; only the filter is against it.
bool filtered() { return ::socket(AF_NETLINK, SOCK_RAW, 0) < 0 && errno == EPERM; }

// The log of a child that was confined.
std::string log_of(const config::Config& config, bool warn_of_root) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const base::UniqueFd reader(ends[0]);
  base::UniqueFd writer(ends[1]);
  EXPECT_EQ(in_child([&] {
              Confinement confinement(config, warn_of_root);
              if (!confinement.enter()) return 1;
              LogOutput output(writer.get());
              Log log(output, {});
              confinement.report(log);
              return 0;
            }),
            0);
  writer.close();
  std::string text(4096, '\0');
  text.resize(static_cast<std::size_t>(
      std::max<ssize_t>(0, ::read(reader.get(), text.data(), text.size()))));
  return text;
}

TEST(Confinement, FiltersSystemCallsWhereThatCanBeHad) {
  const bool possible = !syscall_filter_obstacle();
  for (const auto seccomp : {config::Seccomp::kAuto, config::Seccomp::kOff}) {
    const bool wanted = possible && seccomp != config::Seccomp::kOff;
    EXPECT_EQ(in_child([&] {
                Confinement confinement(with(seccomp), false);
                if (!confinement.enter()) return 1;
                return filtered() == wanted ? 0 : 2;
              }),
              0);
    const std::string log = log_of(with(seccomp), false);
    EXPECT_EQ(log.find("not needed fail with EPERM") != std::string::npos, wanted) << log;
  }
}

TEST(Confinement, SaysWhyThereIsNoFilter) {
  EXPECT_NE(log_of(with(config::Seccomp::kOff), false).find("seccomp: off, as configured"),
            std::string::npos);
  const std::string bypass =
      log_of(with(config::Seccomp::kAuto, config::TransportKind::kDpdk), false);
  EXPECT_NE(bypass.find("seccomp: off, because drivers of this engine"), std::string::npos)
      << bypass;
}

TEST(Confinement, RefusesAFilterThatCannotBeHadAtItsPlaceInTheFile) {
  EXPECT_EQ(
      in_child([] {
        Confinement confinement(with(config::Seccomp::kOn, config::TransportKind::kDpdk), false);
        const auto entered = confinement.enter();
        if (entered || confinement.mark().line != 8) return 1;
        return entered.error().starts_with("security.seccomp is on and cannot be had") ? 0 : 2;
      }),
      0);
}

TEST(Confinement, WarnsOfRootOnlyWhereAsked) {
  if (!is_root()) GTEST_SKIP() << "not root";
  EXPECT_NE(log_of(with(config::Seccomp::kAuto), true).find("warning runs as root"),
            std::string::npos);
  EXPECT_EQ(log_of(with(config::Seccomp::kAuto), false).find("warning"), std::string::npos);
}

TEST(Confinement, AUserThatIsNotThereIsAProblemAtItsPlace) {
  EXPECT_EQ(in_child([] {
              config::Config config = with(config::Seccomp::kAuto);
              config.security.user = "no-such-user";
              Confinement confinement(config, false);
              return !confinement.enter() && confinement.mark().line == 7 ? 0 : 1;
            }),
            0);
}

}  // namespace
}  // namespace proxy
