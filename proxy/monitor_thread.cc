#include "proxy/monitor_thread.h"

#include <utility>

#include "base/assert.h"
#include "base/cpu.h"
#include "base/errno.h"

namespace proxy {
namespace {

// Replies are a few bytes, and are taken out at once: the smallest buffers that a worker may have.
constexpr std::size_t kReceiveBuffersBytes = std::size_t{64} << 10U;

// It has one connection for each check, no clients and no relays. A check that ended in this turn
// may still hold its place while the next one begins.
backends::TransportOptions transport_options(std::size_t checks_max) {
  return {.connections_max = 2 * checks_max,
          .clients_max = 0,
          .pipes_max = 0,
          .pipe_bytes = 0,
          .receive_buffers_bytes = kReceiveBuffersBytes};
}

}  // namespace

MonitorThread::MonitorThread(const MonitorOptions& options, const MonitorLinks& links,
                             backends::TransportFactory& factory)
    : options_(options), links_(links), factory_(factory), thread_([this] { run(); }) {}

void MonitorThread::run() {
  base::name_this_thread("monitor");
  auto transport = factory_.make_kernel(transport_options(options_.checks_max));
  if (!transport) {
    started_.set_value(base::failure("monitor: cannot start its transport: " +
                                     base::errno_text(transport.error())));
    return;
  }
  transport_ = *std::move(transport);
  monitor_ = std::make_unique<Monitor>(options_, links_, *transport_);
  started_.set_value({});
  monitor_->run();
  stopped_.set_value();
  // Workers may still leave evidence. Taken apart here, because some engines may be used only by
  // the thread that made them.
  released_.get_future().wait();
  monitor_.reset();
  transport_.reset();
}

void MonitorThread::apply(SnapshotPtr snapshot) {
  CHECK(monitor_ != nullptr && !stop_told_);
  tell(MonitorCommand::Kind::kApply, std::move(snapshot));
}

void MonitorThread::stop() {
  if (monitor_ == nullptr || std::exchange(stop_told_, true)) return;
  tell(MonitorCommand::Kind::kStop, nullptr);
  stopped_.get_future().wait();
}

MonitorThread::~MonitorThread() {
  stop();
  released_.set_value();
  thread_.join();
}

void MonitorThread::tell(MonitorCommand::Kind kind, SnapshotPtr snapshot) {
  MonitorCommand command;
  command.kind = kind;
  command.snapshot = std::move(snapshot);
  auto done = command.done.get_future();
  CHECK(monitor_->post(std::move(command)));  // Main waits for each answer: there is room.
  done.wait();
}

}  // namespace proxy
