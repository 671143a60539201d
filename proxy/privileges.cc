#include "proxy/privileges.h"

#include <cap-ng.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <optional>
#include <span>
#include <vector>

#include "base/errno.h"

namespace proxy {
namespace {

constexpr std::array kAlways = {CAP_NET_BIND_SERVICE};
// Engines that drive devices: packets, XDP programs that are taken off again at the end, pinned
// memory.
constexpr std::array kOfDevices = {CAP_NET_ADMIN, CAP_NET_RAW,   CAP_IPC_LOCK,
                                   CAP_BPF,       CAP_SYS_RAWIO, CAP_PERFMON};

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
};

base::Parsed<User> find_user(const std::string& name) {
  constexpr std::size_t kBufferMin = 4096;
  constexpr std::size_t kBufferMax = std::size_t{1} << 20U;  // A directory service has long lines.
  std::vector<char> buffer(kBufferMin);
  passwd entry{};
  passwd* found = nullptr;
  int error = 0;
  while ((error = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found)) ==
         ERANGE) {
    if (buffer.size() >= kBufferMax) break;
    buffer.resize(2 * buffer.size());
  }
  if (found != nullptr) return User{.uid = entry.pw_uid, .gid = entry.pw_gid};
  if (error == 0) return base::failure("there is no user '" + name + "' on this machine");
  return base::failure("cannot look up user '" + name +
                       "': " + base::errno_text(base::to_errno(error)));
}

// Prepares the next state in libcap-ng: what is kept of what is held. The names of it.
std::string keep_only(std::span<const int> capabilities) {
  std::vector<unsigned> held;
  for (const int each : capabilities) {
    const auto capability = static_cast<unsigned>(each);
    if (capng_have_capability(CAPNG_PERMITTED, capability) != 0) held.push_back(capability);
  }
  capng_clear(CAPNG_SELECT_BOTH);
  std::string names;
  for (const unsigned capability : held) {
    static_cast<void>(capng_updatev(
        CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED), capability, -1));
    std::string name = std::string("CAP_") + capng_capability_to_name(capability);
    std::ranges::transform(name, name.begin(), [](char c) {
      return static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    });
    names += (names.empty() ? "" : ", ") + name;
  }
  return names;
}

// Pinned memory has no limit with CAP_IPC_LOCK, and shall have none without it.
void keep_locking_memory() {
  rlimit limit{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
  if (::setrlimit(RLIMIT_MEMLOCK, &limit) == 0) return;
  // Without CAP_SYS_RESOURCE: as far as it goes.
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  static_cast<void>(::setrlimit(RLIMIT_MEMLOCK, &limit));
}

// The bounding set cannot be cleared without CAP_SETPCAP, as in some containers; no_new_privs makes
// it meaningless anyway.
base::Parsed<void> become(const std::string& name, const User& user, bool clear_bounding) {
  const auto flags = static_cast<capng_flags_t>(
      CAPNG_INIT_SUPP_GRP | (clear_bounding ? CAPNG_CLEAR_BOUNDING : CAPNG_NO_FLAG));
  if (capng_change_id(static_cast<int>(user.uid), static_cast<int>(user.gid), flags) == 0)
    return {};
  return base::failure("security.user: cannot become user '" + name +
                       "': " + base::errno_text(base::last_errno()) +
                       "; that takes CAP_SETUID and CAP_SETGID");
}

}  // namespace

base::Parsed<std::string> drop_privileges(const PrivilegeOptions& options) {
  std::optional<User> user;
  if (!options.user.empty()) {
    const auto found = find_user(options.user);
    if (!found) return base::failure("security.user: " + found.error());
    if (::geteuid() != found->uid) {
      if (::geteuid() != 0) {
        return base::failure("security.user: only root can become user '" + options.user +
                             "', and this process has the user id " + std::to_string(::geteuid()));
      }
      user = *found;
    }
  }
  if (capng_get_caps_process() != 0) {
    return base::failure("cannot read the capabilities: " + base::errno_text(base::last_errno()));
  }
  if (capng_have_capability(CAPNG_EFFECTIVE, CAP_IPC_LOCK) != 0) keep_locking_memory();
  const bool clear_bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0;
  std::vector<int> wanted(kAlways.begin(), kAlways.end());
  if (options.keeps_devices) wanted.insert(wanted.end(), kOfDevices.begin(), kOfDevices.end());
  const std::string kept = keep_only(wanted);
  if (user) {
    if (auto became = become(options.user, *user, clear_bounding); !became) {
      return base::failure(became.error());
    }
  } else if (capng_apply(CAPNG_SELECT_CAPS) != 0) {
    return base::failure("cannot give up capabilities: " + base::errno_text(base::last_errno()));
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return base::failure("cannot set no_new_privs: " + base::errno_text(base::last_errno()));
  }
  return "runs as user id " + std::to_string(::geteuid()) + " with " +
         (kept.empty() ? "no capabilities" : "the capabilities " + kept) + " and no_new_privs";
}

bool is_root() { return ::geteuid() == 0; }

}  // namespace proxy
