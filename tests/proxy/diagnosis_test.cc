#include "proxy/diagnosis.h"

#include <gtest/gtest.h>
#include <linux/capability.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "tests/proxy/fake_settings.h"

namespace proxy {
namespace {

// A machine that has nothing to complain about.
class Diagnosis : public ::testing::Test {
 protected:
  Diagnosis() {
    set("fs.file-max", "9223372036854775807");
    set("fs.pipe-user-pages-soft", "1048576");
    set("fs.pipe-max-size", "1048576");
    set("net.core.somaxconn", "4096");
    set("net.ipv4.tcp_migrate_req", "1");
    set("net.ipv4.ip_local_port_range", "10240\t65535");
    set("net.ipv4.tcp_tw_reuse", "1");
    set("net.ipv4.tcp_mem", "287898\t383867\t575796");
    set("net.ipv4.tcp_rmem", "4096\t131072\t6291456");
    set("net.ipv4.tcp_wmem", "4096\t16384\t4194304");
    set("net.ipv4.tcp_congestion_control", "cubic");
    set("net.ipv4.ip_unprivileged_port_start", "0");
    set("vm.nr_hugepages", "0");
    rights_.descriptors_soft = 1024;
    rights_.descriptors_hard = 1'048'576;
    rights_.memlock_bytes = 8U << 20U;
    rights_.cpus = 2;
    rights_.io_uring = {.name = "io_uring", .usable = true, .reason = {}};
  }

  void refuse_io_uring(backends::RefusalCause cause, const std::string& reason) {
    rights_.io_uring = {.name = "io_uring", .cause = cause, .reason = reason};
  }

  void set(std::string name, const std::string& text) const {
    std::replace(name.begin(), name.end(), '.', '/');
    fake_.set("proc/sys/" + name, text + "\n");
  }

  std::vector<Finding> examine() const { return examine_machine(fake_.settings(), rights_); }

  Finding find(const std::string& what) const {
    for (const Finding& finding : examine()) {
      if (finding.what == what) return finding;
    }
    ADD_FAILURE() << "no finding about " << what;
    return {};
  }

  // The one finding that is not ok is this one.
  void expect_only(const std::string& what, Finding::Level level, const std::string& advice) const {
    for (const Finding& finding : examine()) {
      EXPECT_EQ(finding.level, finding.what == what ? level : Finding::kOk) << finding.what;
    }
    EXPECT_NE(find(what).advice.find(advice), std::string::npos) << find(what).advice;
  }

