#include "proxy/proxy_header.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>

namespace proxy {
namespace {

TEST(LocalProxyHeader, IsNothingWhenOff) {
  EXPECT_TRUE(local_proxy_header(config::ProxyProtocol::kOff).empty());
}

TEST(LocalProxyHeader, OfVersion1IsALineWithoutAddresses) {
  EXPECT_EQ(local_proxy_header(config::ProxyProtocol::kV1), "PROXY UNKNOWN\r\n");
}

TEST(LocalProxyHeader, OfVersion2IsTheSignatureLocalAndNoAddresses) {
  // The sixteen bytes as the specification counts them.
  constexpr std::array<unsigned char, 16> kWanted = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D,
                                                     0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
                                                     0x20, 0x00, 0x00, 0x00};
  const std::string_view header = local_proxy_header(config::ProxyProtocol::kV2);
  ASSERT_EQ(header.size(), kWanted.size());
  for (std::size_t i = 0; i < kWanted.size(); ++i) {
    EXPECT_EQ(static_cast<unsigned char>(header[i]), kWanted[i]) << i;
  }
}

}  // namespace
}  // namespace proxy
