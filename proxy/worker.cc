#include "proxy/worker.h"

#include <algorithm>
#include <utility>

#include "proxy/tag_kind.h"

namespace proxy {
namespace {

// They ask devices, which may cost a system call each.
constexpr base::Nanos kPacketNumbersInterval = std::chrono::milliseconds(250);

using base::Nanos;

constexpr Nanos kCleaningInterval = std::chrono::seconds(1);

// unlisten() still delivers the clients whose handshake was complete, with the next polls: a worker
// is not finished before it has looked so often.
constexpr std::uint32_t kDrainTurnsMin = 3;

// A deadline that far away is none; adding a duration to now() must not overflow.
Nanos after(Nanos now, Nanos duration) {
  return duration < base::kForever - now ? now + duration : base::kForever;
}

}  // namespace

Worker::Worker(const WorkerOptions& options, backends::Transport& transport, WorkerCells& cells)
    : transport_(transport),
      cells_(cells),
      access_log_(options.access_log),
      roster_(options.index, options.seed, transport),
      pools_({.worker = options.index,
              .seed = options.seed,
              .pooled_max = options.pooled_max,
              .evidence = options.evidence},
             transport),
      runner_(options.index, options.sessions_max, transport, pools_, cells, options.access_log,
              options.evidence) {
  cells.transport.publish_engine(transport.name());
}

bool Worker::post(Command command) {
  if (!mailbox_.try_push(std::move(command))) return false;
  transport_.wake();
  return true;
}

bool Worker::announce_verdicts() {
  // Set: a command that is still to be executed, which will read what is written by now.
  if (verdicts_announced_.exchange(true)) return true;
  Command command;
  command.kind = Command::Kind::kVerdicts;
  if (post(std::move(command))) return true;
  verdicts_announced_ = false;
  return false;
}

void Worker::run() {
  while (!finished()) step(base::kForever);
}

bool Worker::finished() const {
  return drain_deadline_ && runner_.size() + pools_.size() == 0 && drain_turns_ >= kDrainTurnsMin;
}

base::Nanos Worker::next_deadline() const {
  const Nanos now = transport_.now();
  if (hurry_ || (drain_deadline_ && runner_.size() == 0)) return now;
  Nanos deadline = std::min(runner_.next_deadline(), pools_.next_deadline());
  if (next_cleaning_) deadline = std::min(deadline, *next_cleaning_);
  if (drain_deadline_) deadline = std::min(deadline, *drain_deadline_);
  if (counts_packets_) deadline = std::min(deadline, next_packet_numbers_);
  return deadline;
}

void Worker::step(Nanos wait_max) {
  const Nanos turn_began = transport_.now();
  const Nanos deadline = next_deadline();
  const Nanos wait =
      deadline == base::kForever ? base::kForever : std::max(Nanos{0}, deadline - turn_began);
  for (const backends::Event& event : transport_.poll(std::min(wait, wait_max))) handle(event);
  hurry_ = runner_.tend();
  pools_.expire();
  read_mailbox();
  if (drain_deadline_) drain();
  clean();
  account(turn_began);
}

void Worker::handle(const backends::Event& event) {
  switch (event.kind) {
    case backends::EventKind::kAccepted:
      accept(event);
      return;
    case backends::EventKind::kAcceptFailed:
      count_pause(event, true);
      return;
    case backends::EventKind::kAcceptResumed:
      count_pause(event, false);
      return;
    case backends::EventKind::kConnected:
      connected(event);
      return;
    case backends::EventKind::kPeerClosed:
      closed(event);
      return;
    case backends::EventKind::kExchanged:
      return;
    case backends::EventKind::kRelayDone:
      runner_.relay_done(event);
      return;
    case backends::EventKind::kWoken:
      return;  // The mailbox is read in every turn.
  }
}

void Worker::accept(const backends::Event& event) {
  backends::Connection client(transport_, event.conn);
  // A listener that was removed long ago has no rules to serve by: the handle resets the client.
  if (Listener* listener = roster_.find(event.tag.id)) {
    runner_.accepted(*listener, std::move(client));
  }
}

// A connect may have gone from a session to a pool or back in this very turn.
void Worker::connected(backends::Event event) {
  event.tag = pools_.owner_now(event.tag);
  if (names(event.tag, TagKind::kPool)) {
    pools_.connected(event);
  } else {
    runner_.connected(event);
  }
}

void Worker::closed(const backends::Event& event) {
  if (names(event.tag, TagKind::kClient)) runner_.client_closed(event);
  if (names(event.tag, TagKind::kPool)) pools_.peer_closed(event);
}

void Worker::count_pause(const backends::Event& event, bool paused) {
  Listener* listener = roster_.find(event.tag.id);
  if (listener == nullptr || listener->removed) return;
  if (paused) {
    ++listener->paused;
  } else if (listener->paused > 0) {
    --listener->paused;
  }
  listener->cells->paused.set(listener->paused > 0 ? 1 : 0);
}

void Worker::read_mailbox() {
  while (auto command = mailbox_.try_pop()) execute(*command);
}

void Worker::execute(Command& command) {
  std::optional<BindFailure> failure;
  switch (command.kind) {
    case Command::Kind::kPrepare:
      failure = roster_.prepare(std::move(command.snapshot));
      break;
    case Command::Kind::kCommit:
      roster_.commit();
      runner_.log_access_to(roster_.snapshot()->config.log.access ? access_log_ : nullptr);
      pools_.apply(roster_.snapshot(), roster_.upstreams());
      runner_.upstreams_changed();
      next_cleaning_ = transport_.now() + kCleaningInterval;
      break;
    case Command::Kind::kAbandon:
      roster_.abandon();
      next_cleaning_ = transport_.now() + kCleaningInterval;
      break;
    case Command::Kind::kDrain:
      if (!drain_deadline_) roster_.unlisten_all();
      pools_.drain();
      drain_deadline_ = after(transport_.now(), command.drain_for);
      break;
    case Command::Kind::kVerdicts:
      verdicts_announced_.exchange(false);  // Before they are read.
      roster_.read_verdicts();
      pools_.verdicts_changed();
      runner_.upstreams_changed();
      break;
    case Command::Kind::kList:
      runner_.list(*command.slice);
      break;
    case Command::Kind::kEnd:
      end_sessions(*command.ending);
      break;
    case Command::Kind::kPing:
      break;
  }
  command.done.set_value(failure);
}

void Worker::end_sessions(SessionEnding& ending) {
  for (const base::SlotId id : ending.slots) {
    if (runner_.end_one(id, {Actor::kAdmin, Cause::kReset})) ++ending.ended;
  }
}

void Worker::drain() {
  drain_turns_ = std::min(drain_turns_ + 1, kDrainTurnsMin);
  // Clients that were in the queue have come.
  if (drain_turns_ == kDrainTurnsMin && pools_.size() > 0) pools_.close_all();
  if (transport_.now() >= *drain_deadline_) runner_.abort_all({Actor::kAdmin, Cause::kDrain});
}

void Worker::clean() {
  if (!next_cleaning_ || transport_.now() < *next_cleaning_) return;
  next_cleaning_ = transport_.now() + kCleaningInterval;
  if (!roster_.purge()) next_cleaning_.reset();
}

void Worker::account(Nanos turn_began) {
  const backends::TransportStats& stats = transport_.stats();
  const Nanos waited = stats.waited - waited_before_;
  waited_before_ = stats.waited;
  // What happens after poll() belongs to the next turn: the clock stands still between two polls.
  const Nanos busy = std::max(Nanos{0}, transport_.now() - turn_began - waited);
  cells_.busy_nanoseconds.add(static_cast<std::uint64_t>(busy.count()));
  cells_.loop.observe(busy);
  cells_.transport.publish(stats);
  if (transport_.now() < next_packet_numbers_) return;
  next_packet_numbers_ = transport_.now() + kPacketNumbersInterval;
  const auto numbers = transport_.packet_numbers();
  counts_packets_ = !numbers.empty();
  cells_.packets.publish(numbers);
}

}  // namespace proxy
