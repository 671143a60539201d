# At install time, for the package: manual pages and changelogs as Debian wants them, compressed and without a time in them.
# cmake/packaging.cmake sets MILLRACE_* before.

if(NOT MILLRACE_PYTHON)
  message(FATAL_ERROR "python3 makes the manual pages: deploy/install-dependencies --for package")
endif()

# " -- Name <mail>  Sat, 28 Nov 2026 05:00:00 +0000" -> 2026-11-28
set(months Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec)
if(NOT MILLRACE_SIGNED MATCHES "  [A-Z][a-z][a-z], +([0-9]+) ([A-Z][a-z][a-z]) ([0-9][0-9][0-9][0-9]) ")
  message(FATAL_ERROR "no date in the sign-off of deploy/debian/changelog: ${MILLRACE_SIGNED}")
endif()
set(day "0${CMAKE_MATCH_1}")
set(year "${CMAKE_MATCH_3}")
list(FIND months "${CMAKE_MATCH_2}" month)
math(EXPR month "${month} + 1")
string(REGEX REPLACE ".*(..)$" "\\1" day "${day}")
string(REGEX REPLACE ".*(..)$" "\\1" month "0${month}")
set(DATE "${year}-${month}-${day}")
set(VERSION "${MILLRACE_VERSION}")

# Compressed into a folder of the package (file(INSTALL) knows DESTDIR by itself); -n leaves name and time out.
function(millrace_compressed file folder name)
  set(out "${MILLRACE_WORK}/${name}.gz")
  execute_process(COMMAND gzip -9nc "${file}" OUTPUT_FILE "${out}" COMMAND_ERROR_IS_FATAL ANY)
  file(INSTALL "${out}" DESTINATION "${folder}" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endfunction()

file(MAKE_DIRECTORY "${MILLRACE_WORK}")
foreach(page millrace.1 millrace-ctl.1 millrace-top.1)
  configure_file("${MILLRACE_SOURCE}/deploy/man/${page}.in" "${MILLRACE_WORK}/${page}" @ONLY)
endforeach()
set(generate "${MILLRACE_PYTHON}" -B "${MILLRACE_SOURCE}/deploy/man/generate.py")
execute_process(COMMAND "${MILLRACE_PROGRAM}" schema COMMAND ${generate} config "${VERSION}" "${DATE}"
  OUTPUT_FILE "${MILLRACE_WORK}/millrace.yaml.5" COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${generate} metrics "${VERSION}" "${DATE}" INPUT_FILE "${MILLRACE_SOURCE}/docs/metrics.md"
  OUTPUT_FILE "${MILLRACE_WORK}/millrace-metrics.7" COMMAND_ERROR_IS_FATAL ANY)

foreach(page millrace.1 millrace-ctl.1 millrace-top.1 millrace.yaml.5 millrace-metrics.7)
  string(REGEX REPLACE ".*\\." "" section "${page}")
  millrace_compressed("${MILLRACE_WORK}/${page}" "/usr/share/man/man${section}" "${page}")
endforeach()
millrace_compressed("${MILLRACE_SOURCE}/CHANGELOG.md" /usr/share/doc/millrace changelog)
millrace_compressed("${MILLRACE_SOURCE}/deploy/debian/changelog" /usr/share/doc/millrace changelog.Debian)

# CPack strips symbols; Debian strips the compiler's name as well.
if(CMAKE_INSTALL_DO_STRIP)
  execute_process(COMMAND "${MILLRACE_STRIP}" --remove-section=.comment --remove-section=.note
    "$ENV{DESTDIR}/usr/bin/millrace" COMMAND_ERROR_IS_FATAL ANY)
endif()
