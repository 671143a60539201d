// The contract suite's far ends behind a wire in memory: the splice engine without DPDK, root or
// huge pages. Clients come from another network, services are on the link and have to be asked for.
// The clock is the real one; far ends move in step() only.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/dpdk/dpdk_transport.h"
#include "base/assert.h"
#include "base/time.h"
#include "tests/backends/contract_harness.h"
#include "tests/backends/dpdk/wire_world.h"

namespace contract {
namespace {

using backends::dpdk::DpdkTransport;
using backends::dpdk::DpdkTransportOptions;
using dpdk_test::MiniTcp;
using dpdk_test::WireWorld;

// What the splice of two connections cannot do. No byte is held between the two ends.
constexpr std::pair<Feature, std::string_view> kCannot[] = {
    {Feature::kExchange, "health checks of this engine go through the kernel"},
    {Feature::kReturnUnused, "a joined upstream is never given back: its numbers are the client's"},
    {Feature::kHoldBytes, "bytes wait at their sender: a reset has none of them to wait for"}};

base::IpPort ip(const std::string& address) {
  return base::parse_address(address + ":0").value().ip;
}

struct Network {
  std::vector<base::IpPort> ours;  // The first one is listened on.
  std::uint8_t prefix_bits;
  base::IpPort gateway;
  base::IpPort service;
  base::IpPort client;
};

Network network_of(base::Family family) {
  if (family == base::Family::kV4) {
    return {.ours = {ip("10.1.0.1"), ip("10.1.0.2"), ip("10.1.0.3")},
            .prefix_bits = 24,
            .gateway = ip("10.1.0.254"),
            .service = ip("10.1.0.100"),
            .client = ip("192.0.2.7")};
  }
  return {.ours = {ip("[2001:db8:1::1]"), ip("[2001:db8:1::2]"), ip("[2001:db8:1::3]")},
          .prefix_bits = 64,
          .gateway = ip("[2001:db8:1::ffff]"),
          .service = ip("[2001:db8:1::100]"),
          .client = ip("[2001:db8:2::7]")};
}

class DpdkPeer final : public Peer {
 public:
  DpdkPeer(MiniTcp& tcp, base::SlotId id) : tcp_(tcp), id_(id) {}
  ~DpdkPeer() override { tcp_.release(id_); }

  void send(std::span<const std::byte> bytes) override { tcp_.send(id_, bytes); }
  // What was sent is with the transport: the wire keeps the order and loses nothing. The engine
  // acknowledges nothing before the far end does, so unacknowledged bytes say something else.
  std::size_t in_flight() const override { return tcp_.unsent(id_); }
  const std::vector<std::byte>& received() const override { return tcp_.received(id_); }
  void read(bool on, std::size_t read_max) override { tcp_.read(id_, on, read_max); }
  void shutdown_write() override { tcp_.shutdown_write(id_); }
  void close() override { tcp_.close(id_); }
  void reset() override { tcp_.reset(id_); }
  bool connected() const override { return tcp_.connected(id_); }
  bool eof() const override { return tcp_.eof(id_); }
  bool was_reset() const override { return tcp_.was_reset(id_); }

 private:
  MiniTcp& tcp_;
  base::SlotId id_;
};

class DpdkService final : public Service {
 public:
  DpdkService(MiniTcp& tcp, const base::IpPort& address, const PeerOptions& options)
      : tcp_(tcp), address_(address) {
    tcp_.listen(address_, {.isn = {}, .buffer_bytes = options.buffer_bytes});
  }
  ~DpdkService() override { tcp_.unlisten(address_); }

  base::Address address() const override { return {.ip = address_, .path = {}}; }
  std::unique_ptr<Peer> accept() override {
    const auto id = tcp_.accept(address_);
    if (!id) return nullptr;
    return std::make_unique<DpdkPeer>(tcp_, *id);
  }

 private:
  MiniTcp& tcp_;
  base::IpPort address_;
};

class DpdkHarness final : public Harness {
 public:
  explicit DpdkHarness(base::Family family)
      : network_(network_of(family)), world_({}, network_.ours) {}

  bool has_reset() const override { return true; }
  bool has_descriptors() const override { return false; }
  std::string_view cannot(Feature feature) const override {
    for (const auto& [what, why] : kCannot) {
      if (what == feature) return why;
    }
    return {};
  }

  std::unique_ptr<backends::Transport> make_transport(
      const backends::TransportOptions& options) override {
    DpdkTransportOptions dpdk;
    dpdk.limits = options;
    dpdk.idle = backends::dpdk::Idle::kSleep;
    dpdk.choice = world_.choice_of(world_.wires());
    dpdk.datapath.announces = world_.wires() == 0;
    dpdk.datapath.core.pairs_max = 4096;
    dpdk.datapath.core.legs_max = 1024;
    dpdk.datapath.core.half_open_max = 1024;
    dpdk.datapath.core.seed = {0x0123456789abcdef, 0xfedcba9876543210};  // The same for all.
    for (const base::IpPort& each : network_.ours) {
      dpdk.datapath.addresses.push_back({.port = 0,
                                         .prefix_bits = network_.prefix_bits,
                                         .address = each,
                                         .gateway = network_.gateway});
    }
    backends::dpdk::Device* const device = &world_.add_wire();
    return std::make_unique<DpdkTransport>(std::move(dpdk), std::span(&device, 1));
  }

  base::Address listen_address() override { return next_of(network_.ours[0]); }
  base::Address refusing_address() override { return next_of(network_.service); }
  std::vector<base::IpPort> sources() const override {
    return {network_.ours[1], network_.ours[2]};
  }

  std::unique_ptr<Service> make_service(const PeerOptions& options) override {
    return std::make_unique<DpdkService>(world_.tcp(), next_of(network_.service).ip, options);
  }

  std::unique_ptr<Peer> make_client(const base::Address& listener,
                                    const PeerOptions& options) override {
    const auto id = world_.tcp().connect(next_of(network_.client).ip, listener.ip,
                                         {.isn = {}, .buffer_bytes = options.buffer_bytes});
    CHECK(id.has_value());
    return std::make_unique<DpdkPeer>(world_.tcp(), *id);
  }

  bool step() override { return world_.step(base::monotonic_now()); }

 private:
  base::Address next_of(base::IpPort host) {
    host.port = ++port_;
    return {.ip = host, .path = {}};
  }

  Network network_;
  std::uint16_t port_ = 20000;
  WireWorld world_;
};

}  // namespace

void add_dpdk_harnesses(std::vector<HarnessFactory>& out) {
  const std::pair<const char*, base::Family> families[] = {{"dpdk_v4", base::Family::kV4},
                                                           {"dpdk_v6", base::Family::kV6}};
  for (const auto& [name, family] : families) {
    out.push_back(
        {name, family, [family = family] { return std::make_unique<DpdkHarness>(family); }});
  }
}

}  // namespace contract
