// A port whose wire is two vectors, and frames as the stations on it would write them: their own
// bytes and their own checksums, so that the code under test does not vouch for itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/dpdk/device.h"
#include "backends/dpdk/own_address.h"
#include "base/address.h"

namespace tests::dpdk {

using Bytes = std::vector<std::uint8_t>;
using backends::dpdk::Frame;
using backends::dpdk::MacAddress;

inline constexpr MacAddress kOurMac = {0x02, 0, 0, 0, 0, 0x01};
inline constexpr MacAddress kRouterMac = {0x02, 0, 0, 0, 0, 0xaa};
inline constexpr MacAddress kOtherMac = {0x02, 0, 0, 0, 0, 0xbb};
inline constexpr std::uint32_t kTestRoom = 2048;

// Port 0 is written when no port is wanted: "10.1.0.2", "2001:db8::1", "" for none.
inline base::IpPort ip_port(const std::string& text) {
  if (text.empty()) return {};
  const bool is_v6 = text.find(':') != std::string::npos;
  return base::parse_address(is_v6 ? "[" + text + "]:0" : text + ":0").value().ip;
}

template <typename Ip>
Ip ip(const std::string& text) {
  return backends::dpdk::ip_of<Ip>(ip_port(text));
}

inline backends::dpdk::PortAddress own(const std::string& address, std::uint8_t bits,
                                       const std::string& gateway = "", std::uint8_t port = 0) {
  return {port, bits, ip_port(address), ip_port(gateway)};
}

inline Bytes ip_bytes(const std::string& text) {
  const base::IpPort address = ip_port(text);
  const auto size = address.family == base::Family::kV4 ? 4 : 16;
  return {address.bytes.begin(), address.bytes.begin() + size};
}

inline Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

inline Bytes mac_bytes(const MacAddress& mac) { return {mac.begin(), mac.end()}; }

inline std::uint16_t checksum_of(const Bytes& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    sum += at % 2 == 0 ? std::uint32_t{bytes[at]} << 8U : std::uint32_t{bytes[at]};
  }
  while (sum > 0xffff) sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

inline void put16(Bytes& bytes, std::size_t at, std::uint16_t value) {
  bytes.at(at) = static_cast<std::uint8_t>(value >> 8U);
  bytes.at(at + 1) = static_cast<std::uint8_t>(value);
}

inline Bytes ethernet(const MacAddress& to, const MacAddress& from, std::uint16_t type) {
  Bytes header = joined({mac_bytes(to), mac_bytes(from), {0, 0}});
  put16(header, 12, type);
  return header;
}

// An IPv4 packet without its Ethernet header.
inline Bytes ip4_packet(const std::string& from, const std::string& to, std::uint8_t protocol,
                        const Bytes& payload) {
  Bytes header = joined(
      {{0x45, 0, 0, 0, 0x12, 0x34, 0x40, 0, 17, protocol, 0, 0}, ip_bytes(from), ip_bytes(to)});
  put16(header, 2, static_cast<std::uint16_t>(header.size() + payload.size()));
  put16(header, 10, checksum_of(header));
  return joined({header, payload});
}

inline Bytes ip6_packet(const std::string& from, const std::string& to, std::uint8_t next,
                        std::uint8_t hop_limit, const Bytes& payload) {
  Bytes header = {0x60, 0, 0, 0, 0, 0, next, hop_limit};
  put16(header, 4, static_cast<std::uint16_t>(payload.size()));
  return joined({header, ip_bytes(from), ip_bytes(to), payload});
}

// What ICMPv6's checksum is over: the pseudo header and the message (RFC 8200, 8.1). Zero over a
// message whose checksum is right.
inline std::uint16_t icmp6_checksum(const Bytes& packet) {
  const Bytes addresses(packet.begin() + 8, packet.begin() + 40);
  const Bytes message(packet.begin() + 40, packet.end());
  Bytes tail = {0, 0, 0, 0, 0, 0, 0, 58};
  put16(tail, 2, static_cast<std::uint16_t>(message.size()));
  return checksum_of(joined({addresses, tail, message}));
}

inline Bytes icmp6_packet(const std::string& from, const std::string& to, std::uint8_t hop_limit,
                          const Bytes& message) {
  Bytes packet = ip6_packet(from, to, 58, hop_limit, message);
  put16(packet, 42, icmp6_checksum(packet));
  return packet;
}

struct ArpFields {
  std::uint16_t operation = 1;
  MacAddress sender_mac = kRouterMac;
  std::string sender = "10.1.0.1";
  std::string target = "10.1.0.2";
  MacAddress to = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
};
inline Bytes arp_frame(const ArpFields& fields) {
  Bytes operation(2);
  put16(operation, 0, fields.operation);
  return joined({ethernet(fields.to, fields.sender_mac, 0x0806),
                 {0, 1, 8, 0, 6, 4},
                 operation,
                 mac_bytes(fields.sender_mac),
                 ip_bytes(fields.sender),
                 Bytes(6),
                 ip_bytes(fields.target)});
}

struct NdpFields {
  std::uint8_t type = 135;
  std::string from = "2001:db8::1";
  std::string to = "ff02::1:ff00:2";
  std::string target = "2001:db8::2";
  std::uint8_t flags = 0;  // 0x40 solicited, 0x20 override.
  MacAddress mac = kRouterMac;
  MacAddress to_mac = {0x33, 0x33, 0xff, 0, 0, 2};
  bool with_option = true;
  std::uint8_t hop_limit = 255;
};
inline Bytes ndp_frame(const NdpFields& fields) {
  Bytes option;
  if (fields.with_option) {
    option =
        joined({{static_cast<std::uint8_t>(fields.type == 135 ? 1 : 2), 1}, mac_bytes(fields.mac)});
  }
  const Bytes message =
      joined({{fields.type, 0, 0, 0, fields.flags, 0, 0, 0}, ip_bytes(fields.target), option});
  return joined({ethernet(fields.to_mac, fields.mac, 0x86dd),
                 icmp6_packet(fields.from, fields.to, fields.hop_limit, message)});
}

inline std::span<const std::byte> as_bytes(const Bytes& bytes) {
  return std::as_bytes(std::span(bytes));
}

class TestDevice final : public backends::dpdk::Device {
 public:
  std::string_view name() const override { return "test"; }
  MacAddress mac() const override { return kOurMac; }
  std::uint16_t mtu() const override { return 1500; }
  bool link_up() override { return up; }

