#include "backends/dpdk/splice_core/flow_key.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "base/prng.h"

namespace backends::dpdk::splice_core {
namespace {

constexpr std::size_t kKeys = 1U << 16U;
constexpr std::size_t kPlaces = 1U << 10U;
// Of 64 keys a place on average, as few or as many as these: six standard deviations of eight.
constexpr std::size_t kFewest = 16;
constexpr std::size_t kMost = 112;

HashSecret secret_of(std::uint64_t seed) {
  base::Prng prng(seed);
  return {.words = {prng.next(), prng.next(), prng.next()}};
}

// The hardest that clients do by themselves: counting ports, and counting addresses.
FlowKey<Ip4> counted4(std::uint32_t i) {
  return {.remote = {(i & 0xff00U) << 16U | 10U},  // The last byte of an address counts.
          .local = {0x0900000aU},
          .remote_port = static_cast<std::uint16_t>(i << 8U),  // As does the last of a port.
          .local_port = 0xbb01};
}

FlowKey<Ip6> counted6(std::uint32_t i) {
  return {.remote = {{0xb80d0120U, std::uint64_t{i & 0xff00U} << 48U}},
          .local = {{0xb80d0120U, 1}},
          .remote_port = static_cast<std::uint16_t>(i << 8U),
          .local_port = 0xbb01};
}

// Counts keys by the bits of their hash from `low` up and looks at the emptiest and fullest place.
template <typename MakeKey>
void expect_spread(MakeKey make_key, unsigned low, const HashSecret& secret) {
  std::vector<std::size_t> places(kPlaces);
  for (std::uint32_t i = 0; i < kKeys; ++i) {
    ++places[(hash_of(make_key(i), secret) >> low) % kPlaces];
  }
  for (const std::size_t count : places) {
    ASSERT_GE(count, kFewest) << "bits from " << low;
    ASSERT_LE(count, kMost) << "bits from " << low;
  }
}

TEST(FlowKey, TheHashOfCountedClientsSpreadsOverAnyOfItsBits) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    for (const unsigned low : {0U, 11U, 22U}) {
      expect_spread(counted4, low, secret_of(seed));
      expect_spread(counted6, low, secret_of(seed));
    }
  }
}

// How many of the 32 bits change on average between key(i) and what `change` makes of it.
template <typename MakeKey, typename Change>
double bits_changed(MakeKey make_key, Change change) {
  constexpr std::uint32_t kTries = 1000;
  const HashSecret secret = secret_of(4);
  double sum = 0;
  for (std::uint32_t i = 0; i < kTries; ++i) {
    auto key = make_key(i * 37);
    const std::uint32_t before = hash_of(key, secret);
    change(key);
    sum += std::popcount(before ^ hash_of(key, secret));
  }
  return sum / kTries;
}

TEST(FlowKey, OneBitOfAnyPartChangesHalfTheHash) {
  const auto expect_half = [](auto make_key, auto change) {
    EXPECT_NEAR(bits_changed(make_key, change), 16.0, 1.0);
  };
  expect_half(counted4, [](auto& key) { key.remote.word ^= 1U; });
  expect_half(counted4, [](auto& key) { key.remote.word ^= 1U << 31U; });
  expect_half(counted4, [](auto& key) { key.local.word ^= 1U; });
  expect_half(counted4, [](auto& key) { key.remote_port ^= 1U; });
  expect_half(counted4, [](auto& key) { key.local_port ^= 1U; });
  expect_half(counted6, [](auto& key) { key.remote.words[0] ^= 1U; });
  expect_half(counted6, [](auto& key) { key.remote.words[1] ^= std::uint64_t{1} << 63U; });
  expect_half(counted6, [](auto& key) { key.local.words[0] ^= 1U; });
  expect_half(counted6, [](auto& key) { key.local.words[1] ^= 1U; });
  expect_half(counted6, [](auto& key) { key.remote_port ^= 1U; });
  expect_half(counted6, [](auto& key) { key.local_port ^= 1U; });
}

TEST(FlowKey, KeysThatFallTogetherUnderOneSecretPartUnderAnother) {
  const HashSecret one = secret_of(5);
  const HashSecret other = secret_of(6);
  const auto gather = [&](auto make_key) {
    std::vector<std::size_t> places(kPlaces);
    std::size_t gathered = 0;
    for (std::uint32_t i = 0; i < kKeys; ++i) {
      if (hash_of(make_key(i), one) % kPlaces != 0) continue;
      ++gathered;
      ++places[hash_of(make_key(i), other) % kPlaces];
    }
    EXPECT_GE(gathered, kFewest);
    for (const std::size_t count : places) EXPECT_LE(count, 4U);
  };
  gather(counted4);
  gather(counted6);
}

TEST(FlowKey, EveryWordOfTheSecretCounts) {
  const HashSecret secret = secret_of(7);
  for (std::size_t word = 0; word < secret.words.size(); ++word) {
    HashSecret changed = secret;
    changed.words[word] ^= 0x100;
    EXPECT_NE(hash_of(counted4(1), secret), hash_of(counted4(1), changed)) << word;
    EXPECT_NE(hash_of(counted6(1), secret), hash_of(counted6(1), changed)) << word;
  }
}

TEST(FlowKey, RemoteAndLocalAreNotTheSame) {
  const FlowKey<Ip4> key = counted4(0x1234);
  const FlowKey<Ip4> turned{.remote = key.local,
                            .local = key.remote,
                            .remote_port = key.local_port,
                            .local_port = key.remote_port};
  EXPECT_NE(key, turned);
  EXPECT_NE(hash_of(key, secret_of(8)), hash_of(turned, secret_of(8)));
}

}  // namespace
}  // namespace backends::dpdk::splice_core
