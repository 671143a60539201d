#include "backends/dpdk/splice_core/tcp_options.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/backends/dpdk/splice_core/wire_fixture.h"

namespace backends::dpdk::splice_core {
namespace {

std::optional<SynOptions> parsed(std::initializer_list<unsigned> options) {
  return parse_syn_options(bytes_of(options));
}

TEST(TcpOptions, ReadsTheSynOfLinux) {
  // MSS 1460, SACK permitted, timestamps, NOP, window scale 7.
  EXPECT_EQ(parsed({2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7}),
            (SynOptions{.mss = 1460, .window_scale = 7, .sack = true}));
}

TEST(TcpOptions, WhatIsNotThereIsNotThere) {
  EXPECT_EQ(parsed({}), SynOptions{});
  EXPECT_EQ(parsed({1, 1, 1, 1}), SynOptions{});
  EXPECT_EQ(parsed({3, 3, 0, 1}), (SynOptions{.window_scale = 0}));
  EXPECT_EQ(parsed({30, 4, 0, 0, 254, 6, 1, 2, 3, 4, 2, 4, 2, 0x18}), (SynOptions{.mss = 536}));
}

TEST(TcpOptions, NothingBehindTheEndIsRead) {
  EXPECT_EQ(parsed({4, 2, 0, 2, 4, 5, 0xb4, 99}), (SynOptions{.sack = true}));
}

TEST(TcpOptions, ALargeWindowScaleIsTakenAsFourteen) {
  EXPECT_EQ(parsed({3, 3, 14, 0})->window_scale, 14);
  EXPECT_EQ(parsed({3, 3, 15, 0})->window_scale, 14);
  EXPECT_EQ(parsed({3, 3, 255, 0})->window_scale, 14);
}

TEST(TcpOptions, ALengthThatIsNotTheOptionsOwnMakesItAbsent) {
  EXPECT_EQ(parsed({2, 3, 5, 1}), SynOptions{});
  EXPECT_EQ(parsed({3, 4, 7, 7}), SynOptions{});
  EXPECT_EQ(parsed({4, 3, 0, 1}), SynOptions{});
}

TEST(TcpOptions, ALengthThatContradictsTheSpaceIsAnError) {
  EXPECT_FALSE(parsed({2, 4, 5}));            // Ends within.
  EXPECT_FALSE(parsed({1, 1, 1, 2}));         // A kind without a length.
  EXPECT_FALSE(parsed({2, 0, 5, 0xb4}));      // Would never go on.
  EXPECT_FALSE(parsed({2, 1, 5, 0xb4}));      // Shorter than itself.
  EXPECT_FALSE(parsed({4, 2, 8, 10, 0, 0}));  // After something good.
  EXPECT_FALSE(parsed({99, 255, 0, 0}));      // Of a kind that nobody knows.
}

Bytes written(const SynOptions& offered) {
  Bytes bytes(kSynOptionsMax + 4, std::byte{0xee});
  const std::size_t size = write_syn_options(bytes.data(), offered);
  for (std::size_t i = size; i < bytes.size(); ++i) EXPECT_EQ(bytes[i], std::byte{0xee}) << i;
  bytes.resize(size);
  return bytes;
}

TEST(TcpOptions, WritesOnlyWhatIsOfferedAndPads) {
  EXPECT_EQ(written({}), Bytes{});
  EXPECT_EQ(written({.mss = 1460}), bytes_of({2, 4, 5, 0xb4}));
  EXPECT_EQ(written({.sack = true}), bytes_of({4, 2, 1, 1}));
  EXPECT_EQ(written({.window_scale = 7}), bytes_of({3, 3, 7, 1}));
  EXPECT_EQ(written({.mss = 1440, .window_scale = 14, .sack = true}),
            bytes_of({2, 4, 5, 0xa0, 4, 2, 3, 3, 14, 1, 1, 1}));
}

TEST(TcpOptions, ReadsWhatItWrote) {
  constexpr std::array<std::uint16_t, 5> kSizes = {0, 1, 536, 1460, 65535};
  for (const std::uint16_t mss : kSizes) {
    for (std::uint8_t scale = 0; scale <= kNoWindowScale; ++scale) {
      for (const bool sack : {false, true}) {
        const SynOptions offered{.mss = mss, .window_scale = scale, .sack = sack};
        const Bytes bytes = written(offered);
        EXPECT_LE(bytes.size(), kSynOptionsMax);
        EXPECT_EQ(bytes.size() % 4, 0U);
        EXPECT_EQ(parse_syn_options(bytes), offered);
      }
    }
  }
}

TEST(TcpOptionsDeathTest, AWindowScaleBeyondAllIsAMistakeOfOurs) {
  Bytes bytes(kSynOptionsMax);
  EXPECT_DEATH(write_syn_options(bytes.data(), {.window_scale = 16}), "CHECK failed");
}

// A SACK option of `blocks` blocks behind `before`, filled up with NOPs. Block i is from
// first + 1000 i, 500 long; the first edges lie just in front of the wrap.
Bytes sack_behind(Bytes before, unsigned blocks, std::uint32_t first = 0xfffffff0U) {
  append(before, bytes_of({5, 2 + 8 * blocks}));
  for (std::uint32_t i = 0; i < blocks; ++i) {
    std::array<std::byte, 8> block{};
    store32(block.data(), first + 1000 * i);
    store32(block.data() + 4, first + 1000 * i + 500);
    append(before, block);
  }
  while (before.size() % 4 != 0) before.push_back(std::byte{1});
  return before;
}

// Applies `change` to the options of a whole packet and holds the difference against a new sum.
template <typename Change>
std::size_t change_in_packet(Bytes& options, Change change) {
  Bytes packet = tcp4(options, "data");
  const Envelope envelope = parse_envelope(packet).value();
  write_tcp_checksum(packet.data(), envelope);
  std::byte* field = packet.data() + 36;
  ChecksumDelta delta;
  const std::size_t blocks = change(std::span(packet).subspan(40, options.size()), delta);
  store_raw(field, delta.apply(load_raw<std::uint16_t>(field)));
  EXPECT_TRUE(tcp_checksum_good(packet.data(), envelope));
  options.assign(packet.begin() + 40, packet.begin() + 40 + std::ssize(options));
  EXPECT_EQ(packet, [&] {
    Bytes same = tcp4(options, "data");
    write_tcp_checksum(same.data(), envelope);
    return same;
  }()) << "something outside of the options changed";
  return blocks;
}

std::size_t shift_in_packet(Bytes& options, std::uint32_t shift) {
  return change_in_packet(options, [shift](std::span<std::byte> bytes, ChecksumDelta& delta) {
    return shift_sack(bytes, shift, delta);
  });
}

std::size_t blank_in_packet(Bytes& options) { return change_in_packet(options, blank_sack); }

// Where a SACK option can begin: at either parity, behind NOPs or other options.
const std::array<Bytes, 5> kInFront = {Bytes{}, bytes_of({1}), bytes_of({1, 1}),
                                       bytes_of({1, 1, 1}),
                                       bytes_of({8, 10, 1, 2, 3, 4, 5, 6, 7, 8})};

// How many blocks one SACK option has room for there.
unsigned most_behind(const Bytes& front) {
  return static_cast<unsigned>((kTcpOptionsMax - front.size() - 2) / 8);
}

TEST(TcpOptions, MovesAllEdgesOfAllBlocksAtAnyPlace) {
  for (const Bytes& front : kInFront) {
    for (unsigned blocks = 1; blocks <= most_behind(front); ++blocks) {
      for (const std::uint32_t shift : {1U, 0x100U, 0x12345678U, 0x80000000U, 0xffffff00U}) {
        Bytes options = sack_behind(front, blocks);
        EXPECT_EQ(shift_in_packet(options, shift), blocks);
        EXPECT_EQ(options, sack_behind(front, blocks, 0xfffffff0U + shift))
            << front.size() << ", " << blocks << ", " << shift;
        EXPECT_EQ(shift_in_packet(options, 0U - shift), blocks);
        EXPECT_EQ(options, sack_behind(front, blocks));
      }
    }
  }
}

TEST(TcpOptions, MovesTheBlocksOfTwoSackOptions) {
  Bytes options = sack_behind(sack_behind({}, 1, 100), 2, 7000);
  EXPECT_EQ(shift_in_packet(options, 11), 3U);
  EXPECT_EQ(options, sack_behind(sack_behind({}, 1, 111), 2, 7011));
}

TEST(TcpOptions, TurnsSackIntoNopsAtAnyPlaceAndNothingElse) {
  for (const Bytes& front : kInFront) {
    for (unsigned blocks = 1; blocks <= most_behind(front); ++blocks) {
      Bytes options = sack_behind(front, blocks);
      Bytes expected = front;
      expected.resize(options.size(), std::byte{1});
      EXPECT_EQ(blank_in_packet(options), blocks);
      EXPECT_EQ(options, expected);
      EXPECT_EQ(blank_in_packet(options), 0U);
    }
  }
}

void expect_untouched(const Bytes& options) {
  Bytes changed = options;
  EXPECT_EQ(shift_in_packet(changed, 0x01010101), 0U);
  EXPECT_EQ(changed, options);
  EXPECT_EQ(blank_in_packet(changed), 0U);
  EXPECT_EQ(changed, options);
}

TEST(TcpOptions, OptionsWithoutSackStayAsTheyAre) {
  expect_untouched({});
  expect_untouched(bytes_of({1, 1, 1, 1}));
  expect_untouched(bytes_of({1, 1, 8, 10, 5, 10, 5, 10, 5, 10, 5, 10}));
  expect_untouched(bytes_of({1, 1, 4, 2}));
}

TEST(TcpOptions, OptionsThatContradictThemselvesStayAsTheyAre) {
  for (const std::initializer_list<unsigned> tail : {std::initializer_list<unsigned>{1, 1, 1, 99},
                                                     {99, 0, 1, 1},
                                                     {99, 1, 1, 1},
                                                     {99, 5, 1, 1}}) {
    Bytes options = sack_behind(bytes_of({1, 1}), 1);  // Good by itself.
    append(options, bytes_of(tail));
    expect_untouched(options);
  }
  expect_untouched(bytes_of({1, 1, 5, 18, 1, 2, 3, 4, 5, 6, 7, 8}));  // Says two blocks, has one.
}

TEST(TcpOptions, ASackOptionThatIsNotOfWholeBlocksIsPassedOver) {
  expect_untouched(bytes_of({1, 1, 5, 2}));
  expect_untouched(bytes_of({1, 1, 5, 6, 1, 2, 3, 4}));
  expect_untouched(bytes_of({5, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
}

TEST(TcpOptions, SackBehindTheEndOfOptionsStaysAsItIs) {
  expect_untouched(sack_behind(bytes_of({1, 0}), 1));
}

TEST(TcpOptionsDeathTest, MoreThanAHeaderHoldsIsAMistakeOfOurs) {
  Bytes bytes(kTcpOptionsMax + 4, std::byte{1});
  ChecksumDelta delta;
  EXPECT_DEATH(blank_sack(bytes, delta), "CHECK failed");
}

}  // namespace
}  // namespace backends::dpdk::splice_core
