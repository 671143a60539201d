#include "backends/sim/sim_peer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"

namespace backends {

SimPeer::SimPeer(SimNetwork& network, const SimConnect& connect, Mode mode)
    : network_(network), mode_(mode) {
  const auto socket = network.connect(connect, *this, 0);
  CHECK(socket.has_value());
  socket_ = *socket;
  number_ = network.socket(socket_).number;
  local_ = network.socket(socket_).local;
  remote_ = network.socket(socket_).remote;
}

SimPeer::SimPeer(SimNetwork& network, SimListenerId listener, Mode mode)
    : network_(network),
      mode_(mode),
      state_(State::kOpen),
      socket_(network.accept(listener, *this, 0)),
      number_(network.socket(socket_).number),
      local_(network.socket(socket_).local),
      remote_(network.socket(socket_).remote) {}

SimPeer::~SimPeer() { close(); }

void SimPeer::send(std::span<const std::byte> bytes) {
  CHECK(!fin_queued_);
  queued_.insert(queued_.end(), bytes.begin(), bytes.end());
  if (mode_ == Mode::kAuto) pump_out();
}

void SimPeer::shutdown_write() {
  fin_queued_ = true;
  if (mode_ == Mode::kAuto) pump_out();
}

void SimPeer::read(std::size_t each_max, std::size_t allowance) {
  read_each_max_ = each_max;
  read_allowance_ = allowance;
  if (mode_ == Mode::kAuto) pump_in();
}

void SimPeer::close() {
  if (state_ == State::kGone) return;
  state_ = State::kGone;
  const SimSocket& socket = network_.socket(socket_);
  fin_written_ |= socket.state == SimState::kOpen && socket.receive.empty();
  network_.close(socket_);
}

void SimPeer::reset() {
  if (state_ == State::kGone) return;
  if (local_.family() == base::Family::kUnix) return close();  // It has no RST.
  reset_cleanly_ = in_flight() == 0;
  state_ = State::kGone;
  network_.reset(socket_);
}

std::size_t SimPeer::in_flight() const {
  const bool lost = state_ == State::kGone || reset_;
  return lost ? 0 : queued_.size() - sent_ + network_.socket(socket_).undelivered();
}

void SimPeer::socket_ready(std::uint64_t) {
  if (mode_ == Mode::kAuto) pump();
}

bool SimPeer::pump() {
  if (state_ == State::kGone || state_ == State::kRefused) return false;
  const SimSocket& socket = network_.socket(socket_);
  if (socket.state == SimState::kConnecting) return false;
  bool moved = false;
  if (socket.state == SimState::kFailed) {
    state_ = State::kRefused;
    reset_ = moved = true;
    error_ = socket.error;
  } else {
    moved = std::exchange(state_, State::kOpen) == State::kConnecting;
    // An echo sends what it has just read; what it cannot send waits in queued_.
    moved |= pump_in();
    moved |= pump_out();
  }
  if (script_) script_(*this);
  return moved;
}

bool SimPeer::pump_out() {
  if (state_ != State::kOpen || fin_written_ || reset_) return false;
  bool moved = false;
  while (sent_ < queued_.size()) {
    const std::size_t count = network_.write(socket_, std::span(queued_).subspan(sent_));
    if (count == 0) return moved;
    sent_ += count;
    moved = true;
  }
  if (!fin_queued_) return moved;
  network_.shutdown_write(socket_);
  fin_written_ = true;
  return true;
}

bool SimPeer::pump_in() {
  if (state_ != State::kOpen || reset_) return false;
  const std::size_t count =
      std::min({network_.socket(socket_).receive.size(), read_each_max_, read_allowance_});
  if (count > 0) {
    const std::size_t before = received_.size();
    received_.resize(before + count);
    const auto fresh = std::span(received_).subspan(before);
    CHECK(network_.read(socket_, fresh) == count);
    if (read_allowance_ != kNoLimit) read_allowance_ -= count;
    if (echo_ && !fin_queued_) queued_.insert(queued_.end(), fresh.begin(), fresh.end());
  }
  // FIN and RST are read as bytes are: behind them, and not while reading is off.
  const SimSocket& socket = network_.socket(socket_);
  if (!socket.receive.empty() || read_each_max_ == 0 || read_allowance_ == 0) return count > 0;
  const bool fin = socket.fin_received && !std::exchange(eof_, true);
  if (fin && echo_) fin_queued_ = true;
  if (socket.state == SimState::kReset) {
    reset_ = true;
    error_ = socket.error;
  }
  return count > 0 || fin || reset_;
}

base::Result<std::unique_ptr<SimService>> SimService::make(SimNetwork& network,
                                                           const SimListen& listen, Greet greet) {
  // NOLINTNEXTLINE(modernize-make-unique): the constructor is private.
  std::unique_ptr<SimService> service(new SimService(network, std::move(greet)));
  const auto listener = network.listen(listen, *service, 0);
  if (!listener) return base::failure(listener.error());
  service->listener_ = *listener;
  service->address_ = network.local(*listener);
  return service;
}

SimService::~SimService() {
  if (listener_.id.generation != 0) network_.close_listener(listener_);
}

std::unique_ptr<SimPeer> SimService::accept() {
  if (network_.queued(listener_) == 0) return nullptr;
  return std::make_unique<SimPeer>(network_, listener_, SimPeer::Mode::kManual);
}

void SimService::listener_ready(std::uint64_t) {
  if (!greet_ || network_.queued(listener_) == 0) return;
  peers_.push_back(std::make_unique<SimPeer>(network_, listener_, SimPeer::Mode::kAuto));
  greet_(*peers_.back());
  peers_.back()->pump();  // Bytes may have come while it waited in the queue.
}

}  // namespace backends
