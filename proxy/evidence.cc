#include "proxy/evidence.h"

namespace proxy {

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
