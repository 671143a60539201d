# millrace_embed(<target> <function> HEADER <header> FOLDER <folder> [GZIP] FILES <file>...)
# Files inside the program: makes a source that defines the function, which the header declares and which
# gives {name, contents} of each file; with GZIP also {name.gz, compressed contents}. It is made again when one
# of them changes. Run as a script (cmake -P) this file writes the source.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(MILLRACE_EMBED_SCRIPT "${CMAKE_CURRENT_LIST_FILE}")
  function(millrace_embed target function)
    cmake_parse_arguments(ARG "GZIP" "HEADER;FOLDER" "FILES" ${ARGN})
    set(gzip "")
    if(ARG_GZIP)
      find_program(MILLRACE_GZIP gzip REQUIRED)
      set(gzip "${MILLRACE_GZIP}")
    endif()
    list(TRANSFORM ARG_FILES PREPEND "${CMAKE_SOURCE_DIR}/${ARG_FOLDER}/" OUTPUT_VARIABLE inputs)
    set(output "${CMAKE_BINARY_DIR}/embedded/${ARG_FOLDER}.cc")
    add_custom_command(OUTPUT "${output}"
      COMMAND "${CMAKE_COMMAND}" "-DOUTPUT=${output}" "-DHEADER=${ARG_HEADER}" "-DFUNCTION=${function}"
        "-DINPUTS=${inputs}" "-DGZIP=${gzip}" -P "${MILLRACE_EMBED_SCRIPT}"
      DEPENDS ${inputs} "${MILLRACE_EMBED_SCRIPT}" COMMENT "Embedding ${ARG_FOLDER}" VERBATIM)
    target_sources(${target} PRIVATE "${output}")
  endfunction()
  return()
endif()

# As characters one by one: a string literal would need escapes of what the files are full of.
set(arrays "")
set(entries "")
function(append_file path name)
  string(MAKE_C_IDENTIFIER "${name}" array)
  file(READ "${path}" bytes HEX)
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
  set(arrays "${arrays}constexpr char ${array}[] = {${bytes}};\n" PARENT_SCOPE)
  set(entries "${entries}    {\"${name}\", {${array}, sizeof(${array})}},\n" PARENT_SCOPE)
endfunction()

foreach(input IN LISTS INPUTS)
  get_filename_component(name "${input}" NAME)
  append_file("${input}" "${name}")
  if(GZIP)
    # Without a name and a time in it: the same input gives the same program.
    execute_process(COMMAND "${GZIP}" -9nc INPUT_FILE "${input}" OUTPUT_FILE "${OUTPUT}.gz"
      COMMAND_ERROR_IS_FATAL ANY)
    append_file("${OUTPUT}.gz" "${name}.gz")
    file(REMOVE "${OUTPUT}.gz")
  endif()
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
