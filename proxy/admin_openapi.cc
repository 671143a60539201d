#include "proxy/admin_openapi.h"

#include "proxy/admin_openapi_files.h"

namespace proxy {

std::string_view openapi_document() { return admin_openapi_files::kFiles[0].second; }

}  // namespace proxy
