// What arrives at one worker's queue and concerns all workers of the port: answers to their
// questions for neighbours (a card that spreads by addresses gives ARP to one queue). Each worker
// has a mailbox; what finds it full is lost, as on the network, and asked for again. Any worker
// tells, the mailbox's own one hears.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/mailbox.h"

namespace backends::dpdk {

class Gossip {
 public:
  // Messages of neighbours are shorter (neighbour_message.h); the rest of a longer one says
  // nothing.
  static constexpr std::size_t kBytesMax = 128;

  explicit Gossip(std::size_t workers) {
    for (std::size_t i = 0; i < workers; ++i) {
      boxes_.push_back(std::make_unique<base::Mailbox<Message>>(kMessagesMax));
    }
  }

  // To everybody else. Returns how many mailboxes were full.
  std::size_t tell(std::size_t from, std::uint8_t port, std::span<const std::byte> frame) {
    Message message;
    message.port = port;
    message.size = static_cast<std::uint8_t>(std::min(frame.size(), kBytesMax));
    std::copy_n(frame.begin(), message.size, message.bytes.begin());
    std::size_t full = 0;
    for (std::size_t i = 0; i < boxes_.size(); ++i) {
      if (i != from && !boxes_[i]->try_push(Message(message))) ++full;
    }
    return full;
  }

  // Gives what was told to `worker` to take(port, frame), a mailbox full at most.
  template <typename Take>
  void hear(std::size_t worker, Take take) {
    for (std::size_t i = 0; i < kMessagesMax; ++i) {
      const auto message = boxes_[worker]->try_pop();
      if (!message) return;
      take(message->port, std::span<const std::byte>(message->bytes).first(message->size));
    }
  }

 private:
  static constexpr std::size_t kMessagesMax = 256;  // A power of two.
  struct Message {
    std::uint8_t port = 0;
    std::uint8_t size = 0;
    std::array<std::byte, kBytesMax> bytes{};
  };
  std::vector<std::unique_ptr<base::Mailbox<Message>>> boxes_;  // By worker.
};

}  // namespace backends::dpdk
