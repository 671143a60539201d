#include "proxy/balance_first.h"

namespace proxy {

std::optional<std::uint16_t> BalanceFirst::pick(const PickRequest& request) {
  if (!candidates_.begin(request.tried)) return std::nullopt;
  std::uint16_t endpoint = 0;
  while (!candidates_.has(endpoint)) ++endpoint;  // begin() says that there is one.
  return endpoint;
}

}  // namespace proxy
