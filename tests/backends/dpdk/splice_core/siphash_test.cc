// The function against a second implementation, written from the paper a byte at a time, which in
// turn is held against published results.
#include "backends/dpdk/splice_core/siphash.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

namespace {

using backends::dpdk::splice_core::siphash24;
using backends::dpdk::splice_core::SipKey;

// Key 00..0f.
constexpr SipKey kKey = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

// As the paper describes it: message bytes in, the state as an array.
std::uint64_t by_bytes(const SipKey& key, const std::vector<std::uint8_t>& message) {
  std::array<std::uint64_t, 4> v = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                                    key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
  const auto rounds = [&v](int count) {
    for (int i = 0; i < count; ++i) {
      v[0] += v[1];
      v[1] = std::rotl(v[1], 13);
      v[1] ^= v[0];
      v[0] = std::rotl(v[0], 32);
      v[2] += v[3];
      v[3] = std::rotl(v[3], 16);
      v[3] ^= v[2];
      v[0] += v[3];
      v[3] = std::rotl(v[3], 21);
      v[3] ^= v[0];
      v[2] += v[1];
      v[1] = std::rotl(v[1], 17);
      v[1] ^= v[2];
      v[2] = std::rotl(v[2], 32);
    }
  };
  const std::size_t blocks = (message.size() / 8) + 1;
  for (std::size_t block = 0; block < blocks; ++block) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      const std::size_t at = (block * 8) + i;
      if (at < message.size()) word |= std::uint64_t{message[at]} << (8 * i);
    }
    if (block + 1 == blocks) word |= std::uint64_t{message.size() & 0xffU} << 56U;
    v[3] ^= word;
    rounds(2);
    v[0] ^= word;
  }
  v[2] ^= 0xff;
  rounds(4);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

// 00, 01, 02 ...
std::vector<std::uint8_t> counting(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i);
  return bytes;
}

std::vector<std::uint64_t> words_of(const std::vector<std::uint8_t>& bytes) {
  std::vector<std::uint64_t> words(bytes.size() / 8);
  for (std::size_t i = 0; i < words.size() * 8; ++i) {
    words[i / 8] |= std::uint64_t{bytes[i]} << (8 * (i % 8));
  }
  return words;
}

TEST(Siphash, TheSecondImplementationGivesThePublishedResults) {
  EXPECT_EQ(by_bytes(kKey, counting(0)), 0x726fdb47dd0e0e31U);
  EXPECT_EQ(by_bytes(kKey, counting(8)), 0x93f5f5799a932462U);
  EXPECT_EQ(by_bytes(kKey, counting(15)), 0xa129ca6149be45e5U);  // The paper's example.
}

TEST(Siphash, GivesThePublishedResultsForWholeWords) {
  EXPECT_EQ(siphash24(kKey, {}), 0x726fdb47dd0e0e31U);
  EXPECT_EQ(siphash24(kKey, words_of(counting(8))), 0x93f5f5799a932462U);
}

TEST(Siphash, AgreesWithTheSecondImplementationForEveryLengthOfWords) {
  // 40 words: their length is more than the byte that it is kept in.
  for (std::size_t words = 0; words <= 40; ++words) {
    const std::vector<std::uint8_t> message = counting(words * 8);
    EXPECT_EQ(siphash24(kKey, words_of(message)), by_bytes(kKey, message)) << words << " words";
  }
}

TEST(Siphash, EveryBitOfKeyAndMessageMatters) {
  const std::array<std::uint64_t, 2> message = {0x0123456789abcdef, 42};
  std::set<std::uint64_t> seen = {siphash24(kKey, message)};
  for (std::size_t bit = 0; bit < 128; ++bit) {
    SipKey key = kKey;
    key.at(bit / 64) ^= std::uint64_t{1} << (bit % 64);
    std::array<std::uint64_t, 2> other = message;
    other.at(bit / 64) ^= std::uint64_t{1} << (bit % 64);
    EXPECT_TRUE(seen.insert(siphash24(key, message)).second) << "key, bit " << bit;
    EXPECT_TRUE(seen.insert(siphash24(kKey, other)).second) << "message, bit " << bit;
  }
}

}  // namespace
