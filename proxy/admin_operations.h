// What an operator may order of the whole program, by a signal or through the admin API: the same
// path for both, so that both mean the same. The program (run.cc) is what does it. Main thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "proxy/instance.h"

namespace proxy {

class AdminOperations {
 public:
  AdminOperations() = default;
  AdminOperations(const AdminOperations&) = delete;
  AdminOperations& operator=(const AdminOperations&) = delete;
  virtual ~AdminOperations() = default;

  // Loads the file again and puts it in force; the problems are why that changed nothing. Logged.
  virtual Instance::Problems reload(KeepOverrides keep) = 0;

  // As SIGTERM: no new sessions, the end after drain_for (unset: shutdown.drain). False: it is
  // stopping already.
  virtual bool begin_drain(std::optional<base::Nanos> drain_for) = 0;

  virtual bool stopping() const = 0;
  virtual const std::string& config_path() const = 0;
};

}  // namespace proxy
