#include "backends/io_uring/uring_door.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "backends/io_uring/token.h"
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

bool UringDoor::open(base::SlotId listener, int fd, base::Family /*family*/) {
  Gate& gate = gate_of(listener);
  gate.fd = fd;
  gate.open = true;
  // One that is still being taken back is asked for again when it has ended.
  if (!gate.armed) arm(listener, gate);
  if (gate.served < gate.arrived.size()) queue(listener, gate);
  return true;
}

void UringDoor::close(base::SlotId listener, int /*fd*/) {
  Gate& gate = gate_of(listener);
  gate.open = false;
  if (gate.armed && !gate.cancelling) cancel(listener, gate);
}

void UringDoor::arm(base::SlotId listener, Gate& gate) {
  io_uring_sqe& request = ring_.request();
  io_uring_prep_multishot_accept(&request, gate.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  request.user_data = Token{.op = Op::kAccept, .id = listener}.pack();
  gate.armed = true;
  ++armed_;
}

void UringDoor::queue(base::SlotId listener, Gate& gate) {
  if (!std::exchange(gate.waiting, true)) waiting_.push_back(listener);
}

void UringDoor::cancel(base::SlotId listener, Gate& gate) {
  io_uring_sqe& request = ring_.request();
  io_uring_prep_cancel64(&request, Token{.op = Op::kAccept, .id = listener}.pack(), 0);
  request.user_data = Token{.op = Op::kClose, .id = {}}.pack();
  request.flags = IOSQE_CQE_SKIP_SUCCESS;
  ++stats_.cancellations;
  gate.cancelling = true;
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
  if (gate.open) return base::failure(base::to_errno(EAGAIN));
  // A listener that is drained: clients may still come by the accept that is being taken back.
  if (gate.armed) return base::failure(base::to_errno(EINPROGRESS));
  ++stats_.syscalls[static_cast<std::size_t>(Syscall::kAccept)];
  const int client = ::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (client < 0) return base::failure_of_errno();
  return client;
}

void UringDoor::on_accept(base::SlotId listener, int result, bool more) {
  Gate& gate = gate_of(listener);
  if (!more) {
    gate.armed = gate.cancelling = false;
    --armed_;
  }
  if (result != -ECANCELED) gate.arrived.push_back(result);
  if (gate.open) queue(listener, gate);
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
  if (gate.served < gate.arrived.size()) {
    queue(listener, gate);
  } else if (!gate.armed) {
    arm(listener, gate);
  }
}

void UringDoor::close_all() {
  for (std::uint32_t slot = 0; slot < gates_.size(); ++slot) {
    Gate& gate = gates_[slot];
    gate.open = false;
    if (gate.armed && !gate.cancelling) {
      cancel({.slot = slot, .generation = gate.generation}, gate);
    }
  }
}

}  // namespace backends::io_uring
