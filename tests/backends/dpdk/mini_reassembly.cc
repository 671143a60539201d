#include "tests/backends/dpdk/mini_reassembly.h"

#include <algorithm>

#include "backends/dpdk/splice_core/seq.h"

namespace dpdk_test {

using backends::dpdk::splice_core::seq_at_or_before;
using backends::dpdk::splice_core::seq_before;

void Reassembly::insert(std::uint32_t seq, std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const std::uint32_t end = seq + static_cast<std::uint32_t>(bytes.size());
  latest_ = seq;
  for (const Piece& piece : pieces_) {
    if (seq_at_or_before(piece.seq, seq) && seq_at_or_before(end, piece.end())) return;
  }
  std::erase_if(pieces_, [&](const Piece& piece) {
    return seq_at_or_before(seq, piece.seq) && seq_at_or_before(piece.end(), end);
  });
  if (pieces_.size() >= kPiecesMax) return;
  const auto behind =
      std::ranges::find_if(pieces_, [&](const Piece& piece) { return seq_before(seq, piece.seq); });
  pieces_.insert(behind, {seq, {bytes.begin(), bytes.end()}});
}

std::uint32_t Reassembly::drain(std::uint32_t next, backends::ByteQueue& out) {
  std::size_t used = 0;
  while (used < pieces_.size() && seq_at_or_before(pieces_[used].seq, next)) {
    const Piece& piece = pieces_[used];
    if (seq_before(next, piece.end())) {
      out.append(std::span(piece.bytes).subspan(next - piece.seq));
      next = piece.end();
    }
    ++used;
  }
  pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(used));
  return next;
}

std::vector<SackBlock> Reassembly::blocks(std::size_t most) const {
  std::vector<SackBlock> blocks;
  for (const Piece& piece : pieces_) {
    if (!blocks.empty() && seq_at_or_before(piece.seq, blocks.back().end)) {
      blocks.back().end = piece.end();
    } else {
      blocks.push_back({piece.seq, piece.end()});
    }
  }
  const auto first = std::ranges::find_if(blocks, [this](const SackBlock& block) {
    return seq_at_or_before(block.begin, latest_) && seq_before(latest_, block.end);
  });
  if (first != blocks.end()) std::rotate(blocks.begin(), first, first + 1);
  blocks.resize(std::min(most, blocks.size()));
  return blocks;
}

}  // namespace dpdk_test
