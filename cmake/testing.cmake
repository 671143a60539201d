# One way to make tests of a folder, so that every kind is found, labelled and bounded alike.
#
# Labels say the kind: unit contract simulation integration net fuzz tidy bench deploy (one each), and
#   slow     left out by `tests/run --quick`
#   threads  run again under the thread sanitizer
find_package(GTest REQUIRED)
include(GoogleTest)

# The engines over the kernel's sockets: what moves traffic with the real binary is tested over each.
set(MILLRACE_KERNEL_ENGINES epoll io_uring)

# millrace_tests(<name> LABEL <kind> [slow] [threads] FOLDERS <folder of tests/>... LINK <target>...
#                [TIMEOUT <seconds>] [SLOW <regex>] [THREADS <regex>] [ALONE <regex>])
# One executable of every .cc in the folders; one ctest per TEST in it. The expressions match whole
# test names (Suite.Name) and give single tests what LABEL gives to all: `slow`, `threads`, or no
# other test beside them (RUN_SERIAL: what measures time or needs a core for itself).
function(millrace_tests name)
  cmake_parse_arguments(ARG "" "TIMEOUT;SLOW;THREADS;ALONE" "LABEL;FOLDERS;LINK" ${ARGN})
  set(sources "")
  foreach(folder IN LISTS ARG_FOLDERS)
    file(GLOB found CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/${folder}/*.cc")
    list(APPEND sources ${found})
  endforeach()
  if(NOT sources)
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest_main)
  # Under a sanitizer GCC 12 finds uninitialised memory inside libstdc++'s <regex>, which tests use.
  if(MILLRACE_SANITIZER AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${name} PRIVATE -Wno-maybe-uninitialized)
  endif()
  # The folder the compiler ran in, because __FILE__ may be relative to it (CCACHE_BASEDIR).
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 WORKING_DIRECTORY "${CMAKE_BINARY_DIR}"
    PROPERTIES TIMEOUT ${ARG_TIMEOUT})

  # gtest_discover_tests (CMake 3.25) cannot carry a list of labels, so ctest sets them afterwards.
  foreach(kind SLOW THREADS ALONE)
    if(NOT ARG_${kind})
      set(ARG_${kind} "^$")
    endif()
  endforeach()
  set(labels "${CMAKE_CURRENT_BINARY_DIR}/${name}_labels.cmake")
  configure_file("${CMAKE_SOURCE_DIR}/cmake/test_labels.cmake.in" "${labels}" @ONLY)
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${labels}")
endfunction()
