// What the endpoints say to each other: who they are, which message it is, when it was sent, and
// words that follow from these, so that the receiver can compare every byte without keeping any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/prng.h"

namespace bench::c10m {

enum class MessageKind : std::uint32_t { kRequest = 0x51e57, kReply = 0x4ea11 };

// The beginning of every payload.
struct Message {
  std::uint32_t client = 0;
  std::uint32_t server = 0;  // kNobody in the first request: the client cannot know it yet.
  std::uint32_t number = 0;  // Of this client, modulo 2^16.
  MessageKind kind = MessageKind::kRequest;
  std::uint64_t stamp = 0;  // Of the request; its reply has the same.
};
inline constexpr std::uint32_t kNobody = 0xffffffff;
inline constexpr std::size_t kPayloadMin = sizeof(Message) + sizeof(std::uint64_t);

namespace detail {
inline std::uint64_t payload_key(const Message& message) {
  return base::splitmix64((std::uint64_t{message.client} << 32U) ^ message.number ^
                          (static_cast<std::uint64_t>(message.kind) << 16U));
}
inline constexpr std::uint64_t kPayloadStep = 0x9e3779b97f4a7c15U;
}  // namespace detail

// payload.size() is at least kPayloadMin.
inline void write_payload(std::span<std::byte> payload, const Message& message) {
  std::memcpy(payload.data(), &message, sizeof(message));
  std::uint64_t word = detail::payload_key(message);
  for (std::size_t at = sizeof(message); at < payload.size(); at += sizeof(word)) {
    word += detail::kPayloadStep;
    const std::size_t left = payload.size() - at;
    std::memcpy(payload.data() + at, &word, left < sizeof(word) ? left : sizeof(word));
  }
}

// False when a byte is not what its message says, or it is too short for one.
inline bool read_payload(std::span<const std::byte> payload, Message& message) {
  if (payload.size() < kPayloadMin) return false;
  std::memcpy(&message, payload.data(), sizeof(message));
  std::uint64_t word = detail::payload_key(message);
  std::uint64_t differences = 0;
  for (std::size_t at = sizeof(message); at < payload.size(); at += sizeof(word)) {
    word += detail::kPayloadStep;
    const std::size_t left = payload.size() - at;
    std::uint64_t found = word;
    std::memcpy(&found, payload.data() + at, left < sizeof(word) ? left : sizeof(word));
    differences |= found ^ word;
  }
  return differences == 0;
}

}  // namespace bench::c10m
