#include "backends/dpdk/eal/dpdk_factory.h"

#include <sys/random.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backends/dpdk/address_claims.h"
#include "backends/dpdk/dpdk_transport.h"
#include "backends/dpdk/eal/buffers.h"
#include "backends/dpdk/eal/eal.h"
#include "backends/dpdk/eal/ethdev_port.h"
#include "backends/dpdk/toeplitz.h"
#include "base/assert.h"

namespace backends::dpdk::eal {
namespace {

constexpr std::size_t kBuffersMibPerWorker = 64;  // For frames; EAL's own need is small beside it.
constexpr std::size_t kEalMib = 64;
constexpr std::uint16_t kIp6LongerBy = 20;  // The header, so the segment is shorter.
// Clients that wait for an upstream and upstreams that wait for a client, beside the sessions.
constexpr std::size_t kLegsMin = 4096;
constexpr std::size_t kLegsMax = std::size_t{1} << 20U;

// One worker's share.
struct Place {
  std::vector<Device*> devices;  // By the port's number in `addresses`.
  std::vector<PortAddress> addresses;
  std::optional<QueueChoice> choice;  // Where ports are shared by RSS.
  std::uint16_t queue = 0;
};

splice_core::SipKey random_seed() {
  splice_core::SipKey seed{};
  CHECK(::getrandom(seed.data(), sizeof(seed), 0) == static_cast<ssize_t>(sizeof(seed)));
  return seed;
}

std::vector<PortAddress> port_addresses(const PortSettings& settings) {
  std::vector<PortAddress> addresses;
  for (const PortSettings::Address& each : settings.addresses) {
    addresses.push_back({.port = each.port,
                         .prefix_bits = each.prefix_bits,
                         .address = each.ip,
                         .gateway = each.gateway});
  }
  return addresses;
}

std::vector<base::IpPort> ips_of(const PortSettings& settings) {
  std::vector<base::IpPort> ips;
  for (const PortSettings::Address& each : settings.addresses) ips.push_back(each.ip);
  return ips;
}

class DpdkFactory final : public TransportFactory {
 public:
  DpdkFactory(const PortSettings& settings, std::unique_ptr<TransportFactory> kernel)
      : settings_(settings), kernel_(std::move(kernel)), claims_(ips_of(settings)) {}

  // A sentence when it cannot be.
  std::optional<std::string> start();

  std::string_view engine() const override { return "dpdk"; }
  base::Result<base::Address> claim(const ListenSpec& spec) override {
    return claims_.claim(spec.address);
  }
  void disclaim(const base::Address& address) override { claims_.disclaim(address); }
  base::Result<std::unique_ptr<Transport>> make(const TransportOptions& options) override;
  base::Result<std::unique_ptr<Transport>> make_kernel(const TransportOptions& options) override {
    return kernel_->make(options);
  }
  // Two connections for each session, and as many again may wait or be parked.
  std::size_t connections_max() const override {
    return std::max<std::size_t>(1, settings_.sessions_max / settings_.workers) * 2 + legs_max();
  }
  std::vector<Refusal> refusals() const override { return kernel_->refusals(); }
  std::vector<std::string> notes() const override {
    const std::scoped_lock lock(mutex_);
    return notes_;
  }

 private:
  std::size_t sessions_of_one() const {
    return std::max<std::size_t>(1, settings_.sessions_max / settings_.workers);
  }
  std::size_t legs_max() const { return std::clamp(sessions_of_one() / 8, kLegsMin, kLegsMax); }
  bool shares_ports() const;
  std::optional<std::string> check_shares() const;
  std::optional<std::string> open_shared();
  std::optional<std::string> open_own();
  std::optional<std::string> make_buffers();
  DatapathOptions datapath_options(std::size_t worker);
  std::unique_ptr<Capture> open_capture(std::size_t worker);
  void note(std::string text) {
    const std::scoped_lock lock(mutex_);
    notes_.push_back(std::move(text));
  }

