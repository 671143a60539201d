// docs/admin-api.openapi.json as it was when the program was built: CMake embeds it. Constant.
#pragma once

#include <span>
#include <string_view>
#include <utility>

namespace proxy {

std::string_view openapi_document();

// Name and contents of the one file. CMake makes the source of this one (cmake/embed.cmake).
std::span<const std::pair<std::string_view, std::string_view>> admin_openapi_files();

}  // namespace proxy
