#include "backends/dpdk/eal/ethdev_port.h"

#include <rte_ethdev.h>

#include <algorithm>
#include <array>
#include <bit>

#include "base/assert.h"

namespace backends::dpdk::eal {
namespace {

constexpr std::uint64_t kTcpByPorts = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP;
// What drivers use when they do not say how long their key is.
constexpr std::size_t kUsualKeyBytes = 40;
constexpr std::size_t kKeyBytesMax = 64;
constexpr std::size_t kTableGroupsMax = RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE;

}  // namespace

struct EthdevPort::Setup {
  PortOptions options;
  std::span<const Buffers* const> buffers;
  rte_eth_dev_info info{};
  std::uint16_t mtu = 0;

  std::uint16_t queues() const { return static_cast<std::uint16_t>(buffers.size()); }
};

base::Parsed<std::unique_ptr<EthdevPort>> EthdevPort::open(
    Eal& eal, const EalPort& port, const PortOptions& options,
    std::span<const Buffers* const> buffers) {
  CHECK(!buffers.empty());
  Setup setup{.options = options, .buffers = buffers};
  eal.forget_errors();
  if (const int result = rte_eth_dev_info_get(port.number, &setup.info); result != 0) {
    return base::failure(eal.failure_text("port " + port.name + " cannot be asked", result));
  }
  std::unique_ptr<EthdevPort> opened(new EthdevPort(port, setup.info.driver_name));
  auto failed = opened->configure(eal, setup);
  if (!failed) failed = opened->set_up_queues(eal, setup);
  if (!failed) failed = opened->start(eal, setup);
  if (failed) return base::failure(*std::move(failed));
  return opened;
}

EthdevPort::~EthdevPort() {
  // Of a port that was not started both say so, and that is all.
  static_cast<void>(rte_eth_dev_stop(port_.number));
  static_cast<void>(rte_eth_dev_close(port_.number));
}

std::string EthdevPort::problem(std::string_view what) const {
  return "port " + port_.name + " (" + driver_ + "): " + std::string(what);
}

std::optional<std::string> EthdevPort::configure(Eal& eal, Setup& setup) {
  const std::uint16_t queues = setup.queues();
  const std::uint16_t queues_max = std::min(setup.info.max_rx_queues, setup.info.max_tx_queues);
  if (queues > queues_max) {
    return problem("there are " + std::to_string(queues) + " workers and it has only " +
                   std::to_string(queues_max) + " queues");
  }
  setup.mtu = setup.options.mtu;
  if (setup.mtu == 0 && rte_eth_dev_get_mtu(port_.number, &setup.mtu) != 0) {
    setup.mtu = RTE_ETHER_MTU;
  }
  const auto too_small = [&](const Buffers* buffers) {
    return buffers->room() < frame_bytes_of(setup.mtu);
  };
  if (std::any_of(setup.buffers.begin(), setup.buffers.end(), too_small)) {
    return problem("its MTU of " + std::to_string(setup.mtu) + " does not fit into a buffer");
  }
  // All zero but these: no checksums, no merging (LRO), no frames in several pieces, no VLAN tags
  // taken away.
  rte_eth_conf conf{};
  conf.rxmode.mtu = setup.mtu;
  const std::uint64_t spread = setup.info.flow_type_rss_offloads & kTcpByPorts;
  if (queues > 1 && spread != 0) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = spread;
  }
  if (const int result = rte_eth_dev_configure(port_.number, queues, queues, &conf); result != 0) {
    return eal.failure_text(problem("cannot be configured"), result);
  }
  return std::nullopt;
}

std::optional<std::string> EthdevPort::set_up_queues(Eal& eal, const Setup& setup) {
  std::uint16_t receive_slots = setup.options.receive_slots;
  std::uint16_t send_slots = setup.options.send_slots;
  int result = rte_eth_dev_adjust_nb_rx_tx_desc(port_.number, &receive_slots, &send_slots);
  if (result != 0) return eal.failure_text(problem("has no queues of any length"), result);
  const auto node = static_cast<unsigned>(rte_eth_dev_socket_id(port_.number));
  for (std::uint16_t queue = 0; queue < setup.queues(); ++queue) {
    // Null: the driver's own choices, which fit its offloads, and those are none.
    result = rte_eth_rx_queue_setup(port_.number, queue, receive_slots, node, nullptr,
                                    setup.buffers[queue]->native());
    if (result != 0) return eal.failure_text(problem("cannot make a receive queue"), result);
    result = rte_eth_tx_queue_setup(port_.number, queue, send_slots, node, nullptr);
    if (result != 0) return eal.failure_text(problem("cannot make a send queue"), result);
  }
  return std::nullopt;
}

