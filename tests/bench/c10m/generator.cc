#include "tests/bench/c10m/generator.h"

#include "backends/dpdk/arp.h"
#include "backends/dpdk/ethernet.h"
#include "backends/dpdk/ndp.h"

namespace bench::c10m {
namespace {

using backends::dpdk::Frame;
using backends::dpdk::kBurstMax;

// Of so many frames one has its checksums looked at.
constexpr std::uint32_t kVerifyEvery = 8;
// Bursts of one receive(): more than a wire holds, so it ends although the engine goes on sending.
constexpr std::size_t kBurstsAtOnce = 64;

}  // namespace

template <typename Ip>
Generator<Ip>::Generator(const GeneratorOptions& options, backends::dpdk::Device& device,
                         const backends::dpdk::MacAddress& engine)
    : options_(options),
      device_(device),
      macs_{device.mac(), engine},
      prng_(options.seed),
      clients_(options.clients),
      servers_(std::size_t{options.locals} * kPortsOfLocal) {}

template <typename Ip>
std::size_t Generator<Ip>::receive() {
  std::array<Frame, kBurstMax> frames;
  std::array<Incoming, kBurstMax> burst;
  std::size_t received = 0;
  for (std::size_t i = 0; i < kBurstsAtOnce; ++i) {
    const std::size_t count = device_.receive(frames);
    if (count == 0) break;
    received += count;
    for (std::size_t at = 0; at < count; ++at) {
      burst[at].frame = frames[at];
      look(burst[at]);
    }
    for (std::size_t at = 0; at < count; ++at) handle(burst[at]);
  }
  flush();
  return received;
}

// Finds whom a frame is for, and brings that one near.
template <typename Ip>
void Generator<Ip>::look(Incoming& in) {
  in.target = Target::kBad;
  if (!read_frame<Ip>({in.frame.data, in.frame.size}, in.arrived)) return;
  const Tcp<Ip>& tcp = in.arrived.tcp;
  const Place to = place_of(tcp.target.ip);
  const Place from = place_of(tcp.source.ip);
  if (to.net == Net::kClients && tcp.source == service_endpoint<Ip>()) {
    in.number = client_number(to, tcp.target.port);
    if (in.number >= clients_.size()) return;
    in.target = Target::kClient;
    __builtin_prefetch(&clients_[in.number], 1);
  } else if (from.net == Net::kLocal && tcp.target == server_endpoint<Ip>()) {
    in.number = server_number(from, tcp.source.port);
    if (in.number >= servers_.size()) return;
    in.target = Target::kServer;
    __builtin_prefetch(&servers_[in.number], 1);
  } else if (to.net == Net::kFlood && tcp.source == service_endpoint<Ip>()) {
    in.target = Target::kStranger;
  }
}

template <typename Ip>
void Generator<Ip>::handle(Incoming& in) {
  if (in.target != Target::kBad && ++looked_at_ % kVerifyEvery == 0) {
    ++stats_.verified;
    if (!checksums_good<Ip>(in.frame.data)) ++stats_.integrity.bad_checksums;
  }
  switch (in.target) {
    case Target::kClient:
      return at_client(in, clients_[in.number]);
    case Target::kServer:
      return at_server(in, servers_[in.number]);
    case Target::kStranger:
      ++stats_.flood_answers;
      return drop(in.frame);
    case Target::kBad:
      if (answer_neighbour(in.frame)) return;
      return drop(in.frame);
  }
}

// True when the frame became an answer. What is neither a question nor news of the engine's own
// addresses does not belong on this wire.
template <typename Ip>
bool Generator<Ip>::answer_neighbour(const Frame& frame) {
  const std::span<const std::byte> bytes(frame.data, frame.size);
  const auto message = [&] {
    if constexpr (kIsIp4<Ip>) {
      return backends::dpdk::read_arp(bytes);
    } else {
      return backends::dpdk::read_ndp(bytes);
    }
  }();
  if (!message) {
    ++stats_.integrity.bad_frames;
    return false;
  }
  const Ip server = server_endpoint<Ip>().ip;
  if (message->target != server) return false;
  Frame out = frame;
  out.size =
      backends::dpdk::write_answer(out.data, macs_.source, server, macs_.target, message->sender);
  backends::dpdk::pad_frame(out);
  ++stats_.neighbour_answers;
  emit(out);
  return true;
}

template <typename Ip>
void Generator<Ip>::at_client(Incoming& in, Client& client) {
  const Tcp<Ip>& tcp = in.arrived.tcp;
  Integrity& integrity = stats_.integrity;
  if ((tcp.flags & kRst) != 0 || client.state == State::kClosed) {
    ++integrity.bad_states;
    return drop(in.frame);
  }
  if ((tcp.flags & kSyn) != 0) {
    if (client.state != State::kSynSent) {
      ++stats_.repeated;
      return drop(in.frame);
    }
    if (tcp.ack != client.next_send || (tcp.flags & kAck) == 0) ++integrity.bad_numbers;
    client.next_expected = tcp.seq + 1;
    client.state = State::kOpen;
    ++stats_.opened;
    answer(in, client.next_send, client.next_expected, kAck);
    if (options_.work == Work::kLife) request(in.number, base::Nanos{0});
    return;
  }
  // What the client sends is always acknowledged with the next reply, never before it.
  if (tcp.seq != client.next_expected || tcp.ack != client.next_send) ++integrity.bad_numbers;
  if (!in.arrived.payload.empty()) return reply_at_client(in, client);
  if ((tcp.flags & kFin) == 0 || client.state != State::kClosing) {
    ++integrity.bad_states;
    return drop(in.frame);
  }
  client.next_expected = tcp.seq + 1;
  client.state = State::kClosed;
  ++stats_.closed;
  answer(in, client.next_send, client.next_expected, kAck);
}

template <typename Ip>
void Generator<Ip>::reply_at_client(Incoming& in, Client& client) {
  Integrity& integrity = stats_.integrity;
  Message message;
  if (client.state != State::kAsking) ++integrity.bad_states;
  if (in.arrived.payload.size() != options_.payload || !read_payload(in.arrived.payload, message)) {
    ++integrity.bad_payloads;
  } else {
    if (client.server == kNobody) client.server = message.server;
    if (message.client != in.number || message.server != client.server ||
        message.number != client.number || message.kind != MessageKind::kReply) {
      ++integrity.cross_talk;
    }
    // A stamp of 0: asked before somebody wanted to know.
    if (latency_ != nullptr && message.stamp != 0) {
      latency_->record(base::monotonic_now() -
                       base::Nanos(static_cast<std::int64_t>(message.stamp)));
    }
  }
  client.next_expected += static_cast<std::uint32_t>(in.arrived.payload.size());
  ++stats_.replied;
  client.state = State::kOpen;
  answer(in, client.next_send, client.next_expected, kAck);
}

template <typename Ip>
void Generator<Ip>::at_server(Incoming& in, Server& server) {
  const Tcp<Ip>& tcp = in.arrived.tcp;
  Integrity& integrity = stats_.integrity;
  if ((tcp.flags & kSyn) != 0) return syn_at_server(in, server);
  if ((tcp.flags & kRst) != 0 || server.state == State::kClosed) {
    ++integrity.bad_states;
    return drop(in.frame);
  }
  if (tcp.seq != server.next_expected || tcp.ack != server.next_send) ++integrity.bad_numbers;
  if (!in.arrived.payload.empty()) return request_at_server(in, server);
  if ((tcp.flags & kFin) != 0) {
    if (server.state != State::kOpen) ++integrity.bad_states;
    server.next_expected = tcp.seq + 1;
    server.state = State::kClosing;
    return answer(in, server.next_send++, server.next_expected, kFin | kAck);
  }
  if (server.state == State::kClosing) {
    server.state = State::kClosed;
    ++stats_.server_closed;
  } else if (server.number == 0) {
    ++stats_.window_updates;
  }
  drop(in.frame);
}

template <typename Ip>
void Generator<Ip>::syn_at_server(Incoming& in, Server& server) {
  const Tcp<Ip>& tcp = in.arrived.tcp;
  if (server.state != State::kClosed) {
    (server.next_expected == tcp.seq + 1 ? stats_.repeated : stats_.integrity.bad_states) += 1;
    return drop(in.frame);
  }
  const auto isn = static_cast<std::uint32_t>(prng_.next());
  server = {.next_send = isn + 1, .next_expected = tcp.seq + 1, .state = State::kOpen};
  ++stats_.parked;
  answer(in, isn, server.next_expected, kSyn | kAck);
}

template <typename Ip>
void Generator<Ip>::request_at_server(Incoming& in, Server& server) {
  Integrity& integrity = stats_.integrity;
  Message message;
  if (server.state != State::kOpen) ++integrity.bad_states;
  if (in.arrived.payload.size() != options_.payload || !read_payload(in.arrived.payload, message)) {
    ++integrity.bad_payloads;
  } else {
    // Only the first request of a client cannot name its server.
    const std::uint32_t named = server.client == kNobody ? kNobody : in.number;
    if (server.client == kNobody) server.client = message.client;
    const auto next = static_cast<std::uint16_t>(server.number + 1);
    if (message.client != server.client || message.number != next || message.server != named ||
        message.kind != MessageKind::kRequest) {
      ++integrity.cross_talk;
    }
  }
  ++server.number;
  server.next_expected += static_cast<std::uint32_t>(in.arrived.payload.size());
  const Message reply{.client = message.client,
                      .server = in.number,
                      .number = message.number,
                      .kind = MessageKind::kReply,
                      .stamp = message.stamp};
  const std::uint32_t seq = server.next_send;
  server.next_send += static_cast<std::uint32_t>(options_.payload);
  answer(in, seq, server.next_expected, kAck | kPsh, &reply);
}

template <typename Ip>
bool Generator<Ip>::open(std::uint32_t number) {
  Client& client = clients_[number];
  if (client.state != State::kClosed) return false;
  const auto isn = static_cast<std::uint32_t>(prng_.next());
  client = {.next_send = isn + 1, .state = State::kSynSent};
  Tcp<Ip> syn = from_client(number, kSyn);
  syn.seq = isn;
  return send_new(syn);
}

template <typename Ip>
bool Generator<Ip>::request(std::uint32_t number, base::Nanos stamp) {
  Client& client = clients_[number];
  if (client.state != State::kOpen) return false;
  client.state = State::kAsking;
  const Message message{.client = number,
                        .server = client.server,
                        .number = ++client.number,
                        .kind = MessageKind::kRequest,
                        .stamp = static_cast<std::uint64_t>(stamp.count())};
  const Tcp<Ip> tcp = from_client(number, kAck | kPsh);
  client.next_send += static_cast<std::uint32_t>(options_.payload);
  ++stats_.asked;
  return send_new(tcp, &message);
}

template <typename Ip>
bool Generator<Ip>::close(std::uint32_t number) {
  Client& client = clients_[number];
  if (client.state != State::kOpen) return false;
  client.state = State::kClosing;
  const Tcp<Ip> tcp = from_client(number, kFin | kAck);
  ++client.next_send;
  return send_new(tcp);
}

template <typename Ip>
void Generator<Ip>::flood(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t drawn = prng_.next();
    Tcp<Ip> syn;
    syn.source = {make_ip<Ip>({Net::kFlood, static_cast<std::uint32_t>(drawn) % kFloodAddresses}),
                  static_cast<std::uint16_t>(kFirstPort + (drawn >> 32U) % kPortsOfLocal)};
    syn.target = service_endpoint<Ip>();
    syn.seq = static_cast<std::uint32_t>(drawn >> 24U);
    syn.flags = kSyn;
    if (send_new(syn)) ++stats_.flood_sent;
  }
}

