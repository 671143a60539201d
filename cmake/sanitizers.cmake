# MILLRACE_SANITIZER: empty, `address` (with undefined behaviour) or `thread`. One at a time: they exclude each other.
set(MILLRACE_SANITIZER "" CACHE STRING "address | thread")
set_property(CACHE MILLRACE_SANITIZER PROPERTY STRINGS "" address thread)

if(MILLRACE_SANITIZER STREQUAL "address")
  set(millrace_sanitize -fsanitize=address,undefined -fno-sanitize-recover=all)
elseif(MILLRACE_SANITIZER STREQUAL "thread")
  set(millrace_sanitize -fsanitize=thread)
  # GCC warns that the thread sanitizer does not follow std::atomic_thread_fence. Ours stands between
  # atomic operations only (proxy/admission.cc), where it has nothing to follow.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)
    # With the instrumentation in between, GCC 12 takes a std::function that was just checked for a
    # null pointer.
    add_compile_options(-Wno-null-dereference)
  endif()
elseif(MILLRACE_SANITIZER)
  message(FATAL_ERROR "MILLRACE_SANITIZER is '${MILLRACE_SANITIZER}'; it can be empty, address or thread")
endif()

if(millrace_sanitize)
  add_compile_options(${millrace_sanitize} -fno-omit-frame-pointer)
  add_link_options(${millrace_sanitize})
endif()
