#include "proxy/monitor.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "proxy/tag_kind.h"

namespace proxy {
namespace {

using base::Nanos;

// A worker whose mailbox was full is tried again so soon: it reads it in every turn of its loop.
constexpr Nanos kAnnounceAgain = std::chrono::milliseconds(1);

}  // namespace

Monitor::Monitor(const MonitorOptions& options, const MonitorLinks& links,
                 backends::Transport& transport)
    : links_(links),
      transport_(transport),
      verdicts_(*links.announcer, links.log),
      checker_(options.checks_max, options.seed, transport, verdicts_, *links.totals),
      outliers_(options.seed + 1, verdicts_, transport.now()) {
  for (EvidenceLog* log : links_.evidence) log->attach(&transport_);
}

bool Monitor::post(MonitorCommand command) {
  if (!mailbox_.try_push(std::move(command))) return false;
  transport_.wake();
  return true;
}

void Monitor::run() {
  while (!finished()) step(base::kForever);
}

Nanos Monitor::next_deadline() const {
  const Nanos deadline = std::min(checker_.next_deadline(), outliers_.next_deadline());
  return verdicts_.pending() ? std::min(deadline, transport_.now() + kAnnounceAgain) : deadline;
}

void Monitor::step(Nanos wait_max) {
  const Nanos turn_began = transport_.now();
  const Nanos deadline = next_deadline();
  const Nanos wait =
      deadline == base::kForever ? base::kForever : std::max(Nanos{0}, deadline - turn_began);
  for (const backends::Event& event : transport_.poll(std::min(wait, wait_max))) handle(event);
  checker_.expire();
  read_evidence();
  outliers_.expire(transport_.now());
  if (verdicts_.changes() != changes_seen_) outliers_.relent(transport_.now());
  // Before the mailbox: what main hears to be done is written by then.
  read_mailbox();
  changes_seen_ = verdicts_.changes();
  verdicts_.announce();
  account(turn_began);
}

void Monitor::handle(const backends::Event& event) {
  if (!names(event.tag, TagKind::kCheck)) return;
  switch (event.kind) {
    case backends::EventKind::kConnected:
      checker_.connected(event);
      return;
    case backends::EventKind::kExchanged:
      checker_.exchanged(event);
      return;
    case backends::EventKind::kPeerClosed:  // An exchange says so, too.
    case backends::EventKind::kAccepted:    // There are no listeners and no relays.
    case backends::EventKind::kAcceptFailed:
    case backends::EventKind::kAcceptResumed:
    case backends::EventKind::kRelayDone:
    case backends::EventKind::kWoken:
      return;
  }
}

void Monitor::read_mailbox() {
  while (auto command = mailbox_.try_pop()) {
    switch (command->kind) {
      case MonitorCommand::Kind::kApply:
        checker_.apply(command->snapshot);
        outliers_.apply(command->snapshot, transport_.now());
        break;
      case MonitorCommand::Kind::kStop:
        stopped_ = true;
        break;
    }
    command->done.set_value();
  }
}

void Monitor::read_evidence() {
  std::uint64_t dropped = 0;
  for (EvidenceLog* log : links_.evidence) {
    log->begin_reading();
    EvidenceRecord record;
    // What comes while we read wakes us again; one log must not keep the monitor from the rest.
    for (std::size_t i = 0; i < EvidenceLog::kRecords && log->try_pop(record); ++i) {
      outliers_.take(record, transport_.now());
    }
    dropped += log->dropped();
  }
  links_.totals->evidence_dropped.set_total(dropped);
}

void Monitor::account(Nanos turn_began) {
  const Nanos waited = transport_.stats().waited;
  const Nanos busy = transport_.now() - turn_began - (waited - waited_before_);
  waited_before_ = waited;
  links_.totals->busy_nanoseconds.add(static_cast<std::uint64_t>(std::max(Nanos{0}, busy).count()));
}

}  // namespace proxy
