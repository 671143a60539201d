#include "proxy/admin_token.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/errno.h"
#include "base/fd.h"

namespace proxy {
namespace {

// "Bearer" in any case (RFC 9110, 11.1), then one space.
constexpr std::string_view kScheme = "bearer ";

bool is_printable(char c) { return c > ' ' && c < '\x7f'; }

}  // namespace

base::Parsed<AdminToken> AdminToken::read(const std::string& path) {
  const auto failed = [&](const std::string& why) {
    return base::failure("the token file " + path + " " + why);
  };
  const base::UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat file = {};
  if (!fd || fstat(fd.get(), &file) != 0) {
    return failed("cannot be read: " + base::errno_text(base::last_errno()));
  }
  // A pipe could block, and a reload could not read it a second time.
  if (!S_ISREG(file.st_mode)) return failed("is not a regular file");
  std::array<char, kBytesMax + 3> bytes{};  // The secret, "\r\n", and one more that is too many.
  const ssize_t got = ::read(fd.get(), bytes.data(), bytes.size());
  if (got < 0) return failed("cannot be read: " + base::errno_text(base::last_errno()));
  std::string_view line(bytes.data(), static_cast<std::size_t>(got));
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.size() < kBytesMin || line.size() > kBytesMax ||
      !std::all_of(line.begin(), line.end(), is_printable)) {
    return failed("has to be one line of " + std::to_string(kBytesMin) + " to " +
                  std::to_string(kBytesMax) + " printable ASCII characters without spaces");
  }
  return AdminToken{.secret = std::string(line),
                    .mode_wide = (file.st_mode & 0777U & ~mode_t{0640}) != 0};
}

bool AdminToken::matches(std::string_view authorization) const {
  if (authorization.size() < kScheme.size() || secret.empty()) return false;
  const bool bearer = std::equal(
      kScheme.begin(), kScheme.end(), authorization.begin(),
      [](char want, char have) { return want == std::tolower(static_cast<unsigned char>(have)); });
  const std::string_view shown = authorization.substr(kScheme.size());
  // Every byte is looked at, so that the time says nothing about how many were right.
  unsigned difference = shown.size() == secret.size() && bearer ? 0U : 1U;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    difference |= static_cast<unsigned char>(shown[i]) ^
                  static_cast<unsigned>(static_cast<unsigned char>(secret[i % secret.size()]));
  }
  return difference == 0;
}

}  // namespace proxy
