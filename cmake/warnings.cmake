# House rule 6. Libraries from Debian are SYSTEM includes, so only our own lines can fail here.
add_compile_options(
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast
  -Wnull-dereference -Werror)

# GCC 12 at -O2 and above warns about `"text" + std::string` inside libstdc++ itself (GCC bug 105651, mended
# in 13). Our code has no restrict pointers the warning could be right about.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  add_compile_options(-Wno-restrict)
endif()

# What Debian's own hardening gives every package (dpkg-buildflags, hardening=+all). Checked calls of the C library
# need an optimiser; level 3 knows sizes of memory that was allocated at run time too (GCC 12, glibc 2.36).
add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection
  "$<$<CONFIG:Release,RelWithDebInfo>:SHELL:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3>")
add_link_options(-Wl,-z,relro,-z,now)
# Without it CMake compiles for a position-independent executable, but leaves how to link one to the compiler.
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)
