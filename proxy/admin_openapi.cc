#include "proxy/admin_openapi.h"

namespace proxy {

std::string_view openapi_document() { return admin_openapi_files().front().second; }

}  // namespace proxy
