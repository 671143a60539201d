#include "backends/dpdk/eal/ethdev_device.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>

#include "base/assert.h"

namespace backends::dpdk::eal {
namespace {

using Burst = std::array<rte_mbuf*, kBurstMax>;

std::byte* start_of(const rte_mbuf& buffer) { return static_cast<std::byte*>(buffer.buf_addr); }

Frame frame_of(rte_mbuf& buffer) {
  return {.data = start_of(buffer) + buffer.data_off,
          .size = buffer.data_len,
          .room = static_cast<std::uint32_t>(buffer.buf_len - buffer.data_off),
          .buffer = &buffer};
}

// The buffer with the frame as its holder left it: it may be shorter, longer, or begin elsewhere.
rte_mbuf* buffer_of(const Frame& frame) {
  auto* const buffer = static_cast<rte_mbuf*>(frame.buffer);
  const std::ptrdiff_t offset = frame.data - start_of(*buffer);
  CHECK(offset >= 0 && static_cast<std::size_t>(offset) + frame.size <= buffer->buf_len);
  buffer->data_off = static_cast<std::uint16_t>(offset);
  buffer->data_len = static_cast<std::uint16_t>(frame.size);
  buffer->pkt_len = frame.size;
  // What the card found out on arrival is not a wish for the way out. How the memory is held stays.
  buffer->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
  buffer->tx_offload = 0;
  return buffer;
}

}  // namespace

EthdevDevice::EthdevDevice(Identity identity, const Buffers& buffers)
    : identity_(std::move(identity)), pool_(buffers.native()) {
  CHECK(buffers.room() >= frame_bytes_of(identity_.mtu));
}

bool EthdevDevice::link_up() {
  rte_eth_link link{};
  return rte_eth_link_get_nowait(identity_.port, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

std::size_t EthdevDevice::receive(std::span<Frame> frames) {
  Burst burst;
  const auto wanted = static_cast<std::uint16_t>(std::min(frames.size(), kBurstMax));
  const std::size_t count = rte_eth_rx_burst(identity_.port, identity_.queue, burst.data(), wanted);
  if (count == 0) {
    ++own_.empty_polls;
    return 0;
  }
  ++own_.receive_bursts;
  return keep_whole(std::span(burst).first(count), frames);
}

std::size_t EthdevDevice::keep_whole(std::span<rte_mbuf* const> received, std::span<Frame> frames) {
  std::size_t kept = 0;
  for (rte_mbuf* const buffer : received) {
    if (buffer->nb_segs != 1) {
      ++own_.receive_errors;
      rte_pktmbuf_free(buffer);
      continue;
    }
    own_.received_bytes += buffer->data_len;
    frames[kept++] = frame_of(*buffer);
  }
  own_.received += kept;
  return kept;
}

void EthdevDevice::send(std::span<const Frame> frames) {
  while (!frames.empty()) {
    const std::size_t count = std::min(frames.size(), kBurstMax);
    send_burst(frames.first(count));
    frames = frames.subspan(count);
  }
}

void EthdevDevice::send_burst(std::span<const Frame> frames) {
  Burst burst;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    burst[i] = buffer_of(frames[i]);
    bytes += frames[i].size;
  }
  const auto count = static_cast<std::uint16_t>(frames.size());
  const std::uint16_t taken =
      rte_eth_tx_burst(identity_.port, identity_.queue, burst.data(), count);
  for (const Frame& frame : frames.subspan(taken)) {
    bytes -= frame.size;
  }
  // No second try: TCP sends again what is lost, and the worker has other connections to serve.
  rte_pktmbuf_free_bulk(burst.data() + taken, static_cast<unsigned>(count - taken));
  own_.sent += taken;
  own_.sent_bytes += bytes;
  own_.send_dropped += static_cast<std::uint64_t>(count - taken);
  ++own_.send_bursts;
}

void EthdevDevice::free(std::span<const Frame> frames) {
  for (const Frame& frame : frames) {
    rte_pktmbuf_free(static_cast<rte_mbuf*>(frame.buffer));
  }
}

bool EthdevDevice::allocate(Frame& frame) {
  rte_mbuf* const buffer = rte_pktmbuf_alloc(pool_);
  if (buffer == nullptr) {
    ++own_.no_buffers;
    return false;
  }
  frame = frame_of(*buffer);
  return true;
}

const DeviceStats& EthdevDevice::stats() {
  total_ = own_;
  rte_eth_stats port{};
  if (identity_.queue != 0 || rte_eth_stats_get(identity_.port, &port) != 0) return total_;
  total_.receive_missed += port.imissed;
  total_.receive_errors += port.ierrors;
  total_.no_buffers += port.rx_nombuf;
  // Frames that the driver took and could not send (af_packet: longer than its ring's slots). Some
  // drivers count those that they did not take as well: then a drop counts twice, not never.
  total_.send_dropped += port.oerrors;
  return total_;
}

}  // namespace backends::dpdk::eal
