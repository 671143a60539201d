// Part of Supervisor (supervisor.h): the sessions of all workers, for the admin API. Each of
// these waits for the workers, one turn of theirs at a time.
#include <algorithm>
#include <chrono>
#include <future>
#include <iterator>
#include <utility>

#include "proxy/supervisor.h"

namespace proxy {
namespace {

// Rows that one turn of a worker makes.
constexpr std::size_t kRowsPerSlice = 256;
// Sessions that one turn of a worker ends.
constexpr std::size_t kEndsPerTurn = 64;
// A page of a huge table in which little fits is cut here; the next one goes on.
constexpr base::Nanos kPageTime = std::chrono::seconds(1);
// How often main looks whether a worker that does not answer has come to its end.
constexpr auto kFinishedLook = std::chrono::milliseconds(10);

}  // namespace

// False when the worker has come to its end and will not answer.
bool Supervisor::answered(std::size_t worker, Command command) {
  if (workers_[worker]->finished()) return false;
  auto done = workers_[worker]->post(std::move(command));
  for (;;) {
    const bool finished = workers_[worker]->finished();
    if (done.wait_for(kFinishedLook) == std::future_status::ready) return true;
    if (finished) return false;
  }
}

SessionPage Supervisor::sessions(const SessionFilter& filter, SessionCursor from,
                                 std::size_t rows_max) {
  SessionPage page;
  const base::Nanos give_up = base::monotonic_now() + kPageTime;
  while (from.worker < workers_.size()) {
    if (page.rows.size() >= rows_max || base::monotonic_now() >= give_up) {
      page.next = from;
      return page;
    }
    SessionSlice slice;
    slice.filter = &filter;
    slice.slot = from.slot;
    slice.rows_max = std::min(kRowsPerSlice, rows_max - page.rows.size());
    Command command;
    command.kind = Command::Kind::kList;
    command.slice = &slice;
    const bool there = answered(from.worker, std::move(command));
    std::ranges::move(slice.rows, std::back_inserter(page.rows));
    from = !there || slice.at_end ? SessionCursor{from.worker + 1, 0}
                                  : SessionCursor{from.worker, slice.slot};
  }
  return page;
}

std::optional<SessionRow> Supervisor::session(const SessionName& name) {
  if (name.worker >= workers_.size()) return std::nullopt;
  const SessionFilter everything;
  SessionSlice slice;
  slice.filter = &everything;
  slice.only = name.slot;
  Command command;
  command.kind = Command::Kind::kList;
  command.slice = &slice;
  if (!answered(name.worker, std::move(command)) || slice.rows.empty()) return std::nullopt;
  return std::move(slice.rows.front());
}

bool Supervisor::end_session(const SessionName& name) {
  if (name.worker >= workers_.size()) return false;
  return end_on(name.worker, {name.slot}) == 1;
}

std::size_t Supervisor::end_on(std::size_t worker, std::vector<base::SlotId> slots) {
  SessionEnding ending{.slots = std::move(slots)};
  Command command;
  command.kind = Command::Kind::kEnd;
  command.ending = &ending;
  static_cast<void>(answered(worker, std::move(command)));
  return ending.ended;
}

std::size_t Supervisor::end_sessions(const SessionFilter& filter) {
  std::size_t ended = 0;
  std::optional<SessionCursor> from = SessionCursor{};
  while (from) {
    // One worker's at a time, because a cursor goes through them in turn.
    SessionPage page = sessions(filter, *from, kEndsPerTurn);
    for (std::size_t worker = 0; worker < workers_.size(); ++worker) {
      std::vector<base::SlotId> slots;
      for (const SessionRow& row : page.rows) {
        if (row.name.worker == worker) slots.push_back(row.name.slot);
      }
      if (!slots.empty()) ended += end_on(worker, std::move(slots));
    }
    from = page.next;
  }
  return ended;
}

}  // namespace proxy
