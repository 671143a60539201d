// Files: what is opened, what is refused, and how long the largest takes.
#include "config/loader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/fd.h"
#include "config/yaml_reader.h"
#include "tests/config/loading.h"

namespace config {
namespace {

using testing::kMinimal;

// Root may read every file, so root is somebody else meanwhile.
class NotRoot {
 public:
  NotRoot() : before_(::geteuid()) {
    constexpr uid_t kNobody = 65534;
    EXPECT_EQ(::seteuid(before_ == 0 ? kNobody : before_), 0);
  }
  NotRoot(const NotRoot&) = delete;
  NotRoot& operator=(const NotRoot&) = delete;
  ~NotRoot() { EXPECT_EQ(::seteuid(before_), 0); }

 private:
  uid_t before_;
};

// A directory of its own for each test, gone afterwards.
class LoaderFiles : public ::testing::Test {
 public:
  LoaderFiles() {
    std::string name = ::testing::TempDir() + "millrace-config-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~LoaderFiles() override { std::filesystem::remove_all(directory_); }

 protected:
  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }

 private:
  std::string directory_;
};

std::string only_error(const std::string& path) {
  const Loaded loaded = load(path);
  EXPECT_FALSE(loaded);
  if (loaded || loaded.error().size() != 1) return "";
  return to_string("", loaded.error().front());
}

TEST_F(LoaderFiles, LoadsARegularFile) {
  const Loaded loaded = load(write("m.yaml", kMinimal));
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->listeners.at(0).name, "l");
}

TEST_F(LoaderFiles, LoadsThroughASymbolicLinkAndFromADescriptor) {
  const std::string file = write("m.yaml", kMinimal);
  std::filesystem::create_symlink(file, path("link.yaml"));
  EXPECT_TRUE(load(path("link.yaml")));
  const base::UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(load("/dev/fd/" + std::to_string(fd.get())));  // What `< m.yaml` gives /dev/stdin.
}

TEST_F(LoaderFiles, SaysWhyAFileCannotBeRead) {
  EXPECT_EQ(only_error(path("missing.yaml")),
            ":1:1: error: cannot open: No such file or directory (ENOENT)");
  EXPECT_EQ(only_error(path("")), ":1:1: error: this is a directory");
  EXPECT_EQ(only_error(""), ":1:1: error: cannot open: No such file or directory (ENOENT)");
}

TEST_F(LoaderFiles, DoesNotWaitForDevicesAndPipes) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  for (const std::string& file :
       {path("fifo"), std::string("/dev/zero"), std::string("/dev/null")}) {
    EXPECT_EQ(only_error(file), ":1:1: error: this is not a regular file") << file;
  }
}

TEST_F(LoaderFiles, SaysThatAnUnreadableFileIsOne) {
  const std::string file = write("secret.yaml", kMinimal);
  ASSERT_EQ(::chmod(file.c_str(), 0), 0);
  ASSERT_EQ(::chmod(std::filesystem::path(file).parent_path().c_str(), 0755), 0);
  const NotRoot nobody;
  EXPECT_EQ(only_error(file), ":1:1: error: cannot open: Permission denied (EACCES)");
}

TEST_F(LoaderFiles, SaysThatAnEmptyFileIsEmpty) {
  EXPECT_EQ(only_error(write("empty.yaml", "")),
            ":1:1: error: the file is empty; it needs at least 'listeners'");
  EXPECT_EQ(only_error(write("comment.yaml", "# nothing yet\n")),
            ":1:1: error: the file is empty; it needs at least 'listeners'");
}

TEST_F(LoaderFiles, DoesNotReadAHugeFile) {
  const std::string file = write("huge.yaml", "");
  std::filesystem::resize_file(file, std::uintmax_t{1} << 30U);  // Sparse: costs no disk.
  EXPECT_EQ(only_error(file), ":1:1: error: the file has more than 8 MiB");
}

TEST_F(LoaderFiles, NamesTheFirstByteOfABinaryFile) {
  EXPECT_EQ(only_error(write("binary.yaml", std::string("\x7f"
                                                        "ELF\x02\x01\x01\0",
                                                        8))),
            ":1:1: error: a control character (U+007f)");
}

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

TEST(Loader, ReadsAHundredThousandUpstreamsInSeconds) {
  std::string text =
      "listeners: [{name: l, bind: \"127.0.0.1:1\", upstream: u99999}]\nupstreams:\n";
  for (int i = 0; i < 100'000; ++i) {
    const std::string port = std::to_string(i % 60'000 + 1);
    text += "- name: u" + std::to_string(i) + "\n  endpoints: [{address: 10.0.0.1:" + port + "}]\n";
  }
  ASSERT_LT(text.size(), kTextBytesMax);
  const double before = cpu_seconds();
  const Config config = testing::loaded(text);
  const double spent = cpu_seconds() - before;
  ASSERT_EQ(config.upstreams.size(), 100'000U);
  EXPECT_EQ(config.listeners.at(0).upstream.index, 99'999U);
  // 1.3 s in a release build on the machine of docs/benchmarks.md; sanitizers take ten times that.
  // The bound is there for the search that became quadratic: that would take minutes.
  EXPECT_LT(spent, 30.0);
}

TEST(Loader, StopsCollectingErrorsAtABound) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += "listenerz" + std::to_string(i) + ": 1\n";
  const Loaded loaded = load_text(text);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().size(), Problems::kMax + 1);
  EXPECT_EQ(loaded.error().back().text, "and 49900 more errors");
}

}  // namespace
}  // namespace config
