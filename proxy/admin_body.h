// The JSON body of an admin request: one flat object whose keys are known. Pure; any thread.
#pragma once

#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace proxy {

// The object, of which every key is one of `keys`; a body of nothing is an empty object. The error
// says what would be right and, for what is not JSON, at which line and column.
base::Parsed<nlohmann::json> parse_body(std::string_view body,
                                        std::initializer_list<std::string_view> keys);

// The string under a key, or `absent` where there is none.
base::Parsed<std::string> string_of(const nlohmann::json& body, const char* key,
                                    std::string_view absent);

}  // namespace proxy
