# One language for the whole tree, and the one way to make a library of a folder.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE}")
endif()

# Every .cc of the given folders. A new file is picked up by the next build, so none can be forgotten.
function(millrace_sources out)
  set(found "")
  foreach(folder IN LISTS ARGN)
    file(GLOB files CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${folder}/*.cc")
    list(APPEND found ${files})
  endforeach()
  set(${out} "${found}" PARENT_SCOPE)
endfunction()

function(millrace_library name)
  millrace_sources(sources ${ARGN})
  # CMake wants a source: a folder that has headers only gets an empty one, in the build folder.
  if(NOT sources)
    set(sources "${CMAKE_BINARY_DIR}/${name}_headers_only.cc")
    file(CONFIGURE OUTPUT "${sources}" CONTENT "// See millrace_library in cmake/language.cmake.\n")
  endif()
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC "${CMAKE_SOURCE_DIR}")
endfunction()
