# millrace_embed(<target> <function> HEADER <header> FOLDER <folder> FILES <file>...)
# Files inside the program: makes a source that defines the function, which the header declares and which
# gives {name, contents} of each file. It is made again when one of them changes. Run as a script (cmake -P)
# this file writes the source.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(MILLRACE_EMBED_SCRIPT "${CMAKE_CURRENT_LIST_FILE}")
  function(millrace_embed target function)
    cmake_parse_arguments(ARG "" "HEADER;FOLDER" "FILES" ${ARGN})
    list(TRANSFORM ARG_FILES PREPEND "${CMAKE_SOURCE_DIR}/${ARG_FOLDER}/" OUTPUT_VARIABLE inputs)
    set(output "${CMAKE_BINARY_DIR}/embedded/${ARG_FOLDER}.cc")
    add_custom_command(OUTPUT "${output}"
      COMMAND "${CMAKE_COMMAND}" "-DOUTPUT=${output}" "-DHEADER=${ARG_HEADER}" "-DFUNCTION=${function}"
        "-DINPUTS=${inputs}" -P "${MILLRACE_EMBED_SCRIPT}"
      DEPENDS ${inputs} "${MILLRACE_EMBED_SCRIPT}" COMMENT "Embedding ${ARG_FOLDER}" VERBATIM)
    target_sources(${target} PRIVATE "${output}")
  endfunction()
  return()
endif()

# As characters one by one: a string literal would need escapes of what the files are full of.
set(arrays "")
set(entries "")
foreach(input IN LISTS INPUTS)
  get_filename_component(name "${input}" NAME)
  string(MAKE_C_IDENTIFIER "${name}" array)
  file(READ "${input}" bytes HEX)
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND arrays "constexpr char ${array}[] = {${bytes}};\n")
  string(APPEND entries "    {\"${name}\", {${array}, sizeof(${array})}},\n")
endforeach()
file(WRITE "${OUTPUT}" "// Made by cmake/embed.cmake.
#include \"${HEADER}\"

namespace {

${arrays}
constexpr std::pair<std::string_view, std::string_view> embedded[] = {
${entries}};

}  // namespace

std::span<const std::pair<std::string_view, std::string_view>> ${FUNCTION}() { return embedded; }
")