template <typename Ip>
std::uint64_t Generator<Ip>::count_mismatched() const {
  std::uint64_t mismatched = 0;
  for (std::uint32_t number = 0; number < clients_.size(); ++number) {
    const std::uint32_t server = clients_[number].server;
    if (server >= servers_.size() || servers_[server].client != number) ++mismatched;
  }
  return mismatched;
}

template <typename Ip>
Tcp<Ip> Generator<Ip>::from_client(std::uint32_t number, std::uint8_t flags) const {
  const Client& client = clients_[number];
  return {.source = client_endpoint<Ip>(number),
          .target = service_endpoint<Ip>(),
          .seq = client.next_send,
          .ack = client.next_expected,
          .flags = flags};
}

template <typename Ip>
void Generator<Ip>::answer(const Incoming& in, std::uint32_t seq, std::uint32_t ack,
                           std::uint8_t flags, const Message* message) {
  Frame frame = in.frame;
  std::size_t payload = 0;
  if (message != nullptr) {
    payload = options_.payload;
    write_payload(payload_place<Ip>(frame.data, payload), *message);
  }
  const Tcp<Ip> tcp{.source = in.arrived.tcp.target,
                    .target = in.arrived.tcp.source,
                    .seq = seq,
                    .ack = ack,
                    .flags = flags};
  frame.size = write_frame(frame.data, macs_, tcp, payload);
  emit(frame);
}

