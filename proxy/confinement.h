// The process shuts itself in: gives up rights that it has no more need of, and system calls that
// it never has (docs/operations.md, "Security"). Made by run and by the demo; main thread, before
// any other thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "proxy/log.h"

namespace proxy {

class Confinement {
 public:
  // What the configuration asks for. warn_of_root: staying root is worth a warning.
  Confinement(const config::Config& config, bool warn_of_root);

  // Does it, once. The error: what was asked for cannot be had, and where that was asked is
  // mark().
  base::Parsed<void> enter();
  config::Mark mark() const { return mark_; }

  // What was done. The log has a thread, so it comes later than enter().
  void report(Log& log) const;

 private:
  base::Parsed<void> filter_system_calls();

  config::Security security_;
  bool devices_;  // The engine drives devices by itself.
  bool warn_of_root_;
  config::Mark mark_;
  std::vector<std::string> notes_;
};

}  // namespace proxy