  std::size_t receive(std::span<Frame> /*frames*/) override { return 0; }
  void send(std::span<const Frame> frames) override {
    for (const Frame& frame : frames) {
      sent.push_back(copy_of(frame));
      release(frame);
    }
  }
  void free(std::span<const Frame> frames) override {
    for (const Frame& frame : frames) release(frame);
  }
  bool allocate(Frame& frame) override {
    if (empty) return false;
    // Not zeros: what the code does not write must not look as if it had.
    auto memory = std::make_unique<std::vector<std::byte>>(kTestRoom, std::byte{0xee});
    frame = {memory->data(), 0, kTestRoom, memory.release()};
    ++held;
    return true;
  }
  const backends::dpdk::DeviceStats& stats() override { return stats_; }

  // A frame with these bytes, as receive() would give it.
  Frame arrived(const Bytes& bytes) {
    Frame frame;
    allocate(frame);
    if (!bytes.empty()) std::memcpy(frame.data, bytes.data(), bytes.size());
    frame.size = static_cast<std::uint32_t>(bytes.size());
    return frame;
  }
  static Bytes copy_of(const Frame& frame) {
    Bytes bytes(frame.size);
    if (frame.size > 0) std::memcpy(bytes.data(), frame.data, frame.size);
    return bytes;
  }
  std::vector<Bytes> take_sent() { return std::exchange(sent, {}); }

  std::vector<Bytes> sent;
  bool up = true;
  bool empty = false;  // allocate() finds nothing.
  int held = 0;        // Frames that are out.

 private:
  void release(const Frame& frame) {
    const std::unique_ptr<std::vector<std::byte>> memory(
        static_cast<std::vector<std::byte>*>(frame.buffer));
    --held;
  }

  backends::dpdk::DeviceStats stats_;
};

}  // namespace tests::dpdk
