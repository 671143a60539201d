# The Debian package: `cmake --build build/release --target package`, or `cpack` in a build folder where `millrace` is built.
#
# What is in it is under deploy/: debian/ (maintainer scripts, default configuration, changelog), systemd/, sysctl/, limits/, man/, completion/;
# docs/packages.md says what becomes of each. All of it but the program is of the component `package` only, so that `cmake --install` puts down
# the program and nothing else.

include(GNUInstallDirs)
install(TARGETS millrace RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT package)

# The revision of the package is written once, in the first line of its changelog; the version is the project's.
file(STRINGS "${CMAKE_SOURCE_DIR}/deploy/debian/changelog" millrace_changelog LIMIT_COUNT 1)
if(NOT millrace_changelog MATCHES "^millrace \\((.+)-([^-)]+)\\) ")
  message(FATAL_ERROR "deploy/debian/changelog does not begin with: millrace (VERSION-REVISION)")
endif()
if(NOT CMAKE_MATCH_1 STREQUAL PROJECT_VERSION)
  message(FATAL_ERROR "deploy/debian/changelog is for ${CMAKE_MATCH_1}; the project is ${PROJECT_VERSION}")
endif()
set(millrace_revision "${CMAKE_MATCH_2}")
# The sign-off of the newest entry: the date of the manual pages, so that the same source gives the same package.
file(STRINGS "${CMAKE_SOURCE_DIR}/deploy/debian/changelog" millrace_signed REGEX "^ -- ")
list(GET millrace_signed 0 millrace_signed)

# millrace_package_files(<folder in the package> [NAME <name there>] FILES <file>...)
# Absolute: /etc and /lib are where they are, whatever the prefix. Modes are said and not taken over: umasks and checkouts differ.
function(millrace_package_files folder)
  cmake_parse_arguments(ARG "" "NAME" "FILES" ${ARGN})
  list(TRANSFORM ARG_FILES PREPEND "${CMAKE_SOURCE_DIR}/")
  set(rename "")
  if(ARG_NAME)
    set(rename RENAME "${ARG_NAME}")
  endif()
  install(FILES ${ARG_FILES} DESTINATION "${folder}" ${rename} COMPONENT package EXCLUDE_FROM_ALL
    PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endfunction()

millrace_package_files(/lib/systemd/system FILES deploy/systemd/millrace.service)
millrace_package_files(/etc/millrace FILES deploy/debian/millrace.yaml)
millrace_package_files(/etc/security/limits.d FILES deploy/limits/millrace.conf)
millrace_package_files(/etc/logrotate.d NAME millrace FILES deploy/debian/logrotate)
millrace_package_files(/usr/lib/sysctl.d FILES deploy/sysctl/60-millrace.conf)
millrace_package_files(/usr/share/bash-completion/completions NAME millrace FILES deploy/completion/millrace.bash)
millrace_package_files(/usr/share/zsh/vendor-completions FILES deploy/completion/_millrace)
millrace_package_files(/usr/share/lintian/overrides NAME millrace FILES deploy/debian/lintian-overrides)
millrace_package_files(/usr/share/fish/vendor_completions.d FILES deploy/completion/millrace.fish)

set(millrace_doc /usr/share/doc/millrace)
millrace_package_files(${millrace_doc} FILES deploy/debian/copyright README.md)
millrace_package_files(${millrace_doc}/examples FILES deploy/systemd/millrace.socket deploy/systemd/override.conf.example
  deploy/systemd/millrace-dpdk.service.example)

# millrace_package_folder(<folder in the package> <folder of the tree>): all of its files, where the tree has it.
function(millrace_package_folder folder from)
  if(IS_DIRECTORY "${CMAKE_SOURCE_DIR}/${from}")
    install(DIRECTORY "${CMAKE_SOURCE_DIR}/${from}/" DESTINATION "${folder}" COMPONENT package EXCLUDE_FROM_ALL
      FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ
      DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE
      PATTERN "*.md" EXCLUDE PATTERN "__pycache__" EXCLUDE)
  endif()
endfunction()

millrace_package_folder(${millrace_doc}/examples deploy/examples)
# Without what makes the dashboards: that needs the source.
foreach(part dashboards provisioning)
  millrace_package_folder(/usr/share/millrace/grafana/${part} deploy/grafana/${part})
endforeach()
millrace_package_folder(/usr/share/millrace/prometheus deploy/prometheus)
# The documents are Markdown themselves.
install(DIRECTORY "${CMAKE_SOURCE_DIR}/docs/" DESTINATION ${millrace_doc}/docs COMPONENT package EXCLUDE_FROM_ALL
  FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ
  DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE
  FILES_MATCHING PATTERN "*.md" PATTERN "*.json" PATTERN "*.png" PATTERN "*.txt")

# Manual pages and changelogs, compressed; two of the pages are asked of the program itself.
find_package(Python3 COMPONENTS Interpreter)
install(CODE "set(MILLRACE_PROGRAM \"$<TARGET_FILE:millrace>\")
  set(MILLRACE_SOURCE \"${CMAKE_SOURCE_DIR}\")
  set(MILLRACE_WORK \"${CMAKE_BINARY_DIR}/package\")
  set(MILLRACE_VERSION \"${PROJECT_VERSION}\")
  set(MILLRACE_SIGNED \"${millrace_signed}\")
  set(MILLRACE_STRIP \"${CMAKE_STRIP}\")
  set(MILLRACE_PYTHON \"${Python3_EXECUTABLE}\")" COMPONENT package EXCLUDE_FROM_ALL)
install(SCRIPT "${CMAKE_SOURCE_DIR}/cmake/package_documents.cmake" COMPONENT package EXCLUDE_FROM_ALL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME millrace)
set(CPACK_PACKAGE_VENDOR "Millrace")
set(MILLRACE_MAINTAINER "The Millrace authors <maintainers@millrace.example>" CACHE STRING
  "Maintainer of the package: whoever gives it to others writes their own address here")
set(CPACK_PACKAGE_CONTACT "${MILLRACE_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "layer-4 TCP proxy")
set(CPACK_INSTALL_CMAKE_PROJECTS "${CMAKE_BINARY_DIR};millrace;package;/")
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
# Absolute folders above would otherwise be installed on the machine that builds.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE "${millrace_revision}")
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# adduser: the service user. procps: /bin/kill, by which systemd sends SIGHUP.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, procps")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "logrotate")
if(MILLRACE_DPDK)
  # The drivers of cards are plugins, which no shared library names.
  string(APPEND CPACK_DEBIAN_PACKAGE_RECOMMENDS ", librte-meta-net")
endif()
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "prometheus")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Millrace accepts TCP connections, chooses an endpoint of an upstream for each
and relays bytes between the two, by splice(2), by io_uring or by copying.
It has pools of connections that stand ready before the first client, health
checks and outlier ejection, endpoints by DNS, reloads that keep sessions,
and metrics for Prometheus.
.
This package brings a hardened systemd unit with a user of its own.")
set(millrace_debian "${CMAKE_SOURCE_DIR}/deploy/debian")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA "${millrace_debian}/preinst" "${millrace_debian}/postinst" "${millrace_debian}/prerm"
  "${millrace_debian}/postrm" "${millrace_debian}/conffiles")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
