// The secret that a client of the admin API's TCP port has to show. Read on the main thread, copied
// to the http thread's site.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace proxy {

struct AdminToken {
  static constexpr std::size_t kBytesMin = 16;  // 128 bits, when somebody writes them in bytes.
  static constexpr std::size_t kBytesMax = 1024;

  std::string secret;      // Printable ASCII without spaces.
  bool mode_wide = false;  // More than its owner and its group may read or write the file.

  // The first and only line of a regular file. The error says what is wrong with it, never what is
  // in it.
  static base::Parsed<AdminToken> read(const std::string& path);

  // True for "Bearer SECRET". Takes the same time whatever part of the secret is right.
  bool matches(std::string_view authorization) const;
};

// The token in force: main sets it at start and at reloads, the http thread asks.
class SharedToken {
 public:
  void set(AdminToken token) {
    const std::lock_guard lock(mutex_);
    token_ = std::move(token);
  }
  // False before the first set().
  bool matches(std::string_view authorization) const {
    const std::lock_guard lock(mutex_);
    return token_.matches(authorization);
  }

 private:
  mutable std::mutex mutex_;
  AdminToken token_;
};

}  // namespace proxy
