// Part of SessionRunner (session_runner.h): what the admin API asks of a worker's table.
#include <algorithm>

#include "proxy/session_runner.h"

namespace proxy {

void SessionRunner::list(SessionSlice& slice) {
  const base::Nanos now = transport_.now();
  const auto add = [&](const Session& session) {
    SessionRow row = row_of(session, worker_, transport_.name(), now);
    if (fits(*slice.filter, row.record)) slice.rows.push_back(std::move(row));
  };
  if (slice.only) {
    const Session* session = sessions_.find(*slice.only);
    if (session != nullptr) add(*session);
    slice.at_end = true;
    return;
  }
  // In steps, so that a page never holds more than was asked for.
  constexpr std::size_t kStep = 64;
  for (std::size_t looked = 0; looked < kSlotsPerSlice && slice.rows.size() < slice.rows_max;) {
    const std::size_t step = std::min(kStep, slice.rows_max - slice.rows.size());
    slice.slot = sessions_.visit(slice.slot, step,
                                 [&](base::SlotId, const Session& session) { add(session); });
    looked += step;
    slice.at_end = slice.slot == 0;
    if (slice.at_end) return;
  }
}

bool SessionRunner::end_one(base::SlotId id, EndReason reason) {
  Session* session = sessions_.find(id);
  if (session == nullptr || session->state == SessionState::kAborting) return false;
  cancel(*session, reason);
  return true;
}

}  // namespace proxy
