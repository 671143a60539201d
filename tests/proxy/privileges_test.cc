// Rights are given up for good. Each case in a child of its own; they need root to have any.
#include "proxy/privileges.h"

#include <cap-ng.h>
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/address.h"
#include "base/fd.h"
#include "tests/proxy/in_child.h"

namespace proxy {
namespace {

using testing::in_child;

class Privileges : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root has rights to give up";
  }
};

bool can_bind_low_port() {
  const base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // Somebody may have the port; that is an answer as well.
  for (const char* text : {"127.0.0.9:991", "127.0.0.9:992"}) {
    const base::RawAddress raw = base::to_raw(base::parse_address(text).value());
    if (::bind(fd.get(), raw.get(), raw.size) == 0 || errno == EADDRINUSE) return true;
  }
  return false;
}

bool has(unsigned capability) {
  return capng_get_caps_process() == 0 && capng_have_capability(CAPNG_PERMITTED, capability) != 0;
}

TEST_F(Privileges, OfRootAreLowPortsAndNothingElse) {
  EXPECT_EQ(in_child([] {
              const auto dropped = drop_privileges({});
              if (!dropped || !is_root()) return 1;
              if (dropped->find("CAP_NET_BIND_SERVICE and no_new_privs") == std::string::npos)
                return 2;
              if (!can_bind_low_port()) return 3;
              if (has(CAP_SYS_ADMIN) || has(CAP_NET_ADMIN) || has(CAP_DAC_OVERRIDE)) return 4;
              if (::setresuid(1, 1, 1) == 0) return 5;
              if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return 6;
              return 0;
            }),
            0);
}

TEST_F(Privileges, AUserIsAllOfHimself) {
  EXPECT_EQ(in_child([] {
              if (!drop_privileges({.user = "nobody"})) return 1;
              uid_t real = 0;
              uid_t effective = 0;
              uid_t saved = 0;
              ::getresuid(&real, &effective, &saved);
              if (real == 0 || effective != real || saved != real || is_root()) return 2;
              if (::getegid() == 0) return 3;
              gid_t groups[64];
              const int count = ::getgroups(64, groups);
              for (int i = 0; i < count; ++i) {
                if (groups[i] == 0) return 4;  // Root's groups are gone, too.
              }
              if (::setuid(0) == 0) return 5;
              if (::open("/etc/shadow", O_RDONLY | O_CLOEXEC) >= 0) return 6;
              return can_bind_low_port() ? 0 : 7;
            }),
            0);
}

TEST_F(Privileges, LowPortsStayOnlyWhereTheyWereGiven) {
  EXPECT_EQ(in_child([] {
              capng_get_caps_process();
              capng_update(CAPNG_DROP, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED),
                           CAP_NET_BIND_SERVICE);
              if (capng_apply(CAPNG_SELECT_CAPS) != 0) return 1;
              const auto dropped = drop_privileges({.user = "nobody"});
              if (!dropped || dropped->find("no capabilities") == std::string::npos) return 2;
              return has(CAP_NET_BIND_SERVICE) ? 3 : 0;
            }),
            0);
}

TEST_F(Privileges, OfDevicesStayForEnginesThatDriveThem) {
  EXPECT_EQ(in_child([] {
              if (!drop_privileges({.user = {}, .keeps_devices = true})) return 1;
              return has(CAP_NET_RAW) && has(CAP_IPC_LOCK) && !has(CAP_SYS_ADMIN) ? 0 : 2;
            }),
            0);
}

TEST_F(Privileges, AnUnknownUserIsAnError) {
  EXPECT_EQ(in_child([] {
              const auto dropped = drop_privileges({.user = "no-such-user"});
              if (dropped) return 1;
              return dropped.error() ==
                             "security.user: there is no user 'no-such-user' on this machine"
                         ? 0
                         : 2;
            }),
            0);
}

TEST_F(Privileges, OnlyRootCanBecomeAnybody) {
  EXPECT_EQ(in_child([] {
              if (::setresuid(65534, 65534, 65534) != 0) return 1;
              if (drop_privileges({.user = "daemon"})) return 2;
              return drop_privileges({}) ? 0 : 3;  // Who has nothing gives up nothing.
            }),
            0);
}

}  // namespace
}  // namespace proxy
