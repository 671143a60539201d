// Values in the file's own form.
#include "config/value_text.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace config {
namespace {

TEST(ValueText, PrintsNumbersDurationsSizesAndBooleansPlain) {
  EXPECT_EQ(value_text(std::uint32_t{100}, keys::kWeight), "100");
  EXPECT_EQ(value_text(base::Nanos(std::chrono::minutes(90)), keys::kTimeout), "90m");
  EXPECT_EQ(value_text(base::Nanos(0), keys::kTimeout), "0");
  EXPECT_EQ(value_text(std::uint32_t{1U << 20U}, keys::kReceiveBuffers), "1MiB");
  EXPECT_EQ(value_text(true, BooleanRule{}), "true");
  EXPECT_EQ(value_text(false, BooleanRule{}), "false");
}

TEST(ValueText, QuotesNamesThatOthersWouldReadAsSomethingElse) {
  for (const char* name : {"redis", "Redis.main-2_b", "x1"}) {
    EXPECT_EQ(value_text(std::string(name), NameRule{}), name);
  }
  for (const char* name :
       {"yes", "No", "off", "y", "true", "Null", "12", "1e3", "-a", ".nan", "_a"}) {
    EXPECT_EQ(value_text(std::string(name), NameRule{}), "\"" + std::string(name) + "\"");
  }
}

TEST(ValueText, QuotesAddressesAndWhatQuotesAreMadeOf) {
  const auto address = base::parse_address("unix:/run/a\"b\\c").value();
  EXPECT_EQ(value_text(address, AddressUse::kListen), R"("unix:/run/a\"b\\c")");
  EXPECT_EQ(value_text(base::parse_address("[::]:80").value(), AddressUse::kListen), "\"[::]:80\"");
}

TEST(ValueText, PrintsWhatIsUnsetInItsOwnWord) {
  EXPECT_EQ(value_text(std::optional<std::uint32_t>(), AutoIntegerRule{keys::kWorkers}), "auto");
  EXPECT_EQ(value_text(std::optional<std::uint32_t>(4), AutoIntegerRule{keys::kWorkers}), "4");
  EXPECT_EQ(value_text(std::optional<std::vector<int>>(), CpusRule{}), "auto");
  EXPECT_EQ(value_text(std::optional(std::vector{0, 1, 6}), CpusRule{}), "[0, 1, 6]");
}

TEST(ValueText, PrintsOnePlaceAsItselfAndSeveralAsAList) {
  const base::IpPort v6 = base::parse_address("[::1]:53").value().ip;
  const base::IpPort v4 = base::parse_address("10.0.0.1:53").value().ip;
  EXPECT_EQ(value_text(std::vector<base::IpPort>(), keys::kSources), "\"\"");
  EXPECT_EQ(value_text(std::vector{v6}, keys::kSources), "\"::1\"");
  EXPECT_EQ(value_text(std::vector{v6, v4}, keys::kSources), "[\"::1\", \"10.0.0.1\"]");
  EXPECT_EQ(value_text(std::vector<base::IpPort>(), keys::kDnsServers), "[]");
  EXPECT_EQ(value_text(std::vector{v6}, keys::kDnsServers), "[\"[::1]:53\"]");
}

TEST(ValueText, PrintsWordsNetworksGatewaysAndFiles) {
  EXPECT_EQ(value_text(std::vector<std::string>(), keys::kPorts), "[]");
  EXPECT_EQ(value_text(std::vector<std::string>{"-n", "a\"b"}, keys::kEalArguments),
            R"(["-n", "a\"b"])");
  const base::IpPort v4 = base::parse_address("10.1.0.2:0").value().ip;
  EXPECT_EQ(value_text(Network{v4, 24}, NetworkRule{}), "\"10.1.0.2/24\"");
  EXPECT_EQ(value_text(v4, GatewayRule{}), "\"10.1.0.2\"");
  EXPECT_EQ(value_text(base::IpPort{}, GatewayRule{}), "\"\"");
  EXPECT_EQ(value_text(std::string("/tmp/x"), FileRule{}), "\"/tmp/x\"");
  EXPECT_EQ(value_text(std::string(), FileRule{}), "\"\"");
  EXPECT_EQ(value_text(std::string("nobody"), UserRule{}), "\"nobody\"");
}

TEST(ValueText, PrintsWhereTheAccessLogGoesAndHowMuchOfIt) {
  EXPECT_EQ(value_text(AccessOutput{}, AccessOutputRule{}), "stderr");
  EXPECT_EQ(value_text(AccessOutput{AccessTarget::kSyslog, ""}, AccessOutputRule{}), "syslog");
  EXPECT_EQ(value_text(AccessOutput{AccessTarget::kJournald, ""}, AccessOutputRule{}), "journald");
  EXPECT_EQ(value_text(AccessOutput{AccessTarget::kFile, "/a"}, AccessOutputRule{}), "\"file:/a\"");
  EXPECT_EQ(value_text(500U, keys::kLineRate), "500/s");
}

TEST(ValueText, PrintsBytesAsTextThatIsReadBack) {
  EXPECT_EQ(value_text(std::string("PING\r\n\xff"), keys::kPayload), R"("PING\\r\\n\\xff")");
}

TEST(ValueText, PrintsEveryChoiceByItsName) {
  for (const auto& choice : keys::kBalances) {
    EXPECT_EQ(value_text(choice.value, ChoiceRule<Balance>{keys::kBalances}), choice.name);
  }
}

}  // namespace
}  // namespace config
