// The inverse of the section reader's read_value: a value as it stands in the file. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/assert.h"
#include "base/time.h"
#include "config/keys.h"

namespace config {

std::string value_text(std::uint32_t value, const IntegerRule& rule);
std::string value_text(base::Nanos value, const DurationRule& rule);
std::string value_text(std::uint32_t value, const SizeRule& rule);
std::string value_text(bool value, const BooleanRule& rule);
std::string value_text(const std::string& value, const NameRule& rule);
std::string value_text(const base::Address& value, AddressUse use);
std::string value_text(const std::vector<base::IpPort>& value, const SourcesRule& rule);
std::string value_text(const std::vector<base::IpPort>& value, const ServersRule& rule);
std::string value_text(std::uint16_t value, const PortRule& rule);
std::string value_text(const std::string& value, const DnsNameRule& rule);
std::string value_text(const std::string& value, const PayloadRule& rule);
std::string value_text(const std::vector<std::string>& value, const WordsRule& rule);
std::string value_text(const Network& value, const NetworkRule& rule);
std::string value_text(const base::IpPort& value, const GatewayRule& rule);
std::string value_text(const std::string& value, const FileRule& rule);
std::string value_text(const AccessOutput& value, const AccessOutputRule& rule);
std::string value_text(std::uint32_t value, const RateRule& rule);
std::string value_text(const std::string& value, const UserRule& rule);
std::string value_text(const std::optional<std::uint32_t>& value, const AutoIntegerRule& rule);
std::string value_text(const std::optional<std::vector<int>>& value, const CpusRule& rule);

template <typename E>
std::string value_text(const E& value, const ChoiceRule<E>& rule) {
  for (const Choice<E>& choice : rule.choices) {
    if (choice.value == value) return std::string(choice.name);
  }
  base::check_failed(__FILE__, __LINE__, "a choice for every value of the enum");
}

}  // namespace config
