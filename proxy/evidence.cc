#include "proxy/evidence.h"

#include "base/assert.h"

namespace proxy {

std::string_view name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kConnected:
      return "connected";
    case Outcome::kServed:
      return "served";
    case Outcome::kConnectFailed:
      return "connect_failed";
    case Outcome::kResetEarly:
      return "reset_early";
    case Outcome::kCount:
      break;
  }
  base::check_failed(__FILE__, __LINE__, "an outcome of the enum");
}

void EvidenceLog::push(const EvidenceRecord& record) {
  if (!ring_.try_push(record)) dropped_.add();
  // Many failures in a row cost one wake: a dead endpoint must not make the worker busy with
  // telling so. The exchange is after the push, so a reader that misses the record is woken.
  if (woken_.exchange(true)) return;
  if (backends::Transport* monitor = monitor_.load()) monitor->wake();
}

void EvidenceLog::attach(backends::Transport* monitor) {
  monitor_.store(monitor);
  if (monitor != nullptr && woken_.load()) monitor->wake();
}

}  // namespace proxy
