# House rule 6. Libraries from Debian are SYSTEM includes, so only our own lines can fail here.
add_compile_options(
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast
  -Wnull-dereference -Werror)

# What Debian's own hardening gives every package.
add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection)
add_link_options(-Wl,-z,relro,-z,now)
