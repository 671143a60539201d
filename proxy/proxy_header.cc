#include "proxy/proxy_header.h"

#include "base/assert.h"

namespace proxy {
namespace {

// Section 2.2: a signature that no other protocol begins with, version 2 and command LOCAL in one
// byte, no address family, and a length of zero in two.
constexpr char kLocalV2[] =
    "\r\n\r\n\0\r\nQUIT\n"
    "\x20"
    "\0"
    "\0\0";

}  // namespace

std::string_view local_proxy_header(config::ProxyProtocol version) {
  switch (version) {
    case config::ProxyProtocol::kOff:
      return {};
    case config::ProxyProtocol::kV1:
      return "PROXY UNKNOWN\r\n";
    case config::ProxyProtocol::kV2:
      return {kLocalV2, sizeof(kLocalV2) - 1};
  }
  base::check_failed(__FILE__, __LINE__, "a version of the enum");
}

}  // namespace proxy
