// docs/admin-api.openapi.json as it was when the program was built: CMake embeds it. Constant.
#pragma once

#include <string_view>

namespace proxy {

std::string_view openapi_document();

}  // namespace proxy