template <typename Ip>
bool Generator<Ip>::send_new(const Tcp<Ip>& tcp, const Message* message) {
  Frame frame;
  if (!device_.allocate(frame)) {
    ++no_buffers_;
    return false;
  }
  std::size_t payload = 0;
  if (message != nullptr) {
    payload = options_.payload;
    write_payload(payload_place<Ip>(frame.data, payload), *message);
  }
  frame.size = write_frame(frame.data, macs_, tcp, payload);
  emit(frame);
  return true;
}

template <typename Ip>
void Generator<Ip>::emit(const Frame& frame) {
  if (waiting_ == out_.size()) flush();
  out_[waiting_++] = frame;
}

template <typename Ip>
void Generator<Ip>::drop(const Frame& frame) {
  if (dropping_ == dropped_.size()) flush();
  dropped_[dropping_++] = frame;
}

template <typename Ip>
void Generator<Ip>::flush() {
  device_.send(std::span(out_).first(waiting_));
  device_.free(std::span(dropped_).first(dropping_));
  waiting_ = 0;
  dropping_ = 0;
}

template <typename Ip>
const GeneratorStats& Generator<Ip>::stats() {
  stats_.integrity.lost = no_buffers_ + device_.stats().send_dropped;
  return stats_;
}

template class Generator<Ip4>;
template class Generator<Ip6>;

}  // namespace bench::c10m