  testing::FakeSettings fake_;
  ProcessRights rights_;
};

TEST_F(Diagnosis, AGoodMachineHasNoAdvice) {
  const auto findings = examine();
  EXPECT_GE(findings.size(), 15U);
  for (const Finding& finding : findings) {
    EXPECT_EQ(finding.level, Finding::kOk) << finding.what << ": " << finding.advice;
    EXPECT_TRUE(finding.advice.empty()) << finding.what;
    EXPECT_FALSE(finding.value.empty()) << finding.what;
  }
}

TEST_F(Diagnosis, FewDescriptorsAreAnAdviceAndVeryFewAProblem) {
  rights_.descriptors_hard = 4096;
  expect_only("descriptors", Finding::kAdvice, "LimitNOFILE=1048576");
  rights_.descriptors_hard = 64;
  expect_only("descriptors", Finding::kProblem, "LimitNOFILE=1048576");
  rights_.descriptors_hard = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(find("descriptors").level, Finding::kOk);
}

TEST_F(Diagnosis, SaysHowManySessionsTheDescriptorsAllow) {
  rights_.descriptors_hard = 100'256;  // Less the reserve, shared by two workers.
  rights_.cpus = 2;
  const std::string value = find("descriptors").value;
  EXPECT_NE(value.find("soft 1024, hard 100256: up to 46514 sessions"), std::string::npos) << value;
}

TEST_F(Diagnosis, AShortBacklogNamesTheCommand) {
  set("net.core.somaxconn", "128");
  expect_only("net.core.somaxconn", Finding::kAdvice, "sysctl -w net.core.somaxconn=4096");
}

TEST_F(Diagnosis, MigrationOfRequestsIsAdvised) {
  set("net.ipv4.tcp_migrate_req", "0");
  expect_only("net.ipv4.tcp_migrate_req", Finding::kAdvice, "sysctl -w net.ipv4.tcp_migrate_req=1");
}

TEST_F(Diagnosis, FewPortsAreAnAdviceAndVeryFewAProblem) {
  set("net.ipv4.ip_local_port_range", "60000\t65535");
  expect_only("net.ipv4.ip_local_port_range", Finding::kAdvice, "ip_local_port_range=");
  set("net.ipv4.ip_local_port_range", "65000\t65535");
  expect_only("net.ipv4.ip_local_port_range", Finding::kProblem, "ip_local_port_range=");
  set("net.ipv4.ip_local_port_range", "32768\t60999");
  EXPECT_NE(find("net.ipv4.ip_local_port_range").value.find("28232 sessions"), std::string::npos);
}

TEST_F(Diagnosis, FewPipePagesMatterToRootAsWell) {
  set("fs.pipe-user-pages-soft", "1024");
  expect_only("fs.pipe-user-pages-soft", Finding::kAdvice, "sysctl -w fs.pipe-user-pages-soft=");
  rights_.capabilities = std::uint64_t{1} << CAP_SYS_RESOURCE;
  EXPECT_EQ(find("fs.pipe-user-pages-soft").level, Finding::kAdvice) << "`run` gives it up";
  set("fs.pipe-user-pages-soft", "0");
  EXPECT_EQ(find("fs.pipe-user-pages-soft").level, Finding::kOk) << "0 is no limit";
}

TEST_F(Diagnosis, SmallPipesAreAnAdvice) {
  set("fs.pipe-max-size", "65536");
  expect_only("fs.pipe-max-size", Finding::kAdvice, "sysctl -w fs.pipe-max-size=1048576");
}

TEST_F(Diagnosis, ARefusedIoUringSaysWhetherTheSysctlOrAFilterDidIt) {
  set("kernel.io_uring_disabled", "2");
  refuse_io_uring(backends::RefusalCause::kDisabled, "a sysctl forbids it");
  expect_only("io_uring", Finding::kAdvice,
              "kernel.io_uring_disabled is 2. Run: sysctl -w kernel.io_uring_disabled=0");
  EXPECT_EQ(find("io_uring").value, "refused: a sysctl forbids it; the epoll transport is used");
  refuse_io_uring(backends::RefusalCause::kDenied, "io_uring_setup: EPERM");
  expect_only("io_uring", Finding::kAdvice, "seccomp");
  EXPECT_NE(find("io_uring").value.find("io_uring_setup: EPERM"), std::string::npos);
}

TEST_F(Diagnosis, ARefusedIoUringHasAnAdviceForEveryCause) {
  const std::vector<std::pair<backends::RefusalCause, std::string>> advices = {
      {backends::RefusalCause::kNotInKernel, "newer kernel"},
      {backends::RefusalCause::kTooOld, "newer kernel"},
      {backends::RefusalCause::kMemory, "LimitMEMLOCK="},
      {backends::RefusalCause::kDescriptors, "descriptor"},
      {backends::RefusalCause::kOther, "docs/operations.md"}};
  for (const auto& [cause, advice] : advices) {
    refuse_io_uring(cause, "a reason");
    expect_only("io_uring", Finding::kAdvice, advice);
  }
}

TEST_F(Diagnosis, SaysWhatIoUringNeedsLockedMemoryFor) {
  const std::string value = find("memlock").value;
  EXPECT_NE(value.find("8 MiB; the io_uring transport can need 3.38 MiB for 2 workers"),
            std::string::npos)
      << value;
  rights_.capabilities = std::uint64_t{1} << CAP_IPC_LOCK;
  EXPECT_NE(find("memlock").value.find("CAP_IPC_LOCK"), std::string::npos);
}

TEST_F(Diagnosis, PrivilegedPortsNeedTheSysctlOrTheCapability) {
  set("net.ipv4.ip_unprivileged_port_start", "1024");
  expect_only("ports below 1024", Finding::kAdvice, "CAP_NET_BIND_SERVICE");
  rights_.capabilities = std::uint64_t{1} << CAP_NET_BIND_SERVICE;
  EXPECT_EQ(find("ports below 1024").level, Finding::kOk);
}

TEST_F(Diagnosis, RefusedPinningIsAnAdvice) {
  rights_.pinning = base::to_errno(EPERM);
  expect_only("cpus", Finding::kAdvice, "sched_setaffinity");
}

TEST_F(Diagnosis, LittleTcpMemoryForTheBuffersIsAnAdvice) {
  set("net.ipv4.tcp_mem", "1000\t2000\t3000");
  expect_only("net.ipv4.tcp_mem", Finding::kAdvice, "net.ipv4.tcp_rmem=");
}

TEST_F(Diagnosis, ASmallConnectionTrackingTableIsAnAdviceAndNoneIsFine) {
  for (const Finding& finding : examine())
    EXPECT_NE(finding.what, "net.netfilter.nf_conntrack_max");
  set("net.netfilter.nf_conntrack_max", "65536");
  expect_only("net.netfilter.nf_conntrack_max", Finding::kAdvice, "nf_conntrack_max=1048576");
  set("net.netfilter.nf_conntrack_max", "1048576");
  EXPECT_EQ(find("net.netfilter.nf_conntrack_max").level, Finding::kOk);
}

TEST_F(Diagnosis, HiddenSettingsCannotBeReadAndAreNoProblem) {
  const std::size_t before = examine().size();
  fake_.remove("proc");
  const auto findings = examine();
  EXPECT_EQ(findings.size(), before);
  const auto hidden = std::count_if(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.value == "cannot be read" && finding.level == Finding::kAdvice;
  });
  EXPECT_EQ(hidden, 11);
  for (const Finding& finding : findings) EXPECT_NE(finding.level, Finding::kProblem);
}

TEST_F(Diagnosis, NonsenseInASettingIsTakenAsUnreadable) {
  set("net.ipv4.ip_local_port_range", "60999\t32768");
  EXPECT_EQ(find("net.ipv4.ip_local_port_range").value, "cannot be read");
  set("net.ipv4.tcp_mem", "1\t2");
  EXPECT_EQ(find("net.ipv4.tcp_mem").value, "cannot be read");
}

}  // namespace
}  // namespace proxy
