// The addresses that listeners of this process have taken. The ports are ours alone, so nobody else
// can have them; within the process the rules are the kernel's. Any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace backends::dpdk {

class AddressClaims {
 public:
  explicit AddressClaims(std::vector<base::IpPort> own) : own_(std::move(own)) {}

  // Port 0 becomes the first free one of the dynamic range (RFC 6335, 6). Errors: EADDRINUSE,
  // EADDRNOTAVAIL (not ours), EAFNOSUPPORT (a UNIX socket).
  base::Result<base::Address> claim(const base::Address& address);
  void disclaim(const base::Address& address);

 private:
  bool taken(const base::IpPort& address) const;
  bool ours(const base::IpPort& address) const;

  const std::vector<base::IpPort> own_;  // Their ports mean nothing.
  std::mutex mutex_;
  std::vector<base::IpPort> claimed_;
};

}  // namespace backends::dpdk
