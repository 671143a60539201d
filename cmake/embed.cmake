# millrace_embed(<target> <header> <function's namespace> FOLDER <folder> FILES <file>...)
# Makes a header of files, so that a program carries them inside: an array `kFiles` of {name, bytes}. It is
# made again when one of the files changes. Run as a script (cmake -P) this file writes the header.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(MILLRACE_EMBED_SCRIPT "${CMAKE_CURRENT_LIST_FILE}")
  function(millrace_embed target header namespace)
    cmake_parse_arguments(ARG "" "FOLDER" "FILES" ${ARGN})
    set(inputs "")
    foreach(file IN LISTS ARG_FILES)
      list(APPEND inputs "${CMAKE_SOURCE_DIR}/${ARG_FOLDER}/${file}")
    endforeach()
    set(output "${CMAKE_BINARY_DIR}/embedded/${header}")
    add_custom_command(OUTPUT "${output}"
      COMMAND "${CMAKE_COMMAND}" "-DOUTPUT=${output}" "-DNAMESPACE=${namespace}" "-DINPUTS=${inputs}"
        -P "${MILLRACE_EMBED_SCRIPT}"
      DEPENDS ${inputs} "${MILLRACE_EMBED_SCRIPT}" COMMENT "Embedding ${ARG_FOLDER}" VERBATIM)
    target_sources(${target} PRIVATE "${output}")
    target_include_directories(${target} PRIVATE "${CMAKE_BINARY_DIR}/embedded")
  endfunction()
  return()
endif()

# As numbers: a string literal would have to be escaped, and GCC's are limited in what they may hold.
list(LENGTH INPUTS count)
set(arrays "")
set(entries "")
set(index 0)
foreach(input IN LISTS INPUTS)
  get_filename_component(name "${input}" NAME)
  file(READ "${input}" bytes HEX)
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND arrays "inline constexpr char kFile${index}[] = {${bytes}};\n")
  string(APPEND entries "    {\"${name}\", {kFile${index}, sizeof(kFile${index})}},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE "${OUTPUT}" "// Made by cmake/embed.cmake of the files that it names.
#pragma once

#include <array>
#include <string_view>
#include <utility>

namespace ${NAMESPACE} {

${arrays}
inline constexpr std::array<std::pair<std::string_view, std::string_view>, ${count}> kFiles = {{
${entries}}};

}  // namespace ${NAMESPACE}
")
