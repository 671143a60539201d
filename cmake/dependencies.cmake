# All from Debian 12; deploy/install-dependencies installs them. House rule 5 says why each one.
find_package(Threads REQUIRED)
find_package(tl-expected REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(PkgConfig REQUIRED)
# Debian's own interpreter: the modules that tests need come as Debian packages, which no other Python sees.
find_program(MILLRACE_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
set(Python3_EXECUTABLE "${MILLRACE_PYTHON}")

# Debian's yaml-cpp, prometheus-cpp, libmicrohttpd, xxhash, c-ares and others come with pkg-config files or with none.
function(millrace_import name library header)
  find_library(${name}_LIBRARY ${library} REQUIRED)
  find_path(${name}_INCLUDE ${header} REQUIRED)
  add_library(${name} UNKNOWN IMPORTED)
  set_target_properties(${name} PROPERTIES IMPORTED_LOCATION "${${name}_LIBRARY}"
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${${name}_INCLUDE}")
endfunction()

millrace_import(yaml-cpp yaml-cpp yaml-cpp/parser.h)
millrace_import(prometheus-cpp::core prometheus-cpp-core prometheus/collectable.h)
millrace_import(microhttpd microhttpd microhttpd.h)
millrace_import(xxhash xxhash xxhash.h)
millrace_import(cares cares ares.h)
millrace_import(uring uring liburing.h)
millrace_import(systemd systemd systemd/sd-daemon.h)
millrace_import(cap-ng cap-ng cap-ng.h)
millrace_import(seccomp seccomp seccomp.h)
# The wide ones: bars and names are UTF-8. tinfo is the half of ncurses that describes terminals.
millrace_import(ncursesw ncursesw ncurses.h)
millrace_import(tinfo tinfo term.h)
