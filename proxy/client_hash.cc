#include "proxy/client_hash.h"

#include <xxhash.h>

namespace proxy {

namespace {

constexpr std::size_t kV4Bytes = 4;

}  // namespace

bool has_client_hash(const base::IpPort& client) {
  return client.family == base::Family::kV4 || client.family == base::Family::kV6;
}

std::uint64_t client_hash(const base::IpPort& client, std::uint64_t attempt) {
  const base::IpPort ip = base::unmapped(client);
  const std::size_t size = ip.family == base::Family::kV4 ? kV4Bytes : ip.bytes.size();
  return XXH3_64bits_withSeed(ip.bytes.data(), size, attempt);
}

}  // namespace proxy
