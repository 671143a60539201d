# House rule 6. Libraries from Debian are SYSTEM includes, so only our own lines can fail here.
add_compile_options(
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast
  -Wnull-dereference -Werror)

# GCC 12 at -O2 and above warns about `"text" + std::string` inside libstdc++ itself (GCC bug 105651, mended
# in 13). Our code has no restrict pointers the warning could be right about.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  add_compile_options(-Wno-restrict)
endif()

# What Debian's own hardening gives every package.
add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection)
add_link_options(-Wl,-z,relro,-z,now)