std::optional<std::string> EthdevPort::start(Eal& eal, const Setup& setup) {
  if (const int result = rte_eth_dev_start(port_.number); result != 0) {
    return eal.failure_text(problem("cannot be started"), result);
  }
  // Neighbour discovery of IPv6 asks by multicast. What cannot be told to receive just that
  // (af_packet, af_xdp) can mostly be told to receive everything.
  if (rte_eth_allmulticast_enable(port_.number) != 0 &&
      rte_eth_promiscuous_enable(port_.number) != 0) {
    notes_.push_back(
        problem("cannot be told to receive all multicast; IPv6 needs it, unless the "
                "device below receives it anyway"));
  }
  rte_ether_addr mac{};
  if (const int result = rte_eth_macaddr_get(port_.number, &mac); result != 0) {
    return eal.failure_text(problem("has no Ethernet address"), result);
  }
  for (std::uint16_t queue = 0; queue < setup.queues(); ++queue) {
    EthdevDevice::Identity identity{.port = port_.number,
                                    .queue = queue,
                                    .name = port_.name,
                                    .mac = std::to_array(mac.addr_bytes),
                                    .mtu = setup.mtu};
    devices_.push_back(std::make_unique<EthdevDevice>(std::move(identity), *setup.buffers[queue]));
  }
  return std::nullopt;
}

std::optional<RssSpread> EthdevPort::rss() const {
  rte_eth_dev_info info{};
  if (rte_eth_dev_info_get(port_.number, &info) != 0) return std::nullopt;
  const std::size_t key_bytes = info.hash_key_size == 0 ? kUsualKeyBytes : info.hash_key_size;
  const std::size_t groups = info.reta_size / RTE_ETH_RETA_GROUP_SIZE;
  if (key_bytes < kToeplitzKeyMin || key_bytes > kKeyBytesMax || groups > kTableGroupsMax ||
      groups * RTE_ETH_RETA_GROUP_SIZE != info.reta_size || !std::has_single_bit(groups)) {
    return std::nullopt;
  }
  std::array<std::uint8_t, kKeyBytesMax> key{};
  rte_eth_rss_conf hash{};
  hash.rss_key = key.data();
  hash.rss_key_len = static_cast<std::uint8_t>(key_bytes);
  if (rte_eth_dev_rss_hash_conf_get(port_.number, &hash) != 0) return std::nullopt;
  // A driver that keeps its key to itself leaves ours as it was.
  const auto zero = [](std::uint8_t byte) { return byte == 0; };
  if (std::all_of(key.begin(), key.end(), zero)) return std::nullopt;

  std::array<rte_eth_rss_reta_entry64, kTableGroupsMax> table{};
  for (rte_eth_rss_reta_entry64& group : table) {
    group.mask = UINT64_MAX;
  }
  if (rte_eth_dev_rss_reta_query(port_.number, table.data(), info.reta_size) != 0) {
    return std::nullopt;
  }
  RssSpread spread;
  spread.key.assign(key.begin(), key.begin() + static_cast<std::ptrdiff_t>(key_bytes));
  for (std::size_t i = 0; i < info.reta_size; ++i) {
    spread.queues.push_back(
        table.at(i / RTE_ETH_RETA_GROUP_SIZE).reta[i % RTE_ETH_RETA_GROUP_SIZE]);
  }
  spread.tcp4 = (hash.rss_hf & RTE_ETH_RSS_NONFRAG_IPV4_TCP) != 0;
  spread.tcp6 = (hash.rss_hf & RTE_ETH_RSS_NONFRAG_IPV6_TCP) != 0;
  return spread;
}

}  // namespace backends::dpdk::eal
