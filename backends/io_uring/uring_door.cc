#include "backends/io_uring/uring_door.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/errno.h"

namespace backends::io_uring {

UringDoor::~UringDoor() {
  for (const Gate& gate : gates_) {
    for (std::size_t i = gate.served; i < gate.arrived.size(); ++i) {
      if (gate.arrived[i] >= 0) ::close(gate.arrived[i]);
    }
  }
}

UringDoor::Gate& UringDoor::gate_of(base::SlotId listener) {
  if (listener.slot >= gates_.size()) gates_.resize(listener.slot + 1);
  Gate& gate = gates_[listener.slot];
  if (gate.generation != listener.generation) {
    gate = Gate{};
    gate.generation = listener.generation;
  }
  return gate;
}

UringDoor::Gate* UringDoor::find(base::SlotId listener) {
  if (listener.slot >= gates_.size()) return nullptr;
  Gate& gate = gates_[listener.slot];
  return gate.generation == listener.generation ? &gate : nullptr;
}

base::SlotId UringDoor::id_of(std::size_t slot) const {
  return {.slot = static_cast<std::uint32_t>(slot), .generation = gates_[slot].generation};
}

bool UringDoor::open(base::SlotId listener, int fd, bool shared, int backlog) {
  Gate& gate = gate_of(listener);
  gate.fd = fd;
  gate.shared = shared;
  gate.backlog = static_cast<std::size_t>(std::max(backlog, 1));
  if (!std::exchange(gate.open, true)) backlogs_ += gate.backlog;
  decide();
  arrange(listener, gate);
  if (gate.served < gate.arrived.size()) queue(listener, gate);
  return true;
}

void UringDoor::close(base::SlotId listener, int /*fd*/) {
  Gate& gate = gate_of(listener);
  if (std::exchange(gate.open, false)) backlogs_ -= gate.backlog;
  arrange(listener, gate);
}

void UringDoor::set_room(std::size_t room) {
  room_ = room;
  decide();
}

void UringDoor::decide() {
  // A quarter more to come back, or it would go to and fro with each client.
  const bool plenty = room_ >= backlogs_ + (plenty_ ? 0 : backlogs_ / 4);
  if (plenty == std::exchange(plenty_, plenty)) return;
  for (std::size_t slot = 0; slot < gates_.size(); ++slot) {
    if (gates_[slot].open) arrange(id_of(slot), gates_[slot]);
  }
}

void UringDoor::arrange(base::SlotId listener, Gate& gate) {
  const bool accepts = gate.open && plenty_ && !gate.shared;
  const bool polls = gate.open && !accepts;
  if (!accepts) cancel(Op::kAccept, listener, gate.accept);
  if (!polls) cancel(Op::kKnock, listener, gate.poll);
  // One that is still being taken back is asked for again when it has ended.
  if (accepts && !gate.accept.armed) arm(Op::kAccept, listener, gate);
  if (polls && !gate.poll.armed) arm(Op::kKnock, listener, gate);
}

void UringDoor::arm(Op op, base::SlotId listener, Gate& gate) {
  io_uring_sqe& request = ring_.request();
  if (op == Op::kAccept) {
    io_uring_prep_multishot_accept(&request, gate.fd, nullptr, nullptr,
                                   SOCK_NONBLOCK | SOCK_CLOEXEC);
  } else {
    io_uring_prep_poll_multishot(&request, gate.fd, POLLIN);
  }
  request.user_data = Token{.op = op, .id = listener}.pack();
  (op == Op::kAccept ? gate.accept : gate.poll).armed = true;
  ++armed_;
}

void UringDoor::cancel(Op op, base::SlotId listener, Request& request) {
  if (!request.armed || std::exchange(request.cancelling, true)) return;
  io_uring_sqe& cancelling = ring_.request();
  io_uring_prep_cancel64(&cancelling, Token{.op = op, .id = listener}.pack(), 0);
  cancelling.user_data = Token{.op = Op::kCancelAccept, .id = listener}.pack();
  cancelling.flags = IOSQE_CQE_SKIP_SUCCESS;
  ++stats_.cancellations;
}

void UringDoor::ended(Request& request) {
  request = Request{};
  --armed_;
}

void UringDoor::queue(base::SlotId listener, Gate& gate) {
  if (!std::exchange(gate.waiting, true)) waiting_.push_back(listener);
}

base::Result<int> UringDoor::next(base::SlotId listener, int fd) {
  Gate& gate = gate_of(listener);
  if (gate.served < gate.arrived.size()) {
    const int arrived = gate.arrived[gate.served++];
    if (gate.served == gate.arrived.size()) {
      gate.arrived.clear();
      gate.served = 0;
    }
    if (arrived >= 0) return arrived;
    return base::failure(base::to_errno(-arrived));
  }
  if (gate.open) {
    if (!gate.knocked) return base::failure(base::to_errno(EAGAIN));
    return take(gate, fd);
  }
  // A listener that is drained: clients may still come by the accept that is being taken back, and
  // a poll must not outlive the descriptor.
  if (gate.accept.armed || gate.poll.armed) return base::failure(base::to_errno(EINPROGRESS));
  return take(gate, fd);
}

base::Result<int> UringDoor::take(Gate& gate, int fd) {
  ++stats_.syscalls[static_cast<std::size_t>(Syscall::kAccept)];
  const int client = ::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (client >= 0) return client;
  if (errno == EAGAIN) gate.knocked = false;
  return base::failure_of_errno();
}

void UringDoor::on_accept(base::SlotId listener, int result, bool more) {
  Gate& gate = gate_of(listener);
  if (!more) ended(gate.accept);
  if (result != -ECANCELED) gate.arrived.push_back(result);
  if (gate.open) queue(listener, gate);
}

void UringDoor::on_knock(base::SlotId listener, int result, bool more) {
  Gate& gate = gate_of(listener);
  if (!more) ended(gate.poll);
  if (result > 0) gate.knocked = true;
  if (gate.open) queue(listener, gate);
}

void UringDoor::on_failed_cancel(base::SlotId listener) {
  Gate* gate = find(listener);
  if (gate == nullptr) return;
  gate->accept.cancelling = gate->poll.cancelling = false;
  arrange(listener, *gate);
}

std::span<const base::SlotId> UringDoor::waiting() {
  served_.clear();
  std::swap(served_, waiting_);
  // Those that were closed meanwhile keep who has arrived until they are opened again.
  std::erase_if(served_, [this](base::SlotId listener) {
    Gate& gate = gate_of(listener);
    gate.waiting = false;
    return !gate.open;
  });
  return served_;
}

void UringDoor::after_burst(base::SlotId listener) {
  Gate& gate = gate_of(listener);
  if (!gate.open) return;
  if (gate.served < gate.arrived.size() || gate.knocked) {
    queue(listener, gate);
  } else {
    arrange(listener, gate);
  }
}

void UringDoor::close_all() {
  for (std::size_t slot = 0; slot < gates_.size(); ++slot) close(id_of(slot), gates_[slot].fd);
}

}  // namespace backends::io_uring