  const PortSettings settings_;
  std::unique_ptr<TransportFactory> kernel_;
  AddressClaims claims_;
  splice_core::SipKey seed_ = random_seed();
  // Destroyed in the opposite order: ports before buffers before EAL.
  std::unique_ptr<Eal> eal_;
  std::vector<std::unique_ptr<Buffers>> buffers_;  // By worker.
  std::vector<std::unique_ptr<EthdevPort>> ports_;
  std::vector<Place> places_;       // By worker.
  std::unique_ptr<Gossip> gossip_;  // Null: no port is shared.
  std::atomic<std::size_t> next_worker_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> notes_;
};

// Cards have a queue for each worker. Other ports have one queue, or several that they fill in a
// way that nobody can compute, so with enough of those each worker has ports of its own.
bool DpdkFactory::shares_ports() const {
  const auto is_card = [](const std::string& text) {
    const auto port = parse_port(text);
    return port && port->kind == PortKind::kPci;
  };
  return settings_.workers == 1 || settings_.ports.size() < settings_.workers ||
         std::ranges::all_of(settings_.ports, is_card);
}

std::optional<std::string> DpdkFactory::check_shares() const {
  const std::size_t ports = settings_.ports.size();
  const std::size_t of_one =
      shares_ports() ? ports : (ports + settings_.workers - 1) / settings_.workers;
  if (of_one > kPortsMax) {
    return "a worker would have " + std::to_string(of_one) + " ports, and can have " +
           std::to_string(kPortsMax);
  }
  if (shares_ports()) return std::nullopt;
  for (std::size_t i = 0; i < settings_.workers; ++i) {
    const auto is_its_own = [&](const PortSettings::Address& address) {
      return address.port % settings_.workers == i;
    };
    if (std::ranges::any_of(settings_.addresses, is_its_own)) continue;
    return "worker " + std::to_string(i) + " has the port " + settings_.ports[i] +
           " for itself, and no address is there";
  }
  return std::nullopt;
}

std::optional<std::string> DpdkFactory::start() {
  if (auto problem = check_shares()) return problem;
  EalOptions options;
  options.ports = settings_.ports;
  options.huge_pages = settings_.huge_pages;
  options.memory_mib = kEalMib + kBuffersMibPerWorker * settings_.workers;
  options.arguments = settings_.environment;
  auto eal = Eal::start(options);
  if (!eal) return eal.error();
  eal_ = *std::move(eal);
  for (const std::string& each : eal_->notes()) note(each);
  if (auto problem = make_buffers()) return problem;
  places_.resize(settings_.workers);
  if (auto problem = shares_ports() ? open_shared() : open_own()) return problem;
  for (const auto& port : ports_) {
    for (const std::string& each : port->notes()) note(each);
  }
  return std::nullopt;
}

std::optional<std::string> DpdkFactory::make_buffers() {
  const PortOptions defaults;
  const std::uint32_t count = buffers_needed(static_cast<std::uint32_t>(settings_.ports.size()),
                                             defaults.receive_slots, defaults.send_slots);
  constexpr std::uint16_t kMtu = 1500;
  for (std::size_t i = 0; i < settings_.workers; ++i) {
    auto buffers = Buffers::make(*eal_, "worker" + std::to_string(i), count, kMtu);
    if (!buffers) return buffers.error();
    buffers_.push_back(*std::move(buffers));
  }
  return std::nullopt;
}

// Every port has a queue for every worker. With more than one, each worker must be able to tell
// which local ports bring the replies to its own queue.
std::optional<std::string> DpdkFactory::open_shared() {
  std::vector<const Buffers*> buffers;
  for (const auto& each : buffers_) buffers.push_back(each.get());
  for (const EalPort& each : eal_->ports()) {
    auto port = EthdevPort::open(*eal_, each, {}, buffers);
    if (!port) return port.error();
    ports_.push_back(*std::move(port));
  }
  if (places_.size() > 1) gossip_ = std::make_unique<Gossip>(places_.size());
  for (std::size_t i = 0; i < places_.size(); ++i) {
    Place& place = places_[i];
    place.queue = static_cast<std::uint16_t>(i);
    place.addresses = port_addresses(settings_);
    for (const auto& port : ports_) place.devices.push_back(&port->device(place.queue));
    if (places_.size() == 1) continue;
    const auto spread = ports_.front()->rss();
    if (!spread) {
      return "port " + std::string(ports_.front()->name()) +
             " does not say how it spreads segments over its queues (RSS), so replies cannot be "
             "led to the worker that waits for them: set workers.count to 1, or give each worker "
             "a port of its own";
    }
    place.choice.emplace(*spread);
  }
  return std::nullopt;
}

// Each worker has ports of its own, and the addresses on them: worker i has port i, i + workers,
// ...
std::optional<std::string> DpdkFactory::open_own() {
  for (std::size_t p = 0; p < eal_->ports().size(); ++p) {
    const std::size_t worker = p % settings_.workers;
    const Buffers* const buffers = buffers_[worker].get();
    auto port = EthdevPort::open(*eal_, eal_->ports()[p], {}, std::span(&buffers, 1));
    if (!port) return port.error();
    Place& place = places_[worker];
    for (PortAddress address : port_addresses(settings_)) {
      if (address.port != p) continue;
      address.port = static_cast<std::uint8_t>(place.devices.size());
      place.addresses.push_back(address);
    }
    place.devices.push_back(&(*port)->device(0));
    ports_.push_back(*std::move(port));
  }
  return std::nullopt;
}

DatapathOptions DpdkFactory::datapath_options(std::size_t worker) {
  const Place& place = places_[worker];
  DatapathOptions options;
  options.core.pairs_max = sessions_of_one();
  options.core.legs_max = legs_max();
  options.core.pages =
      settings_.huge_pages ? splice_core::PageWish::kTransparent : splice_core::PageWish::kPlain;
  options.core.seed = {seed_[0], seed_[1]};
  options.core.mss4 = settings_.mss;
  options.core.mss6 = static_cast<std::uint16_t>(settings_.mss - kIp6LongerBy);
  options.addresses = place.addresses;
  options.announces = place.queue == 0;
  options.seed = seed_[0] ^ (worker + 1);
  options.gossip = gossip_.get();
  options.worker = worker;
  options.capture = open_capture(worker);
  return options;
}

std::unique_ptr<Capture> DpdkFactory::open_capture(std::size_t worker) {
  if (settings_.capture_file.empty()) return nullptr;
  const std::string path = settings_.workers == 1
                               ? settings_.capture_file
                               : settings_.capture_file + "." + std::to_string(worker);
  auto capture = Capture::open({.path = path,
                                .one_flow_in = settings_.capture_one_in,
                                .file_bytes_max = settings_.capture_bytes_max});
  if (!capture) {
    note("no packets are captured: " + path + ": " + base::errno_text(capture.error()));
    return nullptr;
  }
  return *std::move(capture);
}

base::Result<std::unique_ptr<Transport>> DpdkFactory::make(const TransportOptions& options) {
  const std::size_t worker = next_worker_.fetch_add(1);
  if (worker >= places_.size()) return base::failure(base::to_errno(EMFILE));
  auto place = WorkerPlace::enter();
  if (!place) {
    note(place.error());
    return base::failure(base::to_errno(EAGAIN));
  }
  DpdkTransportOptions wanted;
  wanted.limits = options;
  wanted.datapath = datapath_options(worker);
  wanted.idle = settings_.sleep_when_idle ? Idle::kSleep : Idle::kSpin;
  wanted.place = std::make_shared<WorkerPlace>(*std::move(place));
  if (const auto& choice = places_[worker].choice; choice) {
    const auto mine = [&choice, queue = places_[worker].queue](const auto& reply) {
      return choice->queue_of(reply) == queue;
    };
    wanted.choice = {.v4 = mine, .v6 = mine};
  }
  auto transport = std::make_unique<DpdkTransport>(std::move(wanted), places_[worker].devices);
  const auto kind = transport->datapath().core().page_kind(splice_core::CoreFamily::kV4);
  note("worker " + std::to_string(worker) + ": its tables are in " + std::string(name_of(kind)) +
       " pages");
  return transport;
}

}  // namespace

EngineInfo probe() { return {.name = "dpdk", .usable = true, .reason = {}, .needs_ports = true}; }

base::Parsed<std::unique_ptr<TransportFactory>> make_factory(
    const PortSettings& settings, std::unique_ptr<TransportFactory> kernel) {
  if (settings.ports.empty() || settings.addresses.empty()) {
    return base::failure(std::string("transport dpdk: it needs ports and addresses"));
  }
  auto factory = std::make_unique<DpdkFactory>(settings, std::move(kernel));
  if (auto problem = factory->start()) return base::failure("transport dpdk: " + *problem);
  return factory;
}

}  // namespace backends::dpdk::eal
