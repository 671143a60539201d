#include "proxy/balance_maglev.h"

#include "proxy/client_hash.h"

namespace proxy {

namespace {

// Independent entries to look at before walking on from the last one. Each is free of a tried
// endpoint with the chance of all the others' weight.
constexpr std::uint64_t kHashes = 16;

}  // namespace

BalanceMaglev::BalanceMaglev(std::span<const BalancedEndpoint> endpoints, const MaglevTable& table,
                             std::uint64_t seed)
    : candidates_(endpoints), table_(&table), prng_(seed) {}

std::optional<std::uint16_t> BalanceMaglev::pick(const PickRequest& request) {
  if (!candidates_.begin(request.tried)) return std::nullopt;
  const bool hashed = has_client_hash(request.client);
  std::size_t entry = 0;
  for (std::uint64_t attempt = 0; attempt < kHashes; ++attempt) {
    const std::uint64_t hash = hashed ? client_hash(request.client, attempt) : prng_.next();
    entry = hash % MaglevTable::kSize;
    if (candidates_.has(table_->at(entry))) return table_->at(entry);
  }
  for (std::size_t step = 1; step < MaglevTable::kSize; ++step) {
    const std::uint16_t endpoint = table_->at((entry + step) % MaglevTable::kSize);
    if (candidates_.has(endpoint)) return endpoint;
  }
  // Only those are left whose share is less than one entry.
  std::uint16_t endpoint = 0;
  while (!candidates_.has(endpoint)) ++endpoint;
  return endpoint;
}

}  // namespace proxy
