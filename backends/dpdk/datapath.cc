#include "backends/dpdk/datapath.h"

#include <chrono>
#include <cstring>
#include <utility>

#include "backends/dpdk/ethernet.h"
#include "base/assert.h"

namespace backends::dpdk {
namespace {

using splice_core::Hop;
using splice_core::Packet;
using splice_core::Verdict;

base::Nanos wall_time() { return std::chrono::system_clock::now().time_since_epoch(); }

template <typename Ip>
base::IpPort ip_port_of(const Ip& ip) {
  base::IpPort address;
  address.family = kIsIp4<Ip> ? base::Family::kV4 : base::Family::kV6;
  std::memcpy(address.bytes.data(), &ip, sizeof(ip));
  return address;
}

std::vector<base::IpPort> own_ips(std::span<const PortAddress> addresses) {
  std::vector<base::IpPort> ips;
  for (const PortAddress& each : addresses) ips.push_back(each.address);
  return ips;
}

}  // namespace

Datapath::Datapath(DatapathOptions options, std::span<Device* const> devices,
                   splice_core::PortChoice choice, base::Nanos now)
    : routes4_(options.addresses),
      routes6_(options.addresses),
      capture_(std::move(options.capture)),
      gossip_(options.gossip),
      worker_(options.worker),
      now_(now),
      core_(options.core, *this, std::move(choice)) {
  CHECK(devices.size() <= kPortsMax);
  ports_.resize(devices.size());
  for (std::size_t i = 0; i < devices.size(); ++i) {
    ports_[i].device = devices[i];
    const LinkOptions link{.port = static_cast<std::uint8_t>(i),
                           .addresses = options.addresses,
                           .announces = options.announces,
                           .seed = options.seed + i};
    ports_[i].link = std::make_unique<Link>(*devices[i], link, now);
  }
  core_.set_own_addresses(own_ips(options.addresses));
  core_.advance(now);
}

Datapath::~Datapath() { flush(); }

std::size_t Datapath::round(base::Nanos now) {
  now_ = now;
  ++stats_.rounds;
  core_.advance(now);
  if (now >= next_tick_) {
    next_tick_ = now + kLinkTick;
    for (Port& port : ports_) port.link->tick(now);
    if (capture_ != nullptr) capture_->flush();
  }
  if (gossip_ != nullptr) {
    gossip_->hear(worker_, [&](std::uint8_t port, std::span<const std::byte> frame) {
      ports_[port].link->overhear(frame, now);
    });
  }
  std::size_t received = 0;
  for (Port& port : ports_) received += receive_from(port, now);
  flush();
  return received;
}

std::size_t Datapath::receive_from(Port& port, base::Nanos now) {
  const std::size_t count = port.device->receive(frames_);
  if (count == 0) return 0;
  const bool sampled = stats_.bursts++ % kSampledBursts == 0;
  const base::Nanos begin = sampled ? base::monotonic_now() : base::Nanos{0};
  const auto burst = std::span<const Frame>(frames_).first(count);
  offer(burst);
  if (gossip_ != nullptr) {
    tell_others(static_cast<std::size_t>(&port - ports_.data()), burst);
  }

  std::size_t packets = 0;
  std::size_t freed = 0;
  for (std::size_t i = 0; i < count; ++i) {
    switch (port.link->classify(frames_[i], now, packets_[packets])) {
      case Arrival::kPacket:
        frame_of_[packets++] = static_cast<std::uint8_t>(i);
        break;
      case Arrival::kTaken:
        break;
      case Arrival::kFree:
        freed_[freed++] = frames_[i];
        break;
    }
  }
  core_.receive(std::span(packets_).first(packets));
  for (std::size_t i = 0; i < packets; ++i) {
    const Packet& packet = packets_[i];
    const Frame& frame = frames_[frame_of_[i]];
    if (packet.verdict == Verdict::kDrop || packet.hop == splice_core::kNoHop) {
      freed_[freed++] = frame;
    } else {
      queue(frame, packet.size + kEthernetHeaderBytes, packet.hop);
    }
  }
  if (freed != 0) port.device->free(std::span(freed_).first(freed));
  if (sampled) {
    stats_.sampled_packets += count;
    stats_.sampled += base::monotonic_now() - begin;
  }
  return count;
}

// The size goes into the copy: a change right before it would have to be waited for.
void Datapath::queue(const Frame& frame, std::uint32_t size, Hop hop) {
  Port& port = ports_[port_of(hop)];
  if (port.waiting == kBurstMax) flush(port);
  port.outgoing[port.waiting] = frame;
  port.outgoing[port.waiting].size = size;
  port.hops[port.waiting++] = hop;
}

std::byte* Datapath::segment(std::size_t size, Hop hop) {
  if (hop == splice_core::kNoHop) return nullptr;
  Port& port = ports_[port_of(hop)];
  // Sent before the buffer is asked for: it may be the last one.
  if (port.waiting == kBurstMax) flush(port);
  Frame frame;
  if (!port.device->allocate(frame)) return nullptr;
  CHECK(size + kEthernetHeaderBytes <= frame.room);
  frame.size = static_cast<std::uint32_t>(size + kEthernetHeaderBytes);
  port.outgoing[port.waiting] = frame;
  port.hops[port.waiting++] = hop;
  return frame.data + kEthernetHeaderBytes;
}

void Datapath::flush(Port& port) {
  for (std::size_t i = 0; i < port.waiting; ++i) {
    port.link->write_header(port.outgoing[i], port.hops[i]);
    pad_frame(port.outgoing[i]);
  }
  const auto burst = std::span<const Frame>(port.outgoing).first(port.waiting);
  port.waiting = 0;
  offer(burst);
  port.device->send(burst);
}

void Datapath::flush() {
  for (Port& port : ports_) {
    if (port.waiting != 0) flush(port);
  }
}

void Datapath::offer(std::span<const Frame> frames) {
  if (capture_ == nullptr) return;
  const base::Nanos wall = wall_time();
  for (const Frame& frame : frames) capture_->offer({frame.data, frame.size}, wall);
}

// Before classify(), which may answer in the frame's own memory.
void Datapath::tell_others(std::size_t port, std::span<const Frame> frames) {
  for (const Frame& frame : frames) {
    const std::span<const std::byte> bytes(frame.data, frame.size);
    if (bytes.size() < kEthernetHeaderBytes || !is_neighbour_message(bytes)) continue;
    stats_.gossip_lost += gossip_->tell(worker_, static_cast<std::uint8_t>(port), bytes);
  }
}

template <typename Ip>
Way Datapath::way_of(const Routes<Ip>& routes, const base::IpPort& address) {
  const auto route = routes.find(ip_of<Ip>(address));
  if (!route) return {};
  const NextStation next = ports_[route->port].link->hop_to(route->next_hop, now_);
  sources_.clear();
  for (const Ip& source : route->sources) sources_.push_back(ip_port_of(source));
  return {.reach = next.reach, .hop = next.hop, .sources = sources_};
}

Way Datapath::way_to(const base::IpPort& address) {
  return address.family == base::Family::kV4 ? way_of(routes4_, address)
                                             : way_of(routes6_, address);
}

}  // namespace backends::dpdk
