// Far ends that a test scripts: a client of a transport, or one connection of the service behind
// it (SimPeer), and the service itself (SimService). They live on the simulated network, on another
// machine than the transports, so exhaustion does not reach them.
// Owned by the test; one thread. A peer in kAuto mode acts at the virtual moment of every event; in
// kManual mode only in pump(), for tests that count steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "backends/sim/sim_network.h"
#include "base/result.h"

namespace backends {

class SimPeer final : private SimOwner {
 public:
  enum class Mode : std::uint8_t { kAuto, kManual };
  enum class State : std::uint8_t { kConnecting, kOpen, kRefused, kGone };
  static constexpr std::size_t kNoLimit = SIZE_MAX;

  // A client: its handshake begins now.
  SimPeer(SimNetwork& network, const SimConnect& connect, Mode mode);
  // The oldest client of a listener's queue, which must not be empty.
  SimPeer(SimNetwork& network, SimListenerId listener, Mode mode);
  SimPeer(const SimPeer&) = delete;
  SimPeer& operator=(const SimPeer&) = delete;
  ~SimPeer() override;  // close().

  // Queues bytes; they leave as the connection takes them.
  void send(std::span<const std::byte> bytes);
  // FIN after everything queued.
  void shutdown_write();
  // Reads from now on, at most so many bytes each time and no more than `allowance` in total.
  void read(std::size_t each_max = kNoLimit, std::size_t allowance = kNoLimit);
  void stop_reading() { read(0); }
  bool paused() const { return read_each_max_ == 0 || read_allowance_ == 0; }
  // Sends back whatever is read; FIN answers FIN.
  void echo() { echo_ = true; }
  // close(2): queued bytes are dropped; FIN, or RST when unread bytes wait here.
  void close();
  void reset();
  // Called after anything happened to this peer (kAuto) or in pump(). May call any of the above.
  void on_event(std::function<void(SimPeer&)> script) { script_ = std::move(script); }

  // Sends and reads once; true when anything moved.
  bool pump();

  State state() const { return state_; }
  const std::vector<std::byte>& received() const { return received_; }
  // Everything send() or the echo ever queued; the connection took the first sent() of it.
  const std::vector<std::byte>& queued() const { return queued_; }
  std::size_t sent() const { return sent_; }
  // Everything sent had arrived when reset() was called.
  bool reset_cleanly() const { return reset_cleanly_; }
  // Queued, in the send buffer, or on the wire.
  std::size_t in_flight() const;
  bool eof() const { return eof_; }                     // FIN was read, after every byte before it.
  bool was_reset() const { return reset_; }             // RST was seen, or the connect failed.
  base::Errno error() const { return error_; }          // Why.
  bool gone() const { return state_ == State::kGone; }  // close() or reset() was called.
  bool finishing() const { return fin_queued_; }        // shutdown_write() was called.
  // It said goodbye with a FIN, behind sent() bytes: by shutdown_write(), or by a close() that met
  // no unread bytes.
  bool sent_fin() const { return fin_written_; }
  std::uint64_t number() const { return number_; }  // Of its socket, as in traces and SimPair.
  const base::Address& local() const { return local_; }
  const base::Address& remote() const { return remote_; }
  SimSocketId socket() const { return socket_; }  // Not gone().

 private:
  void socket_ready(std::uint64_t cookie) override;
  void listener_ready(std::uint64_t) override {}
  bool pump_out();
  bool pump_in();

  SimNetwork& network_;
  Mode mode_;
  State state_ = State::kConnecting;
  SimSocketId socket_;
  std::uint64_t number_ = 0;
  base::Address local_;
  base::Address remote_;
  std::vector<std::byte> queued_;
  std::vector<std::byte> received_;
  std::function<void(SimPeer&)> script_;
  std::size_t sent_ = 0;
  std::size_t read_each_max_ = kNoLimit;
  std::size_t read_allowance_ = kNoLimit;
  base::Errno error_ = base::Errno::kNone;
  bool echo_ = false;
  bool fin_queued_ = false;
  bool fin_written_ = false;
  bool eof_ = false;
  bool reset_ = false;
  bool reset_cleanly_ = false;
};

// Listens and makes a peer of every client, or leaves them to accept().
class SimService final : private SimOwner {
 public:
  // Every client becomes a peer of `mode` and is shown to greet, which may be empty: then clients
  // wait for accept().
  using Greet = std::function<void(SimPeer&)>;

  static base::Result<std::unique_ptr<SimService>> make(SimNetwork& network,
                                                        const SimListen& listen, Greet greet);
  SimService(const SimService&) = delete;
  SimService& operator=(const SimService&) = delete;
  ~SimService() override;

  const base::Address& address() const { return address_; }
  // Null while nobody waits. kManual.
  std::unique_ptr<SimPeer> accept();
  const std::vector<std::unique_ptr<SimPeer>>& peers() const { return peers_; }

 private:
  SimService(SimNetwork& network, Greet greet) : network_(network), greet_(std::move(greet)) {}
  void socket_ready(std::uint64_t) override {}
  void listener_ready(std::uint64_t) override;

  SimNetwork& network_;
  Greet greet_;
  SimListenerId listener_;
  base::Address address_;
  std::vector<std::unique_ptr<SimPeer>> peers_;
};

}  // namespace backends
