// The contract suite's far ends on a simulated network. Virtual time moves in the transports'
// polls and, by at most one step's length, in Harness::step().
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "backends/sim/sim_network.h"
#include "backends/sim/sim_peer.h"
#include "backends/sim/sim_transport.h"
#include "tests/backends/contract_harness.h"

namespace contract {
namespace {

// A step waits for what is already on the wire, and for nothing that takes longer (handshakes into
// a black hole, keepalive).
constexpr base::Nanos kStep = std::chrono::milliseconds(1);

// The peers that step() moves. They come and go during a test.
using Living = std::vector<backends::SimPeer*>;

class SimContractPeer final : public Peer {
 public:
  SimContractPeer(std::unique_ptr<backends::SimPeer> peer, Living& living)
      : peer_(std::move(peer)), living_(living) {
    living_.push_back(peer_.get());
  }
  ~SimContractPeer() override { std::erase(living_, peer_.get()); }

  void send(std::span<const std::byte> bytes) override { peer_->send(bytes); }
  std::size_t in_flight() const override { return peer_->in_flight(); }
  const std::vector<std::byte>& received() const override { return peer_->received(); }
  void read(bool on, std::size_t read_max) override { peer_->read(on ? read_max : 0); }
  void shutdown_write() override { peer_->shutdown_write(); }
  void close() override { peer_->close(); }
  void reset() override { peer_->reset(); }
  bool connected() const override { return peer_->state() == backends::SimPeer::State::kOpen; }
  bool eof() const override { return peer_->eof(); }
  bool was_reset() const override { return peer_->was_reset(); }

 private:
  std::unique_ptr<backends::SimPeer> peer_;
  Living& living_;
};

class SimContractService final : public Service {
 public:
  SimContractService(std::unique_ptr<backends::SimService> service, Living& living)
      : service_(std::move(service)), living_(living) {}

  base::Address address() const override { return service_->address(); }
  std::unique_ptr<Peer> accept() override {
    auto peer = service_->accept();
    if (peer == nullptr) return nullptr;
    return std::make_unique<SimContractPeer>(std::move(peer), living_);
  }

 private:
  std::unique_ptr<backends::SimService> service_;
  Living& living_;
};

class SimHarness final : public Harness {
 public:
  SimHarness(base::Family family, const backends::SimFaults& faults)
      : family_(family), faults_(faults) {}

  bool has_reset() const override { return family_ != base::Family::kUnix; }
  bool has_descriptors() const override { return false; }

  std::unique_ptr<backends::Transport> make_transport(
      const backends::TransportOptions& options) override {
    backends::SimTransportOptions sim;
    sim.limits = options;
    sim.faults = faults_;
    return std::make_unique<backends::SimTransport>(network_, sim);
  }

  base::Address listen_address() override { return next_address(); }
  base::Address refusing_address() override { return next_address(); }

  std::vector<base::IpPort> sources() const override { return loopback_sources(family_); }

  std::unique_ptr<Service> make_service(const PeerOptions& options) override {
    backends::SimListen listen;
    listen.address = next_address();
    listen.buffer_bytes = options.buffer_bytes;
    return std::make_unique<SimContractService>(
        backends::SimService::make(network_, listen, nullptr).value(), living_);
  }

  std::unique_ptr<Peer> make_client(const base::Address& listener,
                                    const PeerOptions& options) override {
    backends::SimConnect connect;
    connect.remote = listener;
    connect.buffer_bytes = options.buffer_bytes;
    return std::make_unique<SimContractPeer>(
        std::make_unique<backends::SimPeer>(network_, connect, backends::SimPeer::Mode::kManual),
        living_);
  }

  bool step() override {
    bool moved = false;
    const auto next = network_.next_event();
    if (next && *next <= network_.now() + kStep) {
      network_.run_until(*next);
      moved = true;
    }
    for (backends::SimPeer* peer : living_) moved |= peer->pump();
    return moved;
  }

 private:
  base::Address next_address() {
    const std::string number = std::to_string(++port_);
    switch (family_) {
      case base::Family::kV4:
        return base::parse_address("127.0.0.1:" + number).value();
      case base::Family::kV6:
        return base::parse_address("[::1]:" + number).value();
      case base::Family::kUnix:
        return base::parse_address("unix:@contract-" + number).value();
      case base::Family::kNone:
        break;
    }
    base::check_failed(__FILE__, __LINE__, "a family with addresses");
  }

  base::Family family_;
  backends::SimFaults faults_;
  std::uint16_t port_ = 20000;
  backends::SimNetwork network_{{}};
  Living living_;
};

// Everything a kernel does now and then, all the time.
backends::SimFaults hostile() {
  backends::SimFaults faults;
  faults.short_read = 200;
  faults.short_write = 200;
  faults.empty_poll = 200;
  faults.batch_max = 3;
  faults.cut_batches = true;
  faults.shuffle = true;
  return faults;
}

}  // namespace

void add_sim_harnesses(std::vector<HarnessFactory>& out) {
  const std::pair<const char*, base::Family> families[] = {
      {"v4", base::Family::kV4}, {"v6", base::Family::kV6}, {"unix", base::Family::kUnix}};
  for (const auto& [name, family] : families) {
    out.push_back({std::string("sim_") + name, family, [family = family] {
                     return std::make_unique<SimHarness>(family, backends::SimFaults{});
                   }});
    out.push_back({std::string("sim_hostile_") + name, family,
                   [family = family] { return std::make_unique<SimHarness>(family, hostile()); }});
  }
}

}  // namespace contract
