#include "base/errno.h"

#include <cstring>

namespace base {

std::string errno_name(Errno error) {
  if (error == Errno::kNone) return "ok";
  const char* name = strerrorname_np(code_of(error));
  return name != nullptr ? name : "errno " + std::to_string(code_of(error));
}

std::string errno_text(Errno error) {
  const char* text = strerrordesc_np(code_of(error));
  return text != nullptr ? std::string(text) + " (" + errno_name(error) + ")" : errno_name(error);
}

}  // namespace base
