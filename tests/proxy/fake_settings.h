// A directory that looks like /proc/sys of some machine, and is gone with the object.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/assert.h"
#include "proxy/machine.h"

namespace proxy::testing {

class FakeSettings {
 public:
  FakeSettings() {
    std::string name = (std::filesystem::temp_directory_path() / "millrace-proc-XXXXXX").string();
    CHECK(mkdtemp(name.data()) != nullptr);
    root_ = name;
  }
  FakeSettings(const FakeSettings&) = delete;
  FakeSettings& operator=(const FakeSettings&) = delete;
  ~FakeSettings() { std::filesystem::remove_all(root_); }

  // path: from the root, "proc/sys/net/core/somaxconn".
  void set(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void remove(const std::string& path) const { std::filesystem::remove_all(root_ / path); }

  KernelSettings settings() const { return KernelSettings(root_.string()); }

 private:
  std::filesystem::path root_;
};

}  // namespace proxy::testing
