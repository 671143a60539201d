#include "proxy/worker_thread.h"

#include <sys/eventfd.h>

#include <utility>

#include "base/assert.h"
#include "base/cpu.h"

namespace proxy {

WorkerThread::WorkerThread(const WorkerThreadOptions& options, backends::TransportFactory& factory,
                           WorkerCells& cells)
    : options_(options), factory_(factory), cells_(cells), thread_([this] { run(); }) {}

WorkerThread::~WorkerThread() {
  released_.set_value();
  thread_.join();
}

base::Parsed<void> WorkerThread::started() { return started_.get_future().get(); }

void WorkerThread::run() {
  const std::string name = "worker " + std::to_string(options_.worker.index);
  base::name_this_thread(name.c_str());
  if (options_.cpu) {
    const auto pinned = base::pin_this_thread(*options_.cpu);
    if (!pinned) pin_error_ = pinned.error();
  }
  auto transport = factory_.make(options_.transport);
  if (!transport) {
    finished_ = true;
    started_.set_value(base::failure(
        name + ": cannot start its transport: " + base::errno_text(transport.error())));
    return;
  }
  transport_ = *std::move(transport);
  worker_ = std::make_unique<Worker>(options_.worker, *transport_, cells_);
  started_.set_value({});
  worker_->run();
  finished_ = true;
  // Fails only when the counter is full, and then it is raised anyway (man 2 eventfd).
  static_cast<void>(eventfd_write(options_.finished_fd, 1));
  // Others may still post to it. What it leaves behind is taken apart here, because some engines
  // may be used only by the thread that made them.
  released_.get_future().wait();
  worker_.reset();
  transport_.reset();
}

std::future<std::optional<BindFailure>> WorkerThread::post(Command::Kind kind, SnapshotPtr snapshot,
                                                           base::Nanos drain_for) {
  Command command;
  command.kind = kind;
  command.snapshot = std::move(snapshot);
  command.drain_for = drain_for;
  return post(std::move(command));
}

std::future<std::optional<BindFailure>> WorkerThread::post(Command command) {
  CHECK(worker_ != nullptr);
  auto done = command.done.get_future();
  // Main waits for every answer but those of drains, of which there are few, and of one ping at a
  // time: the mailbox has room.
  CHECK(worker_->post(std::move(command)));
  return done;
}

}  // namespace proxy
