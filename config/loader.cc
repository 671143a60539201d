// Reading the file, then the three steps: YAML to tree, tree to structs, checks of the whole; see
// loader.h.
#include "config/loader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <optional>
#include <utility>

#include "base/errno.h"
#include "base/fd.h"
#include "base/result.h"
#include "config/node.h"
#include "config/section_reader.h"
#include "config/validate.h"
#include "config/yaml_reader.h"

namespace config {
namespace {

std::string too_large() {
  return "the file has more than " + std::to_string(kTextBytesMax >> 20U) + " MiB";
}

// At most kTextBytesMax + 1 bytes, whatever fstat(2) said: files grow, and those of /proc have no
// size.
base::Parsed<std::string> read_all(int fd) {
  constexpr std::size_t kStep = std::size_t{64} << 10U;
  std::string text;
  while (text.size() <= kTextBytesMax) {
    const std::size_t before = text.size();
    text.resize(before + kStep);
    const ssize_t got = ::read(fd, text.data() + before, kStep);
    if (got < 0) return base::failure("cannot read: " + base::errno_text(base::last_errno()));
    text.resize(before + static_cast<std::size_t>(got));
    if (got == 0) return text;
  }
  return base::failure(too_large());
}

base::Parsed<std::string> read_file(const std::string& path) {
  // O_NONBLOCK: opening a FIFO without a writer must not wait. O_NOCTTY: a terminal must not become
  // ours.
  const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return base::failure("cannot open: " + base::errno_text(base::last_errno()));
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) {
    return base::failure("cannot look at it: " + base::errno_text(base::last_errno()));
  }
  if (S_ISDIR(info.st_mode)) return base::failure(std::string("this is a directory"));
  if (!S_ISREG(info.st_mode)) return base::failure(std::string("this is not a regular file"));
  if (static_cast<std::size_t>(info.st_size) > kTextBytesMax) return base::failure(too_large());
  return read_all(file.get());
}

}  // namespace

Loaded load(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return base::failure(std::vector{Problem{{}, text.error()}});
  return load_text(*text);
}

Loaded load_text(std::string_view text) {
  Problems problems;
  Config config;
  if (const std::optional<TreeNode> root = read_yaml(text, problems)) {
    SectionReader::read(*root, "", config, problems);
    validate(config, problems);
  }
  if (!problems.empty()) return base::failure(problems.sorted());
  return config;
}

}  // namespace config
